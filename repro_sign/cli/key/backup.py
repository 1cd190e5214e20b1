"""`repro-sign key backup`."""

from pathlib import Path

import click

from repro_sign.cli.options import (
    FINGERPRINT,
    json_option,
    output_options,
    passphrase_option,
    say,
)
from repro_sign.cli.passphrases import ask_passphrase, passphrase_file, read_passphrase
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.key_life.backing_up import BackupReport, back_up, key_to_back_up
from repro_sign.key_life.secret_half import SecretHalf, take_out
from repro_sign.report import as_json
from repro_sign.system.locations import find_locations
from repro_sign.times import utc_now

_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("backup")
@click.argument("fingerprint", type=FINGERPRINT)
@click.option("-o", "--output", type=_NEW_FILE, required=True, help="The file to write; a new one.")
@click.option("--sheet", type=_NEW_FILE, help="Also write a sheet to print, with the same in it.")
@passphrase_option
@json_option
@output_options
def command(
    *,
    fingerprint: SignerId,
    output: Path,
    sheet: Path | None,
    passphrase_file: Path | None,
    json_: bool,
) -> None:
    """Save a secret key and its revocation certificate in one encrypted file.

    It is encrypted with the key's own passphrase; a key that has none gets one for its backup.
    """
    where = find_locations()
    key = key_to_back_up(where, fingerprint, output, sheet)
    named = _from_file(passphrase_file)
    half = take_out(where, key, named)
    passphrase = _ask(half, key.name) if named is None else named
    report = back_up(where, half, passphrase, output, sheet, utc_now())
    if json_:
        document = {
            "schema": as_json.SCHEMA,
            "fingerprint": str(half.fingerprint),
            "backup": str(report.path),
            "sheet": str(report.sheet) if report.sheet else None,
            "complete": report.complete,
        }
        click.echo(as_json.to_text(document))
        return
    click.echo(_text(report))


def _from_file(option: Path | None) -> str | None:
    path = passphrase_file(option)
    return read_passphrase(path) if path is not None else None


def _ask(half: SecretHalf, name: str) -> str:
    if half.encrypted:
        return ask_passphrase(f"Passphrase of {name}")
    say(f"repro-sign: the key {name} has no passphrase; its backup has to have one")
    return ask_passphrase("Passphrase for the backup", twice=True)


def _text(report: BackupReport) -> str:
    half = report.half
    opens = "the key's own passphrase" if half.encrypted else "the passphrase that you gave for it"
    lines = [
        f"saved: {half.fingerprint.grouped()}",
        f"  backup       {printable(str(report.path))}  (opened again and compared)",
    ]
    if report.sheet:
        lines.append(f"  to print     {printable(str(report.sheet))}")
    lines.append(f"  opened by    {opens}")
    if half.openpgp is not None and not report.revocations:
        lines.append("  without a revocation certificate: there is none")
    if not report.complete:
        lines.append("  without the primary key's secret: that is on a card or kept elsewhere")
    lines += [
        "What to do next:",
        "  1. keep it away from this machine, and the passphrase away from it",
        "  2. to get the key back: repro-sign key restore FILE",
    ]
    return "\n".join(lines)
