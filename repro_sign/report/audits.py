"""What an audit found, as text and as JSON: what somebody has to look at comes first."""

from collections.abc import Iterator
from typing import Any

from repro_sign.auditing.result import AuditedImage, AuditReport, Event
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.report.as_text import Paint, plain
from repro_sign.times import rfc3339
from repro_sign.trust.verdict import VerdictWord


def text(report: AuditReport, paint: Paint = plain, *, every: bool = False) -> str:
    """Return lines for what changed or needs somebody; for `every` image if asked for."""
    lines = [*urgent(report, paint)]
    others = [one for one in report.images if not one.calls]
    lines += [_line(one, paint) for one in others if every or one.event is not Event.SAME]
    lines += [f"{'vanished':11}{'':11}{printable(path)}" for path in report.vanished]
    return "".join(f"{line}\n" for line in (*lines, summary(report, paint)))


def urgent(report: AuditReport, paint: Paint = plain) -> Iterator[str]:
    """Yield a line for each image that somebody has to look at."""
    for one in report.images:
        if one.calls:
            yield _line(one, paint)


def summary(report: AuditReport, paint: Paint = plain) -> str:
    """Return one line that counts verdicts and events, and how many images were read."""
    verdicts = report.verdicts
    words = [
        paint(f"{verdicts[word]} {word.value}", word) for word in VerdictWord if verdicts[word]
    ]
    events = report.events
    told = [f"{events[one]} {one.value}" for one in Event if events[one] and one is not Event.SAME]
    told += [f"{len(report.vanished)} vanished"] if report.vanished else []
    images = "1 image" if len(report.images) == 1 else f"{len(report.images)} images"
    since = f"; since the last audit {', '.join(told)}" if told else "; as at the last audit"
    return f"{images}: {', '.join(words)}{since}; {report.read} read"


def document(report: AuditReport) -> dict[str, Any]:
    """Return the audit as JSON has it (docs/json.md)."""
    return {
        "schema": as_json.SCHEMA,
        "folder": str(report.folder),
        "started": rfc3339(report.started),
        "images": [_image(one) for one in report.images],
        "vanished": list(report.vanished),
    }


def _image(one: AuditedImage) -> dict[str, Any]:
    seen = one.seen
    return {
        "path": one.path,
        "verdict": seen.verdict,
        "event": one.event.value,
        "reasons": [{"code": code, "message": message} for code, message in seen.reasons],
        "digest": {"sha256": seen.sha256 or None, "blake3": seen.blake3 or None},
        "identity": seen.identity or None,
        "signers": seen.signers,
        "size": seen.size,
        "checked": seen.checked,
        "read": one.read,
    }


def _line(one: AuditedImage, paint: Paint) -> str:
    event = "" if one.event is Event.SAME else one.event.value
    word = paint(f"{one.word.value:11}", one.word)
    why = f": {printable(one.reason)}" if one.calls else ""
    if one.event is Event.CORRUPTED:
        why += " (its bytes changed, and its times did not: restore it, and look at the disk)"
    return f"{event:11}{word}{printable(one.path)}{why}"
