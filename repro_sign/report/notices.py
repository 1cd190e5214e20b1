"""Notices by authors in a report: a withdrawal in their own words, and what came in its place."""

from collections.abc import Iterator
from typing import Any, Final

from repro_sign.escaping import printable
from repro_sign.statements.notice import NoticeKind, successor_members
from repro_sign.times import readable, rfc3339
from repro_sign.trust.evidence import NoticeEvidence
from repro_sign.trust.notices import has_force
from repro_sign.verifying import ImageReport

_MAX_LINE: Final = 2000
"""So much of a line is shown: more than other texts have, since these are the author's words."""


def in_force(report: ImageReport, kind: NoticeKind) -> list[NoticeEvidence]:
    """Return the notices of one kind that have force."""
    return [
        one
        for one in report.evidence.notices
        if one.kind is kind and has_force(one, report.evidence, report.policy)
    ]


def withdrawals(report: ImageReport) -> Iterator[tuple[str, str]]:
    """Say who withdrew the image and why, each line of theirs on one of its own."""
    for one in in_force(report, NoticeKind.WITHDRAWN):
        yield "WITHDRAWN", f"by {_author(one)}{_when(one)}, in their own words:"
        yield from (("", f"  {printable(line, limit=_MAX_LINE)}") for line in one.words)


def successors(report: ImageReport) -> Iterator[tuple[str, str]]:
    """Say what came in the image's place, and how to get on."""
    for one in in_force(report, NoticeKind.SUPERSEDED):
        if one.successor is None:
            continue
        yield "superseded", f"by {printable(one.successor.name)}, says {_author(one)}{_when(one)}"
        yield from (("", f"  {printable(line, limit=_MAX_LINE)}") for line in one.words)
        yield "", f"get that one; to know it: --expect {one.successor.sha256}"


def members(one: NoticeEvidence, report: ImageReport) -> dict[str, Any]:
    """Return a notice as the members of its JSON object: its words only where it has force."""
    valid = has_force(one, report.evidence, report.policy)
    new = one.successor if valid else None
    return {
        "name": one.name,
        "kind": one.kind.value,
        "finding": one.finding.value,
        "message": one.message,
        "fingerprint": str(one.signer) if one.signer else one.claimed,
        "user_id": one.user_id,
        "signed_at": rfc3339(one.signed_at) if one.signed_at else None,
        "trusted": report.policy.why(one.signer) is not None,
        "trusted_by": report.policy.why(one.signer),
        "in_force": valid,
        "words": list(one.words) if valid else [],
        "successor": successor_members(new) if new else None,
    }


def _author(one: NoticeEvidence) -> str:
    return printable(one.user_id or (one.signer.grouped() if one.signer else ""))


def _when(one: NoticeEvidence) -> str:
    return f" on {readable(one.signed_at)}" if one.signed_at else ""
