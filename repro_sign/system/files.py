"""Open files: regular ones only, read through one descriptor, and watched for change.

A FIFO or a device would block or never end. A file is read into buffers, never mapped: a map of
one that somebody truncates kills the process.
"""

import os
import stat
from pathlib import Path

from repro_sign.errors import MalformedError, RefusedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class FileState:
    """What identifies the content of an open file as far as the kernel tells."""

    device: int
    inode: int
    size: int
    changed_ns: int


def open_regular(path: Path, flags: int) -> int:
    """Open a regular file, and only such a file: a FIFO or a device would block or never end."""
    shown = printable(str(path))
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise UnreadableError(f"{shown}: {error.strerror}") from error
    except ValueError as error:
        raise UnreadableError(f"{shown}: not a possible file name") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableError(f"{shown}: not a regular file")
    return descriptor


def file_state(descriptor: int) -> FileState:
    """Ask the kernel what an open file is and when it last changed."""
    status = os.fstat(descriptor)
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns)


def read_exactly(descriptor: int, offset: int, length: int, path: Path) -> bytes:
    """Read `length` bytes at `offset`, however many calls that takes."""
    parts: list[bytes] = []
    missing = length
    try:
        if not hasattr(os, "pread"):
            os.lseek(descriptor, offset, os.SEEK_SET)
        while missing:
            if hasattr(os, "pread"):
                part = os.pread(descriptor, missing, offset + length - missing)
            else:
                part = os.read(descriptor, missing)
            if not part:
                raise UnreadableError(f"{printable(str(path))} became shorter while it was read")
            parts.append(part)
            missing -= len(part)
    except OSError as error:
        raise UnreadableError(f"{printable(str(path))}: {error.strerror}") from error
    return b"".join(parts)


def read_small(path: Path, limit: int, what: str) -> bytes:
    """Return the content of a regular file of at most `limit` bytes; `what` names its kind.

    Raises `UnreadableError` if it can't be read, `MalformedError` if it is larger.
    """
    data = read_beginning(path, limit + 1)
    if len(data) > limit:
        raise MalformedError(
            f"{printable(str(path))} is larger than any {what} ({limit} bytes)", code="too-large"
        )
    return data


def read_if_there(path: Path, limit: int, what: str) -> bytes | None:
    """Return the content of a file as `read_small` does, or None if there is no such file."""
    return read_small(path, limit, what) if os.path.lexists(path) else None


def read_beginning(path: Path, length: int) -> bytes:
    """Return the first bytes of a regular file, or all if there are fewer.

    Raises `UnreadableError`.
    """
    descriptor = open_regular(path, os.O_RDONLY)
    try:
        with open(descriptor, "rb") as file:
            data: bytes | None = file.read(length)
    except OSError as error:
        raise UnreadableError(f"{printable(str(path))}: {error.strerror}") from error
    if data is None:  # a file of /proc that waits for news, as /proc/kmsg does
        raise UnreadableError(f"{printable(str(path))}: it has nothing to be read now")
    return data


def demand_own_file(path: Path) -> None:
    """Refuse a file that other users can write or replace: what it says would be believed.

    What lies in a folder that only its owner enters is out of others' reach, whatever its mode.
    Raises `RefusedError`.
    """
    if not os.path.lexists(path):
        return
    demand_own(path.parent)
    if not _is_closed(path.parent):
        demand_own(path)


def demand_own(path: Path) -> None:
    """Refuse a file or folder that is another user's or that others can write (POSIX).

    Root's is fine: root can do anything anyhow. Raises `RefusedError`.
    """
    if os.name != "posix":
        return
    try:
        status = os.stat(path)
    except OSError:
        return  # not there, or not to be read: whoever reads it says so
    shown = printable(str(path))
    if status.st_uid not in (0, os.geteuid()):
        raise RefusedError(
            f"{shown} belongs to another user, so what it says can't be believed",
            hint=f"take it away, or make it yours: chown {os.geteuid()} {shown}",
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RefusedError(
            f"others can write {shown}, so what it says can't be believed",
            hint=f"look at what is in it, then: chmod go-w {shown}",
        )


def _is_closed(folder: Path) -> bool:
    status = os.stat(folder)
    return os.name == "posix" and not status.st_mode & 0o077
