"""`repro-sign sign`: sign images, write their manifests, print what a reviewer types."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from repro_sign.cli.exit_codes import ExitCode
from repro_sign.cli.options import (
    EXISTING_FILE,
    explain,
    is_quiet,
    json_option,
    output_options,
    passphrase_option,
    say,
)
from repro_sign.cli.progress import progress_of
from repro_sign.cli.ready_key import key_option, ready_key
from repro_sign.cli.sign.anonymous import Anonymity, anonymous_options, typed_by_author
from repro_sign.cli.sign.capturing import capture_options
from repro_sign.errors import UsageError
from repro_sign.escaping import printable
from repro_sign.provenance.capture import Captured, CaptureRequest, capture
from repro_sign.report import as_json
from repro_sign.report.as_text import suggest_verify
from repro_sign.sealing import Sealer
from repro_sign.signing import SignReport, SignRequest, sign_image
from repro_sign.stamping import check_request
from repro_sign.system.locations import find_locations
from repro_sign.times import utc_now
from repro_sign.timestamps.proof import timestamp_path


@click.command("sign")
@click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@key_option
@passphrase_option
@click.option(
    "--with",
    "companions",
    type=EXISTING_FILE,
    multiple=True,
    metavar="FILE",
    help="Name this file too in the manifest (source archive, data, lock file).",
)
@click.option(
    "--content-digest",
    is_flag=True,
    help="Put into the manifest what the image holds, whatever the packing: a rebuild can be"
    " compared with it.",
)
@capture_options
@click.option("--no-manifest", is_flag=True, help="Sign the image only.")
@click.option("--manifest-only", is_flag=True, help="Write a manifest; leave the image as it is.")
@click.option(
    "--timestamp",
    "timestamp_url",
    metavar="URL",
    help="Let this time-stamping authority (RFC 3161) vouch for the manifest's date.",
)
@anonymous_options
@click.option("--again", is_flag=True, help="Sign even if this key has signed already.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show what the manifest would tell of the image's making; sign nothing.",
)
@json_option
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    images: tuple[Path, ...],
    selector: str | None,
    passphrase_file: Path | None,
    companions: tuple[Path, ...],
    content_digest: bool,
    capturing: CaptureRequest,
    no_manifest: bool,
    manifest_only: bool,
    timestamp_url: str | None,
    anonymity: Anonymity,
    again: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    """Sign IMAGES and write a signed manifest beside each.

    The manifest tells what the image was made from and on: its source, dependencies, recipe, and
    this machine, without names of people and hosts (--dry-run shows it).

    Running it again adds nothing that is there already, and completes what is missing.
    """
    if no_manifest and manifest_only:
        raise UsageError("--no-manifest and --manifest-only exclude each other")
    needing = (
        ("--with", companions),
        ("--content-digest", content_digest),
        ("--timestamp", timestamp_url),
        ("--dry-run", dry_run),
        ("--source, --sbom, --command, --env, --seed or --output", capturing.asked_for),
    )
    for option, given in needing:
        if no_manifest and given:
            raise UsageError(f"{option} needs the manifest that --no-manifest leaves out")
    anonymity.check_options(capturing)
    where, typed = find_locations(), typed_by_author(companions, capturing)
    if dry_run:
        anonymity.check(images, None, typed, where)
        _show(images, capturing, anonymity, json_=json_)
        return
    if timestamp_url:
        check_request(timestamp_url)  # before a passphrase is asked for
    sealer = ready_key(where, selector, passphrase_file)
    anonymity.check(images, sealer, typed, where)
    request = SignRequest(
        companions=companions,
        content_digest=content_digest,
        write_manifest=not no_manifest,
        touch_image=not manifest_only,
        again=again,
        timestamp_url=timestamp_url,
        progress=progress_of("signing"),
        waiting=lambda path: say(
            f"repro-sign: waiting: another repro-sign is signing {printable(str(path))}"
        ),
    )
    reports: list[SignReport] = []
    try:
        for path in images:
            told = Captured({}, frozenset()) if no_manifest else _captured(path, capturing)
            told = anonymity.limit(path, told, None if again else sealer)
            asked = replace(request, provenance=told.provenance, asked_for=told.asked_for)
            report = sign_image(path, sealer, asked)
            reports.append(report)
            if not json_ and not is_quiet():
                click.echo(_text(report, sealer), nl=False)
            _tell_of_timestamp(report, timestamp_url)
    finally:  # what was done is told, also where a later image could not be signed
        if json_:
            click.echo(as_json.to_text(_document(reports, sealer)))
    if any(report.timestamp_problem for report in reports):
        ctx.exit(ExitCode.UNKNOWN)


def _captured(path: Path, capturing: CaptureRequest) -> Captured:
    """Find out what an image was made from, and say what could not be found out."""
    found = capture(path, capturing, utc_now())
    for remark in found.remarks:
        say(f"repro-sign: {printable(str(path))}: {remark}")
    return found


def _show(
    images: tuple[Path, ...], capturing: CaptureRequest, anonymity: Anonymity, *, json_: bool
) -> None:
    """Print the parts of each image's manifest as they would be signed."""
    told = ((path, anonymity.limit(path, _captured(path, capturing), None)) for path in images)
    found = [(path, one.provenance) for path, one in told]
    if json_:
        rows = [{"path": str(path), "provenance": parts} for path, parts in found]
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "images": rows}))
        return
    for path, parts in found:
        click.echo(f"{printable(str(path))}: nothing is signed; the manifest would say")
        click.echo(as_json.to_text(parts))


def _tell_of_timestamp(report: SignReport, url: str | None) -> None:
    """Say what is wrong with a timestamp: none was made, or the one there has lost its manifest."""
    if report.timestamp_problem:
        explain(report.timestamp_problem)
    if url is None and report.manifest and report.manifest_written:
        path = timestamp_path(report.manifest)
        if path.exists():
            say(
                f"repro-sign: {printable(str(path))} is of the manifest that was here before;"
                " --timestamp URL gets a new one"
            )


def _text(report: SignReport, sealer: Sealer) -> str:
    name = printable(sealer.name) if sealer.name else "the owner of this key"
    path = printable(str(report.path))
    lines = []
    if report.added:
        objects = ", ".join(str(number) for number in report.added)
        lines.append(f"signed   {path}  (signature object {objects})")
    elif report.image_left_alone:
        lines.append(f"left     {path}  as it is")
    else:
        lines.append(f"complete {path}  (no signature was missing)")
    lines.append(f"  by        {name}")
    lines.append(f"            {sealer.signer.grouped()}")
    if report.manifest:
        state = "written" if report.manifest_written else "already there"
        lines.append(f"  manifest  {printable(str(report.manifest))}  ({state})")
    if report.timestamp:
        state = "written" if report.timestamp_written else "already there"
        lines.append(f"  timestamp {printable(str(report.timestamp))}  ({state})")
    lines.append(f"  sha256    {report.sha256.hex}")
    lines.append(f"  identity  {report.identity}")
    if report.content:
        lines.append(f"  content   content:{report.content}")
    lines.append("Put the image and its manifest where readers find them. A reviewer types:")
    lines.append(f"  {suggest_verify(report.path, str(sealer.signer))}")
    return "\n".join(lines) + "\n"


def _document(reports: list[SignReport], sealer: Sealer) -> dict[str, Any]:
    return {
        "schema": as_json.SCHEMA,
        "fingerprint": str(sealer.signer),
        "images": [
            {
                "path": str(one.path),
                "added": list(one.added),
                "manifest": str(one.manifest) if one.manifest else None,
                "manifest_written": one.manifest_written,
                "timestamp": str(one.timestamp) if one.timestamp else None,
                "timestamp_written": one.timestamp_written,
                "sha256": one.sha256.hex,
                "identity": str(one.identity),
                "content": f"content:{one.content}" if one.content else None,
            }
            for one in reports
        ],
    }
