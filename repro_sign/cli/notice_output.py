"""What `withdraw` and `supersede` print of the notice that they wrote."""

from typing import Any

import click

from repro_sign.cli.options import is_quiet
from repro_sign.escaping import printable
from repro_sign.noticing import NoticeReport
from repro_sign.report import as_json
from repro_sign.report.as_text import suggest_verify
from repro_sign.report.next_step import pasteable
from repro_sign.sealing import Sealer
from repro_sign.statements.notice import successor_members


def show(report: NoticeReport, sealer: Sealer, *, json_: bool) -> None:
    """Print what was done."""
    if json_:
        click.echo(as_json.to_text(_document(report, sealer)))
    elif not is_quiet():
        click.echo("\n".join(_lines(report, sealer)))


def _lines(report: NoticeReport, sealer: Sealer) -> list[str]:
    notice = report.notice
    name = printable(sealer.name) if sealer.name else "the owner of this key"
    new = [f"  by new    {printable(notice.successor.name)}"] if notice.successor else []
    file, state = report.file, "written" if report.written else "already there"
    return [
        f"{notice.kind.value} {printable(str(report.path))}",
        *new,
        f"  signed by {name}",
        f"            {sealer.signer.grouped()}",
        f"  identity  {notice.identity}",
        f"  notice    {printable(str(file))}  ({state})",
        "Put the notice beside the image, and where readers look for your notices. They type:",
        f"  {suggest_verify(report.path, str(sealer.signer))} --notices {pasteable(str(file))}",
    ]


def _document(report: NoticeReport, sealer: Sealer) -> dict[str, Any]:
    notice = report.notice
    return {
        "schema": as_json.SCHEMA,
        "fingerprint": str(sealer.signer),
        "path": str(report.path),
        "action": notice.kind.value,
        "identity": str(notice.identity),
        "reason": list(notice.reason),
        "successor": successor_members(notice.successor) if notice.successor else None,
        "notice": str(report.file),
        "written": report.written,
    }
