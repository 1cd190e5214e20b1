"""`repro-sign trust add`."""

import click

from repro_sign.cli.options import is_quiet, json_option, output_options, yes_option
from repro_sign.cli.trust.asking import confirmed, needs_terminal, show_signer
from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.stores.introducing import Introduction, introduce
from repro_sign.stores.trust_store import MAX_NAME, Change, add_entry, read_entries
from repro_sign.system.locations import find_locations
from repro_sign.times import utc_now


@click.command("add")
@click.argument("who", metavar="FINGERPRINT|FILE")
@click.option("--as", "name", help="What you call this person.")
@click.option("--note", help="Why you believe them, and where the fingerprint is from.")
@yes_option
@json_option
@output_options
def command(*, who: str, name: str | None, note: str | None, yes: bool, json_: bool) -> None:
    """Believe the owner of a key, by its full fingerprint, a public key file or a manifest.

    Compare the fingerprint with one that you had from the owner: the paper, their web page, by
    voice. A file proves nothing about who made it. Of somebody whom you believe already, --as and
    --note change the name and the note.
    """
    where = find_locations()
    found = introduce(who, where, utc_now())
    if not json_:
        show_signer(found.fingerprint, found.keys)
        if found.taken_from:
            source = f"taken from {found.taken_from}, which proves nothing about its owner"
            click.echo(f"{'':<11}  {source}", err=True)
    known = any(one.fingerprint == found.fingerprint for one in read_entries(where))
    if not yes:
        needs_terminal()
        if not confirmed():
            raise RefusedError("not added: the fingerprint was not confirmed")
    if name is None and not known:
        name = _own_name(found)
    change = add_entry(
        where, found.fingerprint, name=name, note=note, now=utc_now(), keys=found.keys
    )
    if json_:
        members = {
            "schema": as_json.SCHEMA,
            "fingerprint": str(found.fingerprint),
            "added": change.added,
            "changed": list(change.changed),
        }
        click.echo(as_json.to_text(members))
    elif not is_quiet():
        click.echo(_result(change))


def _own_name(found: Introduction) -> str:
    """Return what somebody calls themselves."""
    return next(
        (printable(one.user_id or "", limit=MAX_NAME - 1) for one in found.keys.certificates), ""
    )


def _result(change: Change) -> str:
    if change.added:
        return "trusted from now on"
    if change.changed:
        return f"was trusted already; changed: {', '.join(change.changed)}"
    return "was trusted already"
