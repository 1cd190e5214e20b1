"""`repro-sign key restore`."""

from pathlib import Path

import click

from repro_sign.cli.options import EXISTING_FILE, json_option, output_options, passphrase_option
from repro_sign.cli.passphrases import ask_passphrase, passphrase_file, read_passphrase
from repro_sign.escaping import printable
from repro_sign.key_life.backup import demand_backup, open_backup
from repro_sign.key_life.restoring import RestoreReport, restore_key, store_for
from repro_sign.report import as_json
from repro_sign.stores.listing import STORE_WORDS
from repro_sign.stores.secret_keys import SECRET_STORES, Store
from repro_sign.system.locations import find_locations


@click.command("restore")
@click.argument("file", type=EXISTING_FILE)
@click.option(
    "--store",
    type=click.Choice([one.value for one in SECRET_STORES]),
    help="Where to (default: the store it came from).",
)
@passphrase_option
@json_option
@output_options
def command(*, file: Path, store: str | None, passphrase_file: Path | None, json_: bool) -> None:
    """Put a secret key back from its backup, or from the sheet that was printed of it.

    That makes nobody trusted, not even you: see repro-sign trust add.
    """
    where = find_locations()
    demand_backup(file)
    passphrase = passphrase_of_backup(file, passphrase_file)
    backup = open_backup(file, passphrase)
    chosen = store_for(backup, Store(store) if store else None)
    report = restore_key(where, backup, chosen, passphrase)
    if json_:
        document = {
            "schema": as_json.SCHEMA,
            "fingerprint": str(report.fingerprint),
            "store": report.store.value,
            "restored": not report.was_there,
        }
        click.echo(as_json.to_text(document))
        return
    click.echo(_text(report))


def passphrase_of_backup(file: Path, option: Path | None) -> str:
    """Return the passphrase that opens a backup: from a file, or asked for."""
    path = passphrase_file(option)
    if path is not None:
        return read_passphrase(path)
    return ask_passphrase(f"Passphrase of {printable(str(file))}")


def _text(report: RestoreReport) -> str:
    state = "was there already, in" if report.was_there else "is back, in"
    grouped = report.fingerprint.grouped()
    lines = [f"{grouped}  {printable(report.user_id or '')}".rstrip()]
    lines.append(f"  secret key   {state} {STORE_WORDS[report.store]}")
    if report.revocation_certificate:
        lines.append(f"  revocation   {printable(str(report.revocation_certificate))}")
    lines += [
        "What to do next, if you do not trust it yet:",
        f"  repro-sign trust add {report.fingerprint} --as you",
    ]
    return "\n".join(lines)
