"""Hold two listings against each other, entry by entry, in one pass over both."""

from collections.abc import Iterator
from dataclasses import field
from enum import StrEnum
from heapq import merge
from itertools import groupby
from typing import Final, Generic, TypeVar

from repro_sign.contents.listing import Entry, Kind
from repro_sign.values import dataclass

MAX_LISTED: Final = 10_000
"""What is kept of each kind of difference; the rest is counted."""
_KIND_NAMES: Final = {
    Kind.FOLDER: "folder",
    Kind.FILE: "file",
    Kind.LINK: "link",
    Kind.BLOCK_DEVICE: "block device",
    Kind.CHARACTER_DEVICE: "character device",
    Kind.PIPE: "pipe",
    Kind.SOCKET: "socket",
}
_One = TypeVar("_One")


class Aspect(StrEnum):
    """What may differ of an entry that both trees have."""

    TYPE = "type"
    CONTENT = "content"
    TARGET = "link target"
    DEVICE = "device numbers"
    MODE = "mode"
    OWNER = "owner"
    ATTRIBUTES = "extended attributes"
    TIME = "time"
    BUILD_DATE = "build date"


_DETAILS: Final = {
    Kind.FILE: Aspect.CONTENT,
    Kind.LINK: Aspect.TARGET,
    Kind.BLOCK_DEVICE: Aspect.DEVICE,
    Kind.CHARACTER_DEVICE: Aspect.DEVICE,
}


@dataclass(frozen=True, slots=True)
class EntryChange:
    """One aspect of one entry, in the first tree and in the second. Hostile text."""

    path: bytes
    aspect: Aspect
    before: str
    after: str


@dataclass(slots=True)
class Counted(Generic[_One]):
    """The first of many, and how many there are."""

    count: int = 0
    listed: list[_One] = field(default_factory=list)

    def add(self, one: _One) -> None:
        """Count one, and keep it if there is room."""
        self.count += 1
        if self.count <= MAX_LISTED:
            self.listed.append(one)


@dataclass(slots=True)
class TreeDifferences:
    """How two trees differ. `times` are differences of times, build dates among them."""

    only_in_a: Counted[bytes] = field(default_factory=Counted)
    only_in_b: Counted[bytes] = field(default_factory=Counted)
    changed: Counted[EntryChange] = field(default_factory=Counted)
    times: Counted[EntryChange] = field(default_factory=Counted)

    @property
    def in_content(self) -> int:
        """How many differences there are besides times."""
        return self.only_in_a.count + self.only_in_b.count + self.changed.count


def compare_trees(a: Iterator[Entry], b: Iterator[Entry]) -> TreeDifferences:
    """Compare two listings, each in its order."""
    found = TreeDifferences()
    both = merge(((one, False) for one in a), ((one, True) for one in b), key=_order)
    for _, group in groupby(both, key=_order):
        (one, in_b), *others = group
        if others:
            _compare_entries(one, others[0][0], found)
        elif in_b:
            found.only_in_b.add(one.path)
        else:
            found.only_in_a.add(one.path)
    return found


def _order(one: tuple[Entry, bool]) -> list[bytes]:
    return one[0].order


def _compare_entries(one: Entry, other: Entry, found: TreeDifferences) -> None:
    def differs(aspect: Aspect, before: str, after: str) -> None:
        times = aspect in (Aspect.TIME, Aspect.BUILD_DATE)
        if before != after:
            (found.times if times else found.changed).add(
                EntryChange(one.path, aspect, before, after)
            )

    differs(Aspect.TIME, str(one.time), str(other.time))
    if one.kind is not other.kind:
        differs(Aspect.TYPE, _KIND_NAMES[one.kind], _KIND_NAMES[other.kind])
        return
    if one.kind in _DETAILS and one.detail != other.detail:
        differs(_DETAILS[one.kind], _detail(one), _detail(other))
    else:
        differs(Aspect.BUILD_DATE, _text(one.stamp), _text(other.stamp))
    differs(Aspect.MODE, f"{one.mode:04o}", f"{other.mode:04o}")
    differs(Aspect.OWNER, one.owner, other.owner)
    differs(Aspect.ATTRIBUTES, one.attributes, other.attributes)


def _detail(one: Entry) -> str:
    if one.kind is Kind.FILE:
        return f"sha256:{one.detail.decode('ascii')}, {one.size} bytes"
    return _text(one.detail)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
