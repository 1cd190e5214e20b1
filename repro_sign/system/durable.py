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
    _logger.debug("writing %s", path)
    remove_leftovers(path)
    try:
        beside = _write_beside(path, data, mode)
        try:
            os.replace(beside, path)
        except BaseException:
            _unlink(beside)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise _not_written(path, error) from error


def write_new_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file as `write_file` does, but only where there is none of that name.

    Raises `RefusedError` if there is, or if it can't be written.
    """
    taken = RefusedError(
        f"{printable(str(path))} is there already, and is not overwritten", hint="name another file"
    )
    if os.path.lexists(path):
        raise taken
    remove_leftovers(path)
    try:
        beside = _write_beside(path, data, mode)
        try:
            os.link(beside, path)
        except FileExistsError as error:
            raise taken from error
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.replace(beside, path)
        finally:
            _unlink(beside)
        sync_folder(path.parent)
    except OSError as error:
        raise _not_written(path, error) from error


def exchange_file(path: Path, old: bytes | None, new: bytes, *, mode: int) -> None:
    """Replace a file whose loss would be grave, keeping the old one until the new is read back.

    `old` is what the file held when `new` was made from it; None if there was none. A kill leaves
    the old file or the new one, and perhaps the old one under another name, which
    `remove_leftovers` takes away. Raises `RefusedError` if the file can't be written, does not
    read back as it was written, or was changed by somebody else meanwhile: the old one (with that
    change) is then in its place.
    """
    remove_leftovers(path)
    aside = name_beside(path)
    try:
        _keep(path, old, aside, mode)
    except OSError as error:
        _unlink(aside)
        raise _not_written(path, error) from error
    try:
        write_file(path, new, mode=mode)
        _demand_exchanged(path, new, aside, old)
    except BaseException:
        with contextlib.suppress(OSError):
            if old is not None:
                os.replace(aside, path)
            elif _content(path) == new:
                os.unlink(path)
        raise
    finally:
        _unlink(aside)


def _demand_exchanged(path: Path, new: bytes, aside: Path, old: bytes | None) -> None:
    shown = printable(str(path))
    try:
        if _content(path) != new:
            raise RefusedError(
                f"{shown} does not read back as it was written",
                hint="the old file was put back; is the disk in order?",
            )
        if _content(aside) != old:
            raise RefusedError(
                f"{shown} was changed by another program meanwhile",
                hint="nothing of that was lost; run the command again",
            )
    except OSError as error:
        raise RefusedError(
            f"{shown} can't be read back: {error.strerror}", hint="the old file was put back"
        ) from error


_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)
"""What file systems say that know no hard links, or give no more of them."""


def _keep(path: Path, old: bytes | None, aside: Path, mode: int) -> None:
    """Give a file a second name, or copy it where the file system can't."""
    if old is None:
        return
    try:
        os.link(path, aside)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _write_as(aside, path.read_bytes(), mode)


def _write_beside(path: Path, data: bytes, mode: int) -> Path:
    """Write a synced file beside `path`; return its name."""
    beside = name_beside(path)
    try:
        _write_as(beside, data, mode)
    except BaseException:
        _unlink(beside)
        raise
    return beside


def _write_as(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, mode)
    with open(descriptor, "wb") as file:
        if hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _not_written(path: Path, error: OSError) -> RefusedError:
    return RefusedError(
        f"{printable(str(path))} could not be written: {error.strerror}",
        hint="check the folder's permissions and the space left; nothing was changed",
    )


def name_beside(path: Path) -> Path:
    """Return a new name beside `path` for what is on its way there."""
    return path.with_name(f"{_temporary_prefix(path)}{os.getpid()}-{secrets.token_hex(6)}")


def _temporary_prefix(path: Path) -> str:
    """Return how the names of files on their way to `path` begin, on this machine."""
    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    return f".{path.name}{TEMPORARY_MARK}{machine}-"


def remove_leftovers(path: Path) -> None:
    """Remove what a process of this machine that was killed left on its way to `path`."""
    prefix = _temporary_prefix(path)
    with contextlib.suppress(OSError):
        for name in os.listdir(path.parent):
            number = name.removeprefix(prefix).partition("-")[0]
            if name.startswith(prefix) and number.isdigit() and not _is_alive(int(number)):
                _remove(path.with_name(name))


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        os.unlink(path)
        return
    import shutil  # folders are seldom on their way anywhere

    shutil.rmtree(path)


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
