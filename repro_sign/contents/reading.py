"""Have a squashfs read by a child process, and take what it says with care."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

from repro_sign.contents.listing import Entry, TreeSummary, parse_summary, read_entries
from repro_sign.contents.named_files import read_named
from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.sif.reader import Descriptor, OpenImage
from repro_sign.system.process import fresh_environment, run
from repro_sign.values import dataclass

_LEAST_SECONDS: Final = 60
_BYTES_A_SECOND: Final = 2 << 20
"""A fiftieth of what is read on a laptop."""
_MAX_SUMMARY_BYTES: Final = 1000
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from repro_sign.contents.child import main; sys.exit(main(sys.argv[2:]))"
)
"""The child imports from where this process does, be that an archive or a user's own folder, and
from nowhere else: `-I` keeps the current folder and all variables out."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A file tree that was read. `listing` is open as long as the tree is in use."""

    summary: TreeSummary
    listing: IO[bytes]

    @property
    def digest(self) -> Digest:
        """The tree digest."""
        return Digest("sha256", self.summary.digest)

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in their order. Raises `NoAnswerError` if the child lost its mind."""
        self.listing.seek(0)
        try:
            yield from read_entries(self.listing)
        except MalformedError as error:
            raise NoAnswerError(f"the files of a partition could not be listed: {error}") from error


@contextmanager
def open_tree(image: OpenImage, one: Descriptor) -> Iterator[Tree]:
    """Read the squashfs that an object is, with all its entries.

    Raises `NoAnswerError` if it can't be read: damaged, compressed in an unknown way, too large.
    """
    with _scratch() as listing:
        _read(image, one, "entries", listing)
        end = listing.seek(0, os.SEEK_END)
        listing.seek(max(end - _MAX_SUMMARY_BYTES, 0))
        yield Tree(_summary(listing.read(), image, one), listing)


def tree_digest(image: OpenImage, one: Descriptor) -> Digest:
    """Return the tree digest of the squashfs that an object is. Raises as `open_tree` does."""
    with _scratch() as listing:
        _read(image, one, "digest", listing)
        listing.seek(0)
        summary = _summary(listing.read(_MAX_SUMMARY_BYTES), image, one)
        return Digest("sha256", summary.digest)


def files_in(image: OpenImage, one: Descriptor, paths: Sequence[str]) -> dict[str, bytes]:
    """Return the content of those of these files that are in the squashfs that an object is.

    Links are followed within it. Each file is read up to `MAX_NAMED_BYTES`. Raises as `open_tree`.
    """
    with _scratch() as listing:
        _read(image, one, "files", listing, *paths)
        listing.seek(0)
        try:
            return {file.path: file.content for file in read_named(listing, paths)}
        except MalformedError as error:
            raise NoAnswerError(f"{_name(image, one)} can't be read: {error}") from error


@contextmanager
def _scratch() -> Iterator[IO[bytes]]:
    try:
        with tempfile.TemporaryFile(prefix="repro-sign-") as file:
            yield file
    except OSError as error:
        raise RefusedError(
            f"there is no room for the list of an image's files: {error.strerror}",
            hint="make room in the folder for temporary files, or name another one: TMPDIR",
        ) from error


def _read(image: OpenImage, one: Descriptor, what: str, listing: IO[bytes], *paths: str) -> None:
    if getattr(sys, "frozen", False) or not sys.executable:
        raise NoAnswerError("this build of repro-sign has no Python to read a squashfs with")
    seconds = _LEAST_SECONDS + one.size // _BYTES_A_SECOND
    imports = [path for path in sys.path if os.path.isabs(path)]
    numbers = (str(one.offset), str(one.size), str(seconds))
    argv = [sys.executable, "-I", "-B", "-c", _START, json.dumps(imports), *numbers, what, *paths]
    done = run(
        argv,
        env=fresh_environment(),
        stdin=image.fd,
        stdout=listing.fileno(),
        timeout=2.0 * seconds,
    )
    if done.status:
        why = printable(done.words) if done.status > 0 else "it takes more time than it may"
        raise NoAnswerError(f"{_name(image, one)} can't be read: {why}")


def _summary(tail: bytes, image: OpenImage, one: Descriptor) -> TreeSummary:
    last = tail[tail.rfind(b"\n", 0, -1) + 1 :]
    try:
        return parse_summary(last)
    except MalformedError as error:
        raise NoAnswerError(f"{_name(image, one)} can't be read: {error}") from error


def _name(image: OpenImage, one: Descriptor) -> str:
    return f"{printable(image.path.name)}, object {one.id} ({printable(one.kind)})"
