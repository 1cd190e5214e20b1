"""`repro-sign sign`: sign images, write their manifests, print what a reviewer types."""

from pathlib import Path
from typing import Any

import click

from repro_sign.cli.options import (
    EXISTING_FILE,
    is_quiet,
    json_option,
    output_options,
    passphrase_option,
    say,
)
from repro_sign.cli.passphrases import ask_passphrase, passphrase_file, read_passphrase
from repro_sign.cli.picking import pick
from repro_sign.cli.progress import progress_of
from repro_sign.errors import UsageError
from repro_sign.escaping import printable
from repro_sign.files import read_small
from repro_sign.locations import Locations, find_locations
from repro_sign.pem.keys import MAX_KEY_BYTES, is_encrypted
from repro_sign.report import as_json
from repro_sign.report.as_text import suggest_verify
from repro_sign.sealing import Sealer
from repro_sign.sealing.preparing import prepare, prepare_file
from repro_sign.signing import SignReport, SignRequest, sign_image


@click.command("sign")
@click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--key",
    "selector",
    metavar="FINGERPRINT|EMAIL|FILE",
    help="The key to sign with: one of yours, or a PEM private key in a file.",
)
@passphrase_option
@click.option(
    "--with",
    "companions",
    type=EXISTING_FILE,
    multiple=True,
    metavar="FILE",
    help="Name this file too in the manifest (source archive, data, lock file).",
)
@click.option("--no-manifest", is_flag=True, help="Sign the image only.")
@click.option("--manifest-only", is_flag=True, help="Write a manifest; leave the image as it is.")
@click.option("--again", is_flag=True, help="Sign even if this key has signed already.")
@json_option
@output_options
def command(
    *,
    images: tuple[Path, ...],
    selector: str | None,
    passphrase_file: Path | None,
    companions: tuple[Path, ...],
    no_manifest: bool,
    manifest_only: bool,
    again: bool,
    json_: bool,
) -> None:
    """Sign IMAGES and write a signed manifest beside each.

    Running it again adds nothing that is there already, and completes what is missing.
    """
    if no_manifest and manifest_only:
        raise UsageError("--no-manifest and --manifest-only exclude each other")
    if no_manifest and companions:
        raise UsageError("--with needs the manifest that --no-manifest leaves out")
    where = find_locations()
    sealer = _sealer(where, selector, passphrase_file)
    request = SignRequest(
        companions=companions,
        write_manifest=not no_manifest,
        touch_image=not manifest_only,
        again=again,
        progress=progress_of("signing"),
        waiting=lambda path: say(
            f"repro-sign: waiting: another repro-sign is signing {printable(str(path))}"
        ),
    )
    reports: list[SignReport] = []
    try:
        for path in images:
            report = sign_image(path, sealer, request)
            reports.append(report)
            if not json_ and not is_quiet():
                click.echo(_text(report, sealer), nl=False)
    finally:  # what was done is told, also where a later image could not be signed
        if json_:
            click.echo(as_json.to_text(_document(reports, sealer)))


def _sealer(where: Locations, selector: str | None, option: Path | None) -> Sealer:
    """Make ready the key in a PEM file, or one from a store."""
    if selector is not None and (selector.endswith(".pem") or Path(selector).is_file()):
        path = Path(selector)
        encrypted = is_encrypted(read_small(path, MAX_KEY_BYTES, "PEM key"))
        return prepare_file(path, _passphrase(printable(selector), encrypted, option))
    key = pick(where, selector)
    return prepare(key, where, _passphrase(key.name, key.encrypted, option))


def _passphrase(name: str, encrypted: bool | None, option: Path | None) -> str | None:
    """Return the passphrase if we are the ones who have to know it.

    Of a key in GnuPG (`encrypted` is None) gpg-agent asks by itself, unless a file was named.
    """
    path = passphrase_file(option)
    if encrypted is False:
        return None
    if path is not None:
        return read_passphrase(path)
    return ask_passphrase(f"Passphrase of {name}") if encrypted else None


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
    lines.append(f"  sha256    {report.sha256.hex}")
    lines.append(f"  identity  {report.identity}")
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
                "sha256": one.sha256.hex,
                "identity": str(one.identity),
            }
            for one in reports
        ],
    }
