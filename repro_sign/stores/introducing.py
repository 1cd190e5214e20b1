"""Who is meant by a fingerprint, a public key file or a manifest. It makes nobody trusted.

Of a manifest it is whoever signed it. That proves nothing about who they are: anybody can make a
key in another's name, and sign with it.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.errors import RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.known_keys import Keys, read_keys
from repro_sign.openpgp.certificate import MAX_RING_BYTES
from repro_sign.statements import manifest, signed_file
from repro_sign.statements.signed_file import PEM_ENDING
from repro_sign.stores.certificates import gather
from repro_sign.system.files import read_small
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass

_CLEAR_SIGNED: Final = b"-----BEGIN PGP SIGNED MESSAGE-----"


@dataclass(frozen=True, slots=True)
class Introduction:
    """Somebody's fingerprint, their key if it is at hand, and what both were taken from."""

    fingerprint: SignerId
    keys: Keys
    taken_from: str = ""


def introduce(who: str, where: Locations, now: datetime) -> Introduction:
    """Read a fingerprint, whose key is then looked for in the stores, or a file.

    Raises `UsageError` if it is neither, `RefusedError` for a file with secret keys, with several
    keys, or with a manifest whose signature is not good, `MalformedError` for any other file.
    """
    try:
        fingerprint = parse_signer(who)
    except ValueError as error:
        if not who.strip() or not Path(who).exists():
            raise UsageError(f"{error}; and there is no such file") from error
        return _from_file(Path(who), where, now)
    known = gather(where, [str(fingerprint)], Path())
    return Introduction(fingerprint, known.only(fingerprint))


def _from_file(path: Path, where: Locations, now: datetime) -> Introduction:
    shown = printable(str(path))
    data = read_small(path, MAX_RING_BYTES, "public key")
    if data.lstrip().startswith(_CLEAR_SIGNED) or path.name.endswith(PEM_ENDING):
        return _from_manifest(path, data, where, now)
    found = read_keys(data, shown)
    if len(found.signers) != 1:
        raise RefusedError(
            f"{shown} holds {len(found.signers)} keys; a file with one is needed",
            hint="name the fingerprint that you mean",
        )
    return Introduction(found.signers[0], found, "a key file")


def _from_manifest(path: Path, data: bytes, where: Locations, now: datetime) -> Introduction:
    shown = printable(str(path))
    file = signed_file.parse(path, data)
    known = gather(where, file.issuers, path.parent)
    known.add(file.keys, "manifest")
    checked = signed_file.check(file, known, now)
    if checked.finding is not Finding.GOOD or checked.signer is None:
        raise RefusedError(f"the signature of {shown} is not good: {printable(checked.message)}")
    if manifest.from_bytes(file.text).signer.fingerprint != checked.signer:
        raise RefusedError(f"{shown} names another signer than the key that signed it")
    return Introduction(checked.signer, known.only(checked.signer), "a manifest")
