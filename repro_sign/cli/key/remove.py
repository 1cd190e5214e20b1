"""`repro-sign key remove`."""

from pathlib import Path

import click

from repro_sign.cli.confirming import confirm
from repro_sign.cli.key.restore import passphrase_of_backup
from repro_sign.cli.options import (
    EXISTING_FILE,
    FINGERPRINT,
    json_option,
    output_options,
    passphrase_option,
    yes_option,
)
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.key_life.backup import open_backup
from repro_sign.key_life.removing import Removal, demand_saved, plan_removal, remove_key
from repro_sign.report import as_json
from repro_sign.stores.listing import STORE_WORDS
from repro_sign.stores.secret_keys import Store
from repro_sign.system.locations import find_locations


@click.command("remove")
@click.argument("fingerprint", type=FINGERPRINT)
@click.option(
    "--store",
    type=click.Choice([one.value for one in Store]),
    help="Where from; needed if several stores hold the key.",
)
@click.option(
    "--backup",
    type=EXISTING_FILE,
    help="A backup of the secret key: it is opened, and has to hold what would be lost.",
)
@passphrase_option
@yes_option
@json_option
@output_options
def command(
    *,
    fingerprint: SignerId,
    store: str | None,
    backup: Path | None,
    passphrase_file: Path | None,
    yes: bool,
    json_: bool,
) -> None:
    """Take a key out of a store. Every other key stays as it is, byte for byte.

    The last copy of a secret key is removed only if a backup is shown that holds it. Whom you
    trust is another matter: see repro-sign trust remove.
    """
    where = find_locations()
    removal = plan_removal(where, fingerprint, Store(store) if store else None)
    if backup is None:
        demand_saved(removal, None, None)
    else:
        passphrase = passphrase_of_backup(backup, passphrase_file)
        demand_saved(removal, open_backup(backup, passphrase), passphrase)
    if not yes:
        _show(removal)
        confirm(
            "Remove this key?",
            what="whether this key is to be removed",
            hint="say --yes if you are sure",
            declined="not removed",
        )
    remove_key(where, removal)
    if json_:
        document = {
            "schema": as_json.SCHEMA,
            "fingerprint": str(fingerprint),
            "store": removal.store.value,
            "secret": removal.secret,
        }
        click.echo(as_json.to_text(document))
        return
    halves = "public and secret key" if removal.secret else "public key"
    click.echo(f"removed from {STORE_WORDS[removal.store]}: {fingerprint.grouped()} ({halves})")


def _show(removal: Removal) -> None:
    entry = removal.entry
    click.echo(f"fingerprint  {entry.fingerprint.grouped()}", err=True)
    click.echo(f"user id      {printable(entry.user_id or '(none)')}", err=True)
    click.echo(f"from         {STORE_WORDS[removal.store]}", err=True)
    if removal.secret:
        kept = "the backup holds it" if removal.parts else "another store holds it too"
        if not removal.parts and not removal.elsewhere:
            kept = "it is on a card or elsewhere, and stays there"
        click.echo(f"secret key   removed with it; {kept}", err=True)
