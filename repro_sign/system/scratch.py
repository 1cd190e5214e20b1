"""Places for what must not outlive a command: private folders and files that have no name.

Secrets are kept in memory files, which no disk ever sees and which end with the process, however
it ends. Folders go to a file system in memory where there is one.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from repro_sign.errors import RefusedError

_PREFIX: Final = "repro-sign-"
_YOUNG_SECONDS: Final = 5
"""A folder this new may be one whose owner is just about to lock it."""
_IN_MEMORY: Final = "/dev/shm"  # noqa: S108 - a folder of random name and mode 700 is made in it
"""Where Linux keeps a file system in memory that everybody may use."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder that only this user can enter, and remove it with all that it holds.

    Folders that killed runs left are removed too: a folder in use is locked by its owner.
    Raises `RefusedError` where there is no room.
    """
    try:
        in_memory = os.access(_IN_MEMORY, os.W_OK | os.X_OK)
        parent = Path(_IN_MEMORY if in_memory else tempfile.gettempdir())
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _no_room(error) from error
    try:
        _lock(descriptor)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _sweep(parent: Path) -> None:
    """Remove scratch folders of this user that nobody holds locked."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if time.time() - os.fstat(descriptor).st_ctime > _YOUNG_SECONDS and _lock(descriptor):
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    import fcntl  # POSIX only, as are the programs that need such a folder

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _no_room(error: OSError) -> RefusedError:
    return RefusedError(
        f"there is no room for what must be kept aside for a moment: {error.strerror}",
        hint=f"make room in {_IN_MEMORY} or in the folder for temporary files",
    )


@contextmanager
def memory_file(content: bytes = b"") -> Iterator[int]:
    """Open a file that exists in memory only, positioned at its start (Linux)."""
    try:
        descriptor = os.memfd_create("repro-sign")
    except OSError as error:
        raise _no_room(error) from error
    try:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.lseek(descriptor, 0, os.SEEK_SET)
        except OSError as error:
            raise _no_room(error) from error
        yield descriptor
    finally:
        os.close(descriptor)


def read_all(descriptor: int) -> bytes:
    """Return the whole content of a memory file, wherever it is positioned."""
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
