"""`repro-sign trust export`."""

import sys
from pathlib import Path

import click

from repro_sign.cli.options import output_options, say
from repro_sign.escaping import printable
from repro_sign.stores.trust_exchange import export_text
from repro_sign.system.durable import write_file
from repro_sign.system.locations import find_locations


@click.command("export")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of standard output.",
)
@output_options
def command(*, output: Path | None) -> None:
    """Write the people you believe, with their keys, as one text.

    It can be read, kept under version control, and handed to others: trust import reads it. The
    same trust store gives the same text.
    """
    data = export_text(find_locations()).encode("utf-8")
    if output is None:
        sys.stdout.buffer.write(data)
        return
    write_file(output, data)
    say(f"repro-sign: wrote {printable(str(output))}")
