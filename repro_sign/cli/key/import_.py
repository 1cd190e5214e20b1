"""`repro-sign key import`."""

from pathlib import Path

import click

from repro_sign import apptainer
from repro_sign.cli.options import EXISTING_FILE, json_option, output_options
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.stores.importing import import_file
from repro_sign.stores.secret_keys import Store
from repro_sign.system.locations import find_locations


@click.command("import")
@click.argument("file", type=EXISTING_FILE)
@click.option("--secret", is_flag=True, help="The file holds secret keys, and I mean it.")
@click.option(
    "--store",
    type=click.Choice([Store.APPTAINER.value, Store.GNUPG.value]),
    help="Where to (default: Apptainer's ring if Apptainer is installed).",
)
@json_option
@output_options
def command(*, file: Path, secret: bool, store: str | None, json_: bool) -> None:
    """Import public keys. That makes nobody trusted: see repro-sign trust add."""
    chosen = Store(store) if store else _default_store()
    imported = import_file(file, find_locations(), chosen, secret=secret)
    if json_:
        document = {
            "schema": as_json.SCHEMA,
            "store": chosen.value,
            "imported": [one.fingerprint.hex for one in imported],
        }
        click.echo(as_json.to_text(document))
        return
    for one in imported:
        click.echo(f"imported {one.fingerprint.grouped()}  {printable(one.user_id or '')}")


def _default_store() -> Store:
    return Store.APPTAINER if apptainer.installed() else Store.GNUPG
