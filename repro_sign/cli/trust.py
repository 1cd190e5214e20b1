"""`repro-sign trust`: whom this user believes."""

import sys
from pathlib import Path

import click

from repro_sign.cli.options import (
    FINGERPRINT,
    is_quiet,
    json_option,
    output_options,
    say,
    yes_option,
)
from repro_sign.cli.tables import table
from repro_sign.errors import RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.files import read_small
from repro_sign.fingerprint import Fingerprint, SignerId, parse_signer
from repro_sign.known_keys import Keys, read_keys
from repro_sign.locations import Locations, find_locations
from repro_sign.openpgp.certificate import MAX_RING_BYTES
from repro_sign.report import as_json
from repro_sign.stores.certificates import gather
from repro_sign.stores.trust_store import add_entry, read_entries, remove_entry
from repro_sign.times import readable, utc_now


@click.group("trust")
def command() -> None:
    """Say whom you believe: repro-sign verify trusts these signers."""


@command.command("add")
@click.argument("who", metavar="FINGERPRINT|FILE")
@click.option("--as", "name", default="", help="What you call this person.")
@yes_option
@json_option
@output_options
def add(*, who: str, name: str, yes: bool, json_: bool) -> None:
    """Believe the owner of a key, by its full fingerprint or a public key file.

    Compare the fingerprint with one that you had from the owner: the paper, their web page, by
    voice. A file proves nothing about who made it.
    """
    where = find_locations()
    fingerprint, keys = _read(who, where)
    certificate = keys.certificates[0] if keys.certificates else None
    user_id = printable(certificate.user_id) if certificate and certificate.user_id else ""
    if not json_:
        click.echo(f"fingerprint  {fingerprint.grouped()}", err=True)
        click.echo(f"user id      {user_id or '(none, or no certificate at hand)'}", err=True)
        if certificate and certificate.expires:
            click.echo(f"expires      {readable(certificate.expires)}", err=True)
    if not yes:
        _ask()
    if certificate is not None and not name:
        name = certificate.user_id or ""
    new = add_entry(where, fingerprint, name=name, now=utc_now(), keys=keys)
    if json_:
        members = {"schema": as_json.SCHEMA, "fingerprint": str(fingerprint), "added": new}
        click.echo(as_json.to_text(members))
    elif not is_quiet():
        click.echo("trusted from now on" if new else "was trusted already")


@command.command("list")
@json_option
@output_options
def list_(*, json_: bool) -> None:
    """List whom you believe."""
    entries = read_entries(find_locations())
    if json_:
        rows = [
            {"fingerprint": str(one.fingerprint), "name": one.name, "added": one.added}
            for one in entries
        ]
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "signers": rows}))
    elif not entries:
        click.echo("nobody is trusted yet; repro-sign trust add FINGERPRINT")
    else:
        cells = [
            (one.fingerprint.grouped(), printable(one.name), printable(one.added))
            for one in entries
        ]
        table(("fingerprint", "name", "added"), cells)


@command.command("remove")
@click.argument("fingerprint", type=FINGERPRINT)
@output_options
def remove(*, fingerprint: SignerId) -> None:
    """Believe the owner of a key no more."""
    remove_entry(find_locations(), fingerprint)
    say(f"repro-sign: {fingerprint.grouped()} is trusted no more")


def _read(who: str, where: Locations) -> tuple[SignerId, Keys]:
    """Read a fingerprint, looking for its key in the stores, or a public key file."""
    try:
        fingerprint = parse_signer(who)
    except ValueError as error:
        if not who.strip() or not Path(who).exists():
            raise UsageError(f"{error}; and there is no such file") from error
        return _read_file(Path(who))
    known = gather(where, [str(fingerprint)], Path())
    if isinstance(fingerprint, Fingerprint):
        certificate = known.certificates.get(fingerprint)
        return fingerprint, Keys(certificates=(certificate,) if certificate else ())
    key = known.public_keys.get(fingerprint)
    return fingerprint, Keys(public_keys=(key,) if key else ())


def _read_file(path: Path) -> tuple[SignerId, Keys]:
    shown = printable(str(path))
    data = read_small(path, MAX_RING_BYTES, "public key")
    found = read_keys(data, shown)
    if len(found.signers) != 1:
        raise RefusedError(
            f"{shown} holds {len(found.signers)} keys; one at a time can be compared and trusted",
            hint="name the fingerprint that you mean",
        )
    return found.signers[0], found


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask whether the fingerprint is right",
            hint="compare it yourself, then say --yes",
        )
    question = "Did you compare this fingerprint with one you had from its owner?"
    if not click.confirm(question, err=True):
        raise RefusedError("not added: the fingerprint was not confirmed")
