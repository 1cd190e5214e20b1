"""The child process that reads a squashfs: it can open nothing, start nothing, and has an end.

Standard input is the image, standard output takes the listing. Before the first byte of the
squashfs is looked at, the process gives up what it does not need: after that no file, no
connection and no program can be opened, and memory, time and output have limits. Where the
system knows no such limits (Windows), the bounds in the reader and the caller's clock are left.

Exit status: 0 read, 3 this squashfs can't be read (the last line of standard error says why).
"""

import hashlib
import sys
from typing import IO, Final

from repro_sign.contents.listing import MAX_LISTING_BYTES, TREE_PREFIX, TreeSummary
from repro_sign.contents.lookup import FileLookup
from repro_sign.contents.named_files import NamedFile
from repro_sign.contents.squashfs import Squashfs
from repro_sign.contents.window import Window
from repro_sign.errors import MalformedError, NoAnswerError

_CANNOT_READ: Final = 3
_MEMORY_BYTES: Final = 1 << 30
_STDIN: Final = 0


def main(arguments: list[str]) -> int:
    """Read the squashfs at an offset of standard input; write its listing, or its end only.

    The arguments: offset, size, seconds of CPU time, `entries` or `digest`; or `files` and the
    paths of the files that are to be written.
    """
    offset, size, seconds = map(int, arguments[:3])
    _load_decompressors()
    _confine(seconds)
    try:
        window = Window(_STDIN, offset, size)
        if arguments[3] == "files":
            _write_files(window, arguments[4:], sys.stdout.buffer)
        else:
            _write(window, sys.stdout.buffer, entries=arguments[3] == "entries")
        sys.stdout.buffer.flush()
    except (MalformedError, NoAnswerError) as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("it needs more memory than any squashfs should")
    except OSError as error:
        return _fail(error.strerror or "it can't be read")
    except Exception as error:  # noqa: BLE001 - PySquashfsImage raises a dozen kinds on bad bytes
        return _fail(f"it is damaged ({type(error).__name__})")
    return 0


def _write(window: Window, out: IO[bytes], *, entries: bool) -> None:
    squashfs = Squashfs(window)
    digest = hashlib.sha256(TREE_PREFIX)
    count, room = 0, MAX_LISTING_BYTES
    for one in squashfs.entries():
        count += 1
        digest.update(one.canonical())
        if entries:
            line = one.line()
            room -= len(line)
            if room < 0:
                raise MalformedError("the list of its files is too long")
            out.write(line)
    out.write(TreeSummary(count, digest.hexdigest(), squashfs.packing).line())


def _write_files(window: Window, paths: list[str], out: IO[bytes]) -> None:
    lookup = FileLookup(window)
    for path in paths:
        content = lookup.content(path)
        if content is not None:
            out.write(NamedFile(path, content).line())


def _load_decompressors() -> None:
    """Import what may be needed: once confined, nothing can be imported."""
    import contextlib
    import encodings.idna  # noqa: F401 - that of names, which errors may want
    import lzma  # noqa: F401
    import zlib  # noqa: F401

    with contextlib.suppress(ImportError):
        import zstandard  # noqa: F401
    with contextlib.suppress(ImportError):
        import lz4.block  # noqa: F401


def _confine(seconds: int) -> None:
    """Give up what reading does not need, for good."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, MAX_LISTING_BYTES + (1 << 20)),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),  # no new descriptor: no file, no connection, no pipe
    ]
    for what, limit in limits:
        _, hard = resource.getrlimit(what)
        lowest = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        try:
            resource.setrlimit(what, (lowest, lowest))
        except (ValueError, OSError):
            if sys.platform == "linux":
                raise
            # macOS takes no limit of the address space; the others hold


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return _CANNOT_READ
