"""What `lock` would write or wrote: as text for people, as JSON for programs."""

from collections.abc import Iterator
from typing import Any

from repro_sign.escaping import printable
from repro_sign.locking.changes import LockChange
from repro_sign.locking.lock_file import LockEntry
from repro_sign.pinning.planning import LockPlan
from repro_sign.report.as_json import SCHEMA


def as_text(plan: LockPlan) -> Iterator[str]:
    """Yield what becomes of which image, and then the difference line by line."""
    for one in plan.changes:
        members = f" ({', '.join(one.members)})" if one.members else ""
        yield f"{one.kind.value}  {printable(one.path)}{members}"
    for line in plan.line_changes:
        yield line[:1] + printable(line[1:])


def summary(plan: LockPlan, *, written: bool) -> str:
    """Return the line that says what was done."""
    count = len(plan.new.entries)
    images = f"{count} {'image' if count == 1 else 'images'}"
    unsigned = sum(not one.signers for one in plan.new.entries)
    words = f"{images}, {unsigned} of them with no signer" if unsigned else images
    return f"{plan.new.name} {'written' if written else 'is up to date'}: {words}"


def document(plan: LockPlan, *, written: bool) -> dict[str, Any]:
    """Return the document that `lock --json` prints."""
    return {
        "schema": SCHEMA,
        "lock_file": str(plan.new.path),
        "written": written,
        "images": [_entry(one) for one in plan.new.entries],
        "changes": [_change(one) for one in plan.changes],
    }


def _entry(one: LockEntry) -> dict[str, Any]:
    return {
        "path": one.path,
        "size": one.size,
        "digest": {"sha256": one.sha256.hex, "blake3": one.blake3.hex},
        "identity": str(one.identity),
        "signers": [
            {"fingerprint": str(each.fingerprint), "name": each.name or None}
            for each in one.signers
        ],
        "url": one.url or None,
    }


def _change(one: LockChange) -> dict[str, Any]:
    return {"path": one.path, "change": one.kind.value, "members": list(one.members)}
