"""Copy a file's content between two open files, sharing its blocks where the file system can."""

import errno
import os
from contextlib import suppress
from typing import Final

_FICLONE: Final = 0x40049409
"""The ioctl that makes a file share another's blocks (linux/fs.h)."""
_COPY_BYTES: Final = 64 << 20
_BUFFER_BYTES: Final = 1 << 20
_NOT_THERE: Final = (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP)


def copy_content(source: int, target: int, size: int) -> bool:
    """Copy `size` bytes from the start of a file to that of an empty one.

    Returns False if the source ended before. Raises `OSError`.
    """
    if _share_blocks(source, target):
        return os.fstat(target).st_size >= size
    offset = 0
    while offset < size:
        count = _copy_part(source, target, min(_COPY_BYTES, size - offset), offset)
        if not count:
            return False
        offset += count
    return True


def _share_blocks(source: int, target: int) -> bool:
    if not hasattr(os, "copy_file_range"):  # Linux has both
        return False
    import fcntl

    with suppress(OSError):
        fcntl.ioctl(target, _FICLONE, source)
        return True
    return False


def _copy_part(source: int, target: int, length: int, offset: int) -> int:
    """Copy inside the kernel where the file system can, through a buffer elsewhere."""
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, target, length, offset, offset)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
    os.lseek(source, offset, os.SEEK_SET)
    os.lseek(target, offset, os.SEEK_SET)
    return os.write(target, os.read(source, min(length, _BUFFER_BYTES)))
