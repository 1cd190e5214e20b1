"""The listing of a file tree: one line for each entry, from which the tree digest is made.

docs/format.md, "Tree digest", is the specification. The child that reads a squashfs writes these
lines, each with some facts before it that are not part of the digest, and ends with what it
counted. The caller reads them back strictly, since the child has had hostile bytes in its hands.
"""

import hashlib
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import IO, Final
from urllib.parse import quote, unquote_to_bytes

from repro_sign.errors import MalformedError
from repro_sign.values import dataclass

TREE_PREFIX: Final = b"repro-sign tree content v1\n"
ROOT: Final = b"."
MAX_ENTRIES: Final = 2_000_000
"""Ten times the files of a large conda environment."""
MAX_LISTING_BYTES: Final = 1 << 30
MAX_PATH_BYTES: Final = 16 << 10
"""Linux takes 4,096 bytes in one call."""
LABELS_PATH: Final = b".singularity.d/labels.json"
"""Where Apptainer writes the labels; one of them is the time of the build."""
MAX_LABELS_BYTES: Final = 4 << 20
_BUILD_DATE: Final = re.compile(
    rb'("org\.label-schema\.build-date":[ \t\r\n]*)"([0-9A-Za-z_:.+ -]{0,100})"'
)
_TEXT: Final = rb"[A-Za-z0-9/._~%-]+"
_LINE: Final = re.compile(
    rb"(\d{1,10}) (\d{1,10}:\d{1,10}) (-|[0-9a-f]{64}) (-|" + _TEXT + rb") (\d{1,20}) "
    rb"((?:(d) ([0-7]{4}) -|(f) ([0-7]{4}) ([0-9a-f]{64})|(l) - (" + _TEXT + rb")"
    rb"|([bc]) ([0-7]{4}) (\d{1,10}:\d{1,10})|([ps]) ([0-7]{4}) -) (" + _TEXT + rb")\n)"
)
_END: Final = re.compile(rb"end (\d{1,10}) ([0-9a-f]{64}) ([a-z0-9]{1,10}) (\d{1,10}) (\d{1,10})\n")
_MAX_LINE_BYTES: Final = 3 * (MAX_PATH_BYTES + (64 << 10)) + 1024
"""A path and a link's target, every byte of them escaped, and the rest."""


class Kind(StrEnum):
    """What an entry is, as `ls` and `find` name it."""

    FOLDER = "d"
    FILE = "f"
    LINK = "l"
    BLOCK_DEVICE = "b"
    CHARACTER_DEVICE = "c"
    PIPE = "p"
    SOCKET = "s"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a tree.

    `detail` is what the digest says of it: the SHA-256 of a file, the target of a link, the
    numbers of a device, else `-`. `time` is in Unix seconds, `owner` is `UID:GID`, `attributes` the
    SHA-256 of the extended attributes or `-`, `stamp` a build date left out of `detail`, or `-`.
    """

    path: bytes
    kind: Kind
    mode: int
    detail: bytes
    size: int = 0
    owner: str = "0:0"
    time: int = 0
    attributes: str = "-"
    stamp: bytes = b"-"

    @property
    def order(self) -> list[bytes]:
        """What entries are sorted by: a folder comes right before what is in it."""
        return [] if self.path == ROOT else self.path.split(b"/")

    def canonical(self) -> bytes:
        """Return the line from which the digest is made."""
        mode = "-" if self.kind is Kind.LINK else f"{self.mode:04o}"
        detail = quoted(self.detail) if self.kind is Kind.LINK else self.detail.decode("ascii")
        return f"{self.kind} {mode} {detail} {quoted(self.path)}\n".encode("ascii")

    def line(self) -> bytes:
        """Return the line that the child hands over: the canonical one, facts before it."""
        stamp = quoted(self.stamp)
        facts = f"{self.time} {self.owner} {self.attributes} {stamp} {self.size} "
        return facts.encode("ascii") + self.canonical()


@dataclass(frozen=True, slots=True)
class Packing:
    """How the tree is packed; no part of its content. `made` is in Unix seconds."""

    compression: str
    block_size: int
    made: int


@dataclass(frozen=True, slots=True)
class TreeSummary:
    """What the child counted: the number of entries, the tree digest's hex, the packing."""

    entries: int
    digest: str
    packing: Packing

    def line(self) -> bytes:
        """Return the line that ends what the child hands over."""
        packing = self.packing
        return (
            f"end {self.entries} {self.digest}"
            f" {packing.compression} {packing.block_size} {packing.made}\n"
        ).encode("ascii")


def quoted(text: bytes | str) -> str:
    """Write what may hold anything as one word: percent-encoded (RFC 3986), slashes kept."""
    return quote(text)


def without_build_date(data: bytes) -> tuple[bytes, bytes]:
    """Return labels with every build date blanked, and the first of these dates, or `-`.

    Apptainer writes the time of the build into the labels of each image that it makes.
    """
    found = _BUILD_DATE.search(data)
    if found is None:
        return data, b"-"
    return _BUILD_DATE.sub(rb'\1""', data), found[2] or b"-"


def read_entries(file: IO[bytes]) -> Iterator[Entry]:
    """Read what a child handed over, and check it: form, order, and what its last line says.

    Raises `MalformedError` for anything that an honest child would not write.
    """
    digest = hashlib.sha256(TREE_PREFIX)
    count, last = 0, None
    while (line := file.readline(_MAX_LINE_BYTES)).startswith(b"end ") is False:
        entry, canonical = _parse(line)
        if last is not None and last >= entry.order:
            raise MalformedError("a listing is not in order")
        last = entry.order
        count += 1
        digest.update(canonical)
        yield entry
    summary = parse_summary(line)
    if file.read(1) or (summary.entries, summary.digest) != (count, digest.hexdigest()):
        raise MalformedError("a listing is not complete")


def parse_summary(line: bytes) -> TreeSummary:
    """Read the last line of what a child handed over. Raises `MalformedError`."""
    found = _END.fullmatch(line)
    if found is None:
        raise MalformedError("a listing has no end")
    packing = Packing(found[3].decode("ascii"), int(found[4]), int(found[5]))
    return TreeSummary(int(found[1]), found[2].decode("ascii"), packing)


def _parse(line: bytes) -> tuple[Entry, bytes]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise MalformedError("a listing has a line of unknown form")
    time, owner, attributes, stamp, size, canonical, *rest, path = found.groups()
    kind, *given = (one for one in rest if one is not None)
    kind = Kind(kind.decode("ascii"))
    detail = b"-"
    if kind is Kind.LINK:
        detail = unquote_to_bytes(given[0])
    elif len(given) == 2:
        detail = given[1]
    entry = Entry(
        path=unquote_to_bytes(path),
        kind=kind,
        mode=0 if kind is Kind.LINK else int(given[0], 8),
        detail=detail,
        size=int(size),
        owner=owner.decode("ascii"),
        time=int(time),
        attributes=attributes.decode("ascii"),
        stamp=unquote_to_bytes(stamp),
    )
    return entry, canonical
