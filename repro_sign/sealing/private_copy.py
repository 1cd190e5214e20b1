"""A private copy of an image that has no name and goes with the process, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.sif.reader import OpenImage
from repro_sign.system.copying import copy_content
from repro_sign.system.durable import TEMPORARY_MARK


@contextmanager
def private_copy(image: OpenImage) -> Iterator[int]:
    """Open a copy of an image that has no name and goes with the process, however it ends.

    It shares the original's blocks where the file system can. Raises `RefusedError` if there is
    no room for it.
    """
    folder = image.path.resolve().parent
    try:
        descriptor = _nameless_file(folder)
    except OSError as error:
        raise _no_room(image, error) from error
    try:
        try:
            whole = copy_content(image.fd, descriptor, image.size)
        except OSError as error:
            raise _no_room(image, error) from error
        if not whole:
            raise RefusedError(f"{printable(str(image.path))} became shorter while it was copied")
        yield descriptor
    finally:
        os.close(descriptor)


def _nameless_file(folder: Path) -> int:
    """Open a new file without a name in a folder; where that can't be, one whose name is gone."""
    if hasattr(os, "O_TMPFILE"):
        with suppress(OSError):
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    path = folder / f".{os.getpid()}{TEMPORARY_MARK}copy"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    path.unlink()
    return descriptor


def _no_room(image: OpenImage, error: OSError) -> RefusedError:
    shown = printable(str(image.path.parent))
    return RefusedError(
        f"{shown}: a private copy of {image.size} bytes can't be made: {error.strerror}",
        hint="apptainer sign needs room for a copy of the image beside it; nothing was changed",
    )
