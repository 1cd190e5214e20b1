"""The trust store: whom this account believes, in a text file that a person can read and keep.

Next to it lie the certificates of those people. A fingerprint in the file is what makes trusted;
a certificate in the folder alone does nothing.
"""

import tomllib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from repro_sign.durable import locked_folder, private_folder, write_file
from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import printable
from repro_sign.files import read_if_there
from repro_sign.fingerprint import Fingerprint, SignerId, parse_signer
from repro_sign.known_keys import Keys, read_keys
from repro_sign.locations import Locations
from repro_sign.openpgp.certificate import MAX_CERTIFICATE_BYTES, read_certificates
from repro_sign.times import rfc3339

YOU = "you"
"""The name under which `keygen` enters a new key."""
_MAX_FILE_BYTES = 4 << 20
_COMMENT = (
    "Whom this account believes. repro-sign verify trusts signatures by these keys, unless",
    "--signer or --key says otherwise. Written by repro-sign trust; may be edited by hand.",
)


@dataclass(frozen=True, slots=True)
class TrustEntry:
    """One trusted person: a fingerprint, and what this account calls its owner."""

    fingerprint: SignerId
    name: str = ""
    added: str = ""


def read_entries(where: Locations) -> tuple[TrustEntry, ...]:
    """Return the entries in file order; none if there is no file.

    Raises `MalformedError` if the file is not what it should be: an entry that can't be read
    must not vanish in silence.
    """
    path = where.trust_file
    data = read_if_there(path, _MAX_FILE_BYTES, "trust file")
    if data is None:
        return ()
    shown = printable(str(path))
    try:
        document = tomllib.loads(data.decode("utf-8"))
        rows = document.get("signer", [])
        return tuple(_entry(row) for row in rows)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedError(
            f"the trust file {shown} is not valid: {printable(str(error))}",
            hint="correct it by hand, or move it away and add the signers again",
        ) from error


def read_stored_keys(where: Locations) -> Keys:
    """Return the keys kept for trusted people; a damaged one is left out."""
    found = Keys()
    for entry in read_entries(where):
        path = _key_path(where, entry.fingerprint)
        data = read_if_there(path, MAX_CERTIFICATE_BYTES * 2, "public key")
        if data is None:
            continue
        with suppress(MalformedError, RefusedError):
            found += read_keys(data, printable(str(path)))
    return found


def add_entry(
    where: Locations,
    fingerprint: SignerId,
    *,
    name: str,
    now: datetime,
    keys: Keys,
) -> bool:
    """Trust a fingerprint and keep its public key; False if it was trusted already."""
    private_folder(where.settings)
    with locked_folder(where.settings):
        _keep(where, keys)
        if any(entry.fingerprint == fingerprint for entry in read_entries(where)):
            return False
        document = _document(where)
        document["signer"].append(_row(fingerprint, name, now))
        _save(where, document)
    return True


def remove_entry(where: Locations, fingerprint: SignerId) -> None:
    """Trust a fingerprint no more. Raises `RefusedError` if it was not trusted."""
    entries = read_entries(where)
    if all(entry.fingerprint != fingerprint for entry in entries):
        raise RefusedError(f"{fingerprint.grouped()} is not in the trust store")
    with locked_folder(where.settings):
        document = _document(where)
        rows = document["signer"]
        for position in reversed(range(len(rows))):
            if parse_signer(rows[position]["fingerprint"]) == fingerprint:
                del rows[position]
        if not rows:
            del document["signer"]
        _save(where, document)
        _key_path(where, fingerprint).unlink(missing_ok=True)


def _entry(row: dict[str, Any]) -> TrustEntry:
    return TrustEntry(
        parse_signer(row["fingerprint"]), str(row.get("name", "")), str(row.get("added", ""))
    )


def _document(where: Locations) -> Any:
    """Read the file so that comments and order of a hand-made one survive a change."""
    import tomlkit  # only commands that write need it

    data = read_if_there(where.trust_file, _MAX_FILE_BYTES, "trust file")
    if data is not None:
        document = tomlkit.parse(data.decode("utf-8"))
    else:
        document = tomlkit.document()
        for line in _COMMENT:
            document.add(tomlkit.comment(line))
    if not document.get("signer"):  # none, or an empty list that could only be written inline
        document.pop("signer", None)
        document.append("signer", tomlkit.aot())
    return document


def _row(fingerprint: SignerId, name: str, now: datetime) -> Any:
    import tomlkit

    row = tomlkit.table()
    row.add("fingerprint", fingerprint.grouped())
    row.add("name", name)
    row.add("added", rfc3339(now))
    return row


def _save(where: Locations, document: Any) -> None:
    import tomlkit

    write_file(where.trust_file, tomlkit.dumps(document).encode("utf-8"), mode=0o600)


def _keep(where: Locations, keys: Keys) -> None:
    """Store public keys; an OpenPGP certificate is merged with the copy that is there."""
    private_folder(where.trusted_certificates)
    for key in keys.public_keys:
        write_file(_key_path(where, key.fingerprint), key.pem.encode(), mode=0o600)
    for certificate in keys.certificates:
        path = _key_path(where, certificate.fingerprint)
        old = read_if_there(path, MAX_CERTIFICATE_BYTES * 2, "certificate")
        merged = certificate
        for known in read_certificates(old, printable(str(path))) if old is not None else ():
            merged = known.merged(merged)
        write_file(path, merged.armored.encode(), mode=0o600)


def _key_path(where: Locations, fingerprint: SignerId) -> Path:
    if isinstance(fingerprint, Fingerprint):
        return where.trusted_certificates / f"{fingerprint.hex}.asc"
    return where.trusted_certificates / f"{fingerprint.raw.hex()}.pub"
