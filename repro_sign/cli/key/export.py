"""`repro-sign key export`."""

import sys
from pathlib import Path

import click

from repro_sign.cli.options import FINGERPRINT, output_options, say
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.stores.listing import find_entry
from repro_sign.system.durable import write_file
from repro_sign.system.locations import find_locations


@click.command("export")
@click.argument("fingerprint", type=FINGERPRINT)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of standard output.",
)
@output_options
def command(*, fingerprint: SignerId, output: Path | None) -> None:
    """Write a public key, armored, to standard output or to a file."""
    text = find_entry(find_locations(), fingerprint).public_text
    if output is None:
        sys.stdout.write(text)
        return
    write_file(output, text.encode())
    say(f"repro-sign: wrote {printable(str(output))}")
