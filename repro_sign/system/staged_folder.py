"""Fill a folder aside and give it its name when it is complete: whoever sees it sees all of it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.system.durable import name_beside, remove_leftovers, sync_folder


@contextmanager
def staged_folder(path: Path) -> Iterator[Path]:
    """Make a folder to be filled; it becomes `path` if nothing is raised, and goes away otherwise.

    What a killed process left on its way there is removed. Raises `RefusedError` if something is
    at `path` already, an empty folder aside, or if it can't be written.
    """
    demand_room(path)
    remove_leftovers(path)
    aside = name_beside(path)
    try:
        aside.mkdir()
        try:
            yield aside
            _sync(aside)
            if path.is_dir():
                path.rmdir()
            aside.rename(path)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        shown = printable(str(path))
        raise RefusedError(
            f"{shown} could not be written: {error.strerror}",
            hint="check the folder's permissions and the space left; nothing was left there",
        ) from error


def demand_room(path: Path) -> None:
    """Raise `RefusedError` if something is at a path that is to become a folder."""
    shown = printable(str(path))
    try:
        taken = os.path.lexists(path) and (not path.is_dir() or any(os.scandir(path)))
    except OSError as error:
        raise RefusedError(f"{shown}: {error.strerror}") from error
    if taken:
        raise RefusedError(
            f"{shown} is there already, and is not overwritten", hint="name a new folder"
        )
    if not path.absolute().parent.is_dir():
        raise RefusedError(f"{shown}: there is no folder {printable(str(path.absolute().parent))}")


def _sync(folder: Path) -> None:
    """Have all files of a folder on the disk before it gets its name."""
    for current, _, names in os.walk(folder, topdown=False):
        for name in names:
            descriptor = os.open(Path(current, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(current))
