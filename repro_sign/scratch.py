"""Places for what must not outlive a command: private folders and files that have no name.

Secrets are kept in memory files, which no disk ever sees and which end with the process, however
it ends. Folders go to a file system in memory where there is one.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_MEMORY = "/dev/shm"  # noqa: S108 - a folder of random name and mode 700 is made in it
"""Where Linux keeps a file system in memory that everybody may use."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder that only this user can enter, and remove it with all that it holds."""
    parent = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="repro-sign-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def memory_file(content: bytes = b"") -> Iterator[int]:
    """Open a file that exists in memory only, positioned at its start (Linux)."""
    descriptor = os.memfd_create("repro-sign")
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def read_all(descriptor: int) -> bytes:
    """Return the whole content of a memory file, wherever it is positioned."""
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
