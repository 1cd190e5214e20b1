"""`repro-sign trust show`."""

from pathlib import Path
from typing import Any

import click

from repro_sign.cli.key.describing import members_of, state_of
from repro_sign.cli.options import FINGERPRINT, json_option, output_options
from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.report import as_json
from repro_sign.stores.certificates import gather
from repro_sign.stores.listing import KeyEntry
from repro_sign.stores.memory import remembered_images
from repro_sign.stores.trust_store import TrustEntry, read_entries
from repro_sign.system.locations import find_locations
from repro_sign.times import readable

_KEY_MEMBERS = ("user_ids", "algorithm", "created", "expires", "revoked", "usable")


@click.command("show")
@click.argument("fingerprint", type=FINGERPRINT)
@json_option
@output_options
def command(*, fingerprint: SignerId, json_: bool) -> None:
    """Show all there is to know about somebody you believe."""
    where = find_locations()
    entry = next((one for one in read_entries(where) if one.fingerprint == fingerprint), None)
    if entry is None:
        raise RefusedError(
            f"{fingerprint.grouped()} is not in the trust store",
            hint="repro-sign trust list shows who is; repro-sign key show shows any key",
        )
    known = gather(where, [str(fingerprint)], Path())
    found = known.only(fingerprint)
    key = KeyEntry(
        fingerprint=fingerprint,
        certificate=found.certificates[0] if found.certificates else None,
        public_key=found.public_keys[0] if found.public_keys else None,
        public_in=(),
        secret_in=(),
        encrypted=None,
    )
    copies = sorted(known.origins(fingerprint))
    pins = [one.name for one in remembered_images(where) if fingerprint in one.memory.signers]
    if json_:
        signer = _members(entry, key if found else None, copies, pins)
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "signer": signer}))
        return
    click.echo(fingerprint.grouped())
    _line("name", printable(entry.name))
    _line("note", printable(entry.note))
    _line("added", printable(entry.added))
    for user_id in key.certificate.user_ids if key.certificate else ():
        _line("user id", printable(user_id))
    _line("kind", key.algorithm)
    if key.certificate:
        expires = key.certificate.expires
        _line("created", readable(key.certificate.created))
        _line("expires", readable(expires) if expires else "never")
    _line("state", state_of(key) if found else "no public key is at hand")
    _line("copies", ", ".join(copies))
    for name in pins:
        _line("pinned to", name)


def _line(label: str, text: str) -> None:
    click.echo(f"  {label:<10} {text or '-'}")


def _members(
    entry: TrustEntry, key: KeyEntry | None, copies: list[str], pins: list[str]
) -> dict[str, Any]:
    found = members_of(key) if key else {}
    return {
        "fingerprint": str(entry.fingerprint),
        "name": entry.name,
        "note": entry.note,
        "added": entry.added,
        **{member: found.get(member) for member in _KEY_MEMBERS},
        "copies": copies,
        "pins": pins,
    }
