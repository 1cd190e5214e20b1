"""`repro-sign trust remove`."""

import click

from repro_sign.cli.options import FINGERPRINT, output_options, say
from repro_sign.fingerprint import SignerId
from repro_sign.stores.trust_store import remove_entry
from repro_sign.system.locations import find_locations


@click.command("remove")
@click.argument("fingerprint", type=FINGERPRINT)
@output_options
def command(*, fingerprint: SignerId) -> None:
    """Believe the owner of a key no more."""
    remove_entry(find_locations(), fingerprint)
    say(f"repro-sign: {fingerprint.grouped()} is trusted no more")
