"""Write files so that a crash, a full disk or a kill leaves the old or the new, never a part."""

import contextlib
import errno
import hashlib
import logging
import os
import platform
import secrets
from collections.abc import Iterator
from pathlib import Path

from repro_sign.errors import RefusedError
from repro_sign.escaping import printable

_logger = logging.getLogger(__name__)

TEMPORARY_MARK = ".repro-sign-"
"""Part of the name of a file that is being written; such files hold nothing finished."""


def write_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` by a file with this content: written beside it, synced, then renamed.

    Raises `RefusedError` if that can't be done; the old file is then as it was.
    """
    beside = path.with_name(f"{_temporary_prefix(path)}{os.getpid()}-{secrets.token_hex(6)}")
    _logger.debug("writing %s", path)
    _remove_leftovers(path)
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, mode)
        try:
            with open(descriptor, "wb") as file:
                if hasattr(os, "fchmod"):
                    os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise RefusedError(
            f"{printable(str(path))} could not be written: {error.strerror}",
            hint="check the folder's permissions and the space left; nothing was changed",
        ) from error


def _temporary_prefix(path: Path) -> str:
    """Return how the names of files on their way to `path` begin, on this machine."""
    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    return f".{path.name}{TEMPORARY_MARK}{machine}-"


def _remove_leftovers(path: Path) -> None:
    """Remove what a process of this machine that was killed left on its way to `path`."""
    prefix = _temporary_prefix(path)
    with contextlib.suppress(OSError):
        for name in os.listdir(path.parent):
            number = name.removeprefix(prefix).partition("-")[0]
            if name.startswith(prefix) and number.isdigit() and not _is_alive(int(number)):
                os.unlink(path.with_name(name))


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # there, asking would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems can't
            raise
    finally:
        os.close(descriptor)


def private_folder(path: Path) -> None:
    """Make sure that `path` is a folder, creating it (and parents) so that only the owner enters.

    Raises `RefusedError`.
    """
    try:
        for folder in [*reversed(path.parents), path]:
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise RefusedError(
            f"the folder {printable(str(path))} could not be made: {error.strerror}"
        ) from error


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on a folder, waiting for whoever has it (POSIX; elsewhere: none)."""
    if os.name != "posix":
        yield
        return
    import fcntl  # POSIX only, as is everything that is locked this way

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # file systems without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
