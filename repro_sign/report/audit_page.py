"""An audit as a file: text, JSON, or a page that needs nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from repro_sign import __version__
from repro_sign.auditing.result import AuditReport
from repro_sign.escaping import printable
from repro_sign.report import as_json, audits
from repro_sign.report.page.writing import MARKS, check_place, render
from repro_sign.system.durable import write_file
from repro_sign.times import readable
from repro_sign.values import dataclass

AUDIT_MARKS: Final[Mapping[str, bytes]] = {
    ".html": MARKS[".html"],
    ".json": b'{\n  "folder": ',
    ".txt": b"repro-sign audit of ",
}
"""How reports of audits begin, by the ending of their names."""


@dataclass(frozen=True, slots=True)
class _Row:
    event: str
    word: str
    path: str
    why: str
    checked: str


@dataclass(frozen=True, slots=True)
class _AuditPage:
    """The page's texts, all printable, none escaped for HTML yet."""

    version: str
    folder: str
    started: str
    summary: str
    urgent: tuple[_Row, ...]
    others: tuple[_Row, ...]
    vanished: tuple[str, ...]


def check_audit_place(path: Path) -> None:
    """Refuse a place to which no report may be written, as `check_place` does."""
    check_place(path, AUDIT_MARKS)


def write_audit(path: Path, report: AuditReport) -> None:
    """Write a report in the format that its name's ending says, over nothing but an older one.

    Raises what `check_place` raises, and `RefusedError` if it can't be written.
    """
    check_audit_place(path)
    ending = path.suffix.lower()
    if ending == ".json":
        text = as_json.to_text(audits.document(report)) + "\n"
    elif ending == ".txt":
        head = f"{printable(str(report.folder))}, {readable(report.started)}"
        text = f"repro-sign audit of {head}\n\n{audits.text(report, every=True)}"
    else:
        text = render(_page_of(report), "audit.html")
    write_file(path, text.encode("utf-8", "backslashreplace"))


def _page_of(report: AuditReport) -> _AuditPage:
    rows = [
        (
            one.calls,
            _Row(
                one.event.value,
                one.word.value,
                printable(one.path),
                printable(one.reason) if one.calls else "",
                one.seen.checked,
            ),
        )
        for one in report.images
    ]
    return _AuditPage(
        version=__version__,
        folder=printable(str(report.folder)),
        started=readable(report.started),
        summary=audits.summary(report),
        urgent=tuple(row for calls, row in rows if calls),
        others=tuple(row for calls, row in rows if not calls),
        vanished=tuple(map(printable, report.vanished)),
    )
