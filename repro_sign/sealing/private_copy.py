"""A private copy of an image that has no name and goes with the process, however it ends."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from repro_sign.durable import TEMPORARY_MARK
from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.sif.reader import OpenImage

_FICLONE: Final = 0x40049409
"""The ioctl that makes a file share another's blocks (linux/fs.h)."""
_COPY_BYTES: Final = 64 << 20
_BUFFER_BYTES: Final = 1 << 20


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
            _copy(image, descriptor)
        except OSError as error:
            raise _no_room(image, error) from error
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


def _copy(image: OpenImage, target: int) -> None:
    import fcntl  # Linux only, as is apptainer

    with suppress(OSError):
        fcntl.ioctl(target, _FICLONE, image.fd)
        return
    offset = 0
    while offset < image.size:
        count = _copy_part(image.fd, target, min(_COPY_BYTES, image.size - offset), offset)
        if not count:
            raise RefusedError(f"{printable(str(image.path))} became shorter while it was copied")
        offset += count


def _copy_part(source: int, target: int, length: int, offset: int) -> int:
    """Copy inside the kernel where the file system can, through a buffer elsewhere."""
    try:
        return os.copy_file_range(source, target, length, offset, offset)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP):
            raise
    return os.pwrite(target, os.pread(source, min(length, _BUFFER_BYTES), offset), offset)


def _no_room(image: OpenImage, error: OSError) -> RefusedError:
    shown = printable(str(image.path.parent))
    return RefusedError(
        f"{shown}: a private copy of {image.size} bytes can't be made: {error.strerror}",
        hint="apptainer sign needs room for a copy of the image beside it; nothing was changed",
    )
