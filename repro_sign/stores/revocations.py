"""Revocation certificates kept for the day when a key is lost or stolen, a file for each key.

Only the owner may read them: whoever has one can end the use of the key.
"""

from pathlib import Path
from typing import Final

from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.revoking import read_revocations
from repro_sign.system.durable import locked_folder, private_folder, write_file
from repro_sign.system.files import read_if_there
from repro_sign.system.locations import Locations

MAX_REVOCATION_BYTES: Final = 1 << 20
_HEAD: Final = """\
This is the revocation certificate of the OpenPGP key

    {fingerprint}
    {user_id}

Whoever publishes it ends the use of that key for good. Keep it where only you can read it, on
paper say: it is for the day when the secret key is lost or stolen.
To use it: repro-sign key revoke. By hand: give a block below to gpg --import.

"""


def path_of(where: Locations, fingerprint: Fingerprint) -> Path:
    """Return where a key's revocation certificates are kept, whether there are any or not."""
    return where.revocations / f"{fingerprint.hex}.asc"


def read_stored(where: Locations, fingerprint: Fingerprint) -> bytes:
    """Return the file's text; empty if there is none."""
    path = path_of(where, fingerprint)
    return read_if_there(path, MAX_REVOCATION_BYTES, "revocation certificate") or b""


def store_revocation(where: Locations, certificate: Certificate, armored: bytes) -> Path:
    """Keep a key's revocation certificate; those that are there already stay.

    Raises `RefusedError` if it can't be written.
    """
    private_folder(where.revocations)
    path = path_of(where, certificate.fingerprint)
    with locked_folder(where.revocations):
        old = read_stored(where, certificate.fingerprint)
        new = set(read_revocations(armored))
        if new and new <= set(read_revocations(old)):
            return path
        head = old.rstrip() + b"\n\n" if old else _head(certificate)
        write_file(path, head + armored.strip() + b"\n", mode=0o600)
    return path


def _head(certificate: Certificate) -> bytes:
    user_id = printable(certificate.user_id or "", limit=200)
    return _HEAD.format(fingerprint=certificate.fingerprint.grouped(), user_id=user_id).encode()
