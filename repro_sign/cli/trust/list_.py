"""`repro-sign trust list`."""

import click

from repro_sign.cli.options import json_option, output_options
from repro_sign.cli.tables import table
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.stores.trust_store import read_entries
from repro_sign.system.locations import find_locations


@click.command("list")
@json_option
@output_options
def command(*, json_: bool) -> None:
    """List whom you believe."""
    entries = read_entries(find_locations())
    if json_:
        rows = [
            {
                "fingerprint": str(one.fingerprint),
                "name": one.name,
                "added": one.added,
                "note": one.note,
            }
            for one in entries
        ]
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "signers": rows}))
    elif not entries:
        click.echo("nobody is trusted yet; repro-sign trust add FINGERPRINT")
    else:
        cells = [
            (one.fingerprint.grouped(), *map(printable, (one.name, one.added, one.note)))
            for one in entries
        ]
        table(("fingerprint", "name", "added", "note"), cells)
