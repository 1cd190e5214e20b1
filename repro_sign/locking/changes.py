"""How two states of a lock file differ, image by image and line by line."""

import difflib
from collections.abc import Iterator
from enum import StrEnum

from repro_sign.locking.lock_file import LockEntry, LockFile
from repro_sign.locking.text import to_text
from repro_sign.values import dataclass


class LockChangeKind(StrEnum):
    """What becomes of an image in a lock file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    """Other bytes, perhaps by other signers."""
    OTHER_SIGNER = "other-signer"
    """The same bytes, other signers."""
    REWORDED = "reworded"
    """The same bytes and signers; another address or name."""


@dataclass(frozen=True, slots=True)
class LockChange:
    """One image whose entry differs. `members` names what in it does."""

    path: str
    kind: LockChangeKind
    members: tuple[str, ...] = ()


_BYTES = ("size", "sha256", "blake3", "identity")


def changes(old: LockFile | None, new: LockFile) -> Iterator[LockChange]:
    """Yield the images whose entries differ, in the order of their paths."""
    before = {one.path: one for one in old.entries} if old else {}
    after = {one.path: one for one in new.entries}
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            yield LockChange(path, LockChangeKind.ADDED)
        elif path not in after:
            yield LockChange(path, LockChangeKind.REMOVED)
        elif before[path] != after[path]:
            yield _change(before[path], after[path])


def _change(old: LockEntry, new: LockEntry) -> LockChange:
    members = tuple(
        name for name in (*_BYTES, "signers", "url") if getattr(old, name) != getattr(new, name)
    )
    if set(members) & set(_BYTES):
        kind = LockChangeKind.CHANGED
    elif {one.fingerprint for one in old.signers} != {one.fingerprint for one in new.signers}:
        kind = LockChangeKind.OTHER_SIGNER
    else:
        kind = LockChangeKind.REWORDED
    return LockChange(new.path, kind, members)


def line_changes(old: str, new: LockFile) -> Iterator[str]:
    """Yield the lines of a unified difference between the old text and what would be written."""
    names = (f"{new.name} (as it is)", f"{new.name} (as it would be)")
    lines = difflib.unified_diff(old.splitlines(), to_text(new).splitlines(), *names, lineterm="")
    yield from lines
