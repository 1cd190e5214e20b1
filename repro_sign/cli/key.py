"""`repro-sign key`: the keys in Apptainer's ring and in GnuPG."""

import sys
from pathlib import Path
from typing import Any

import click

from repro_sign import apptainer
from repro_sign.cli.options import (
    EXISTING_FILE,
    FINGERPRINT,
    json_option,
    output_options,
    say,
)
from repro_sign.cli.tables import table
from repro_sign.durable import write_file
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.locations import find_locations
from repro_sign.report import as_json
from repro_sign.stores.importing import import_file
from repro_sign.stores.listing import KeyEntry, find_entry, list_keys
from repro_sign.stores.secret_keys import Store
from repro_sign.times import readable, rfc3339


@click.group("key")
def command() -> None:
    """List, show, export and import keys, wherever they live."""


@command.command("list")
@click.option("--secret", "secret_only", is_flag=True, help="Only keys that can sign.")
@json_option
@output_options
def list_(*, secret_only: bool, json_: bool) -> None:
    """List the keys in Apptainer's ring, in GnuPG and in PEM files made here."""
    entries = [one for one in list_keys(find_locations()) if one.secret_in or not secret_only]
    if json_:
        keys = [_members(one) for one in entries]
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "keys": keys}))
        return
    if not entries:
        click.echo("no keys; make one: repro-sign keygen")
        return
    rows = [
        (
            one.fingerprint.grouped(),
            printable(one.user_id or "(no user id)"),
            one.algorithm,
            f"{one.certificate.created:%Y-%m-%d}" if one.certificate else "-",
            _state(one),
            one.secret_place or "-",
        )
        for one in entries
    ]
    table(("fingerprint", "user id", "kind", "created", "state", "secret key"), rows)


@command.command("show")
@click.argument("fingerprint", type=FINGERPRINT)
@json_option
@output_options
def show(*, fingerprint: SignerId, json_: bool) -> None:
    """Show all there is to know about one key."""
    entry = find_entry(find_locations(), fingerprint)
    if json_:
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "key": _members(entry)}))
        return
    one = entry.certificate
    click.echo(entry.fingerprint.grouped())
    for user_id in one.user_ids if one else ():
        click.echo(f"  user id   {printable(user_id)}")
    click.echo(f"  kind      {entry.algorithm}")
    if one:
        click.echo(f"  created   {readable(one.created)}")
        click.echo(f"  expires   {readable(one.expires) if one.expires else 'never'}")
    click.echo(f"  state     {_state(entry)}")
    click.echo(f"  public    {entry.public_place or '-'}")
    click.echo(f"  secret    {entry.secret_place or 'not here'}")


@command.command("export")
@click.argument("fingerprint", type=FINGERPRINT)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of standard output.",
)
@output_options
def export(*, fingerprint: SignerId, output: Path | None) -> None:
    """Write a public key, armored, to standard output or to a file."""
    text = find_entry(find_locations(), fingerprint).public_text
    if output is None:
        sys.stdout.write(text)
        return
    write_file(output, text.encode())
    say(f"repro-sign: wrote {printable(str(output))}")


@command.command("import")
@click.argument("file", type=EXISTING_FILE)
@click.option("--secret", is_flag=True, help="The file holds secret keys, and I mean it.")
@click.option(
    "--store",
    type=click.Choice([Store.APPTAINER.value, Store.GNUPG.value]),
    help="Where to (default: Apptainer's ring if Apptainer is installed).",
)
@json_option
@output_options
def import_(*, file: Path, secret: bool, store: str | None, json_: bool) -> None:
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


def _state(entry: KeyEntry) -> str:
    one = entry.certificate
    if one is None:
        return "never expires"
    if one.revoked:
        return "revoked"
    if not one.usable:
        return "unusable"
    if one.expires is None:
        return "never expires"
    return f"until {one.expires:%Y-%m-%d}"


def _members(entry: KeyEntry) -> dict[str, Any]:
    one = entry.certificate
    return {
        "fingerprint": str(entry.fingerprint),
        "user_id": entry.user_id,
        "user_ids": list(one.user_ids) if one else [],
        "algorithm": entry.algorithm,
        "created": rfc3339(one.created) if one else None,
        "expires": rfc3339(one.expires) if one and one.expires else None,
        "revoked": one.revoked if one else False,
        "usable": one.usable if one else True,
        "public_in": [store.value for store in entry.public_in],
        "secret_in": [store.value for store in entry.secret_in],
        "encrypted": entry.encrypted,
    }
