"""`repro-sign trust import`."""

from pathlib import Path

import click

from repro_sign.cli.options import EXISTING_FILE, is_quiet, json_option, output_options, yes_option
from repro_sign.cli.trust.asking import confirmed, needs_terminal, show_signer
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.stores.kept_keys import keep
from repro_sign.stores.trust_exchange import MAX_EXPORT_BYTES, Proposed, read_exported
from repro_sign.stores.trust_store import add_entry, read_entries
from repro_sign.system.files import read_small
from repro_sign.system.locations import find_locations
from repro_sign.times import utc_now


@click.command("import")
@click.argument("file", type=EXISTING_FILE)
@yes_option
@json_option
@output_options
def command(*, file: Path, yes: bool, json_: bool) -> None:
    """Believe people from a text that trust export wrote, one by one.

    Each fingerprint that is new to you is shown, and asked about. Of those whom you believe
    already the key is brought up to date; name and note stay yours. Nobody is removed.
    """
    where = find_locations()
    data = read_small(file, MAX_EXPORT_BYTES, "exported trust store")
    proposed = read_exported(data, printable(str(file)))
    there = {one.fingerprint for one in read_entries(where)}
    fresh = [one for one in proposed if one.fingerprint not in there]
    known = [one for one in proposed if one.fingerprint in there]
    if fresh and not yes:
        needs_terminal()
    for one in known:
        keep(where, one.keys)
    added, left_out = [], []
    for one in fresh:
        if not json_ or not yes:
            show_signer(one.fingerprint, one.keys, one.name, one.note)
        if not yes and not confirmed():
            left_out.append(one)
            continue
        add_entry(
            where, one.fingerprint, name=one.name, note=one.note, now=utc_now(), keys=one.keys
        )
        added.append(one)
    outcome = {"imported": added, "known": known, "left_out": left_out}
    if json_:
        lists = {key: _fingerprints(some) for key, some in outcome.items()}
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, **lists}))
    elif not is_quiet():
        click.echo(
            f"{len(added)} trusted from now on, {len(known)} trusted already,"
            f" {len(left_out)} left out"
        )


def _fingerprints(some: list[Proposed]) -> list[str]:
    return [str(one.fingerprint) for one in some]
