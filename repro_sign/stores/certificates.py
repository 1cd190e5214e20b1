"""Gather the keys that signatures are checked with, from everywhere they may lie.

None of these places makes anybody trusted. All copies of one certificate are merged, so that a
copy without its revocation hides nothing.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.files import read_small
from repro_sign.known_keys import Keys, KnownKeys
from repro_sign.locations import Locations
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.certificate import MAX_CERTIFICATE_BYTES, Certificate, read_ring
from repro_sign.pem.keys import read_public_key
from repro_sign.stores.apptainer_ring import read_public
from repro_sign.stores.gnupg_at_hand import gnupg_at_hand
from repro_sign.stores.trust_store import read_stored_keys

KEYS_FOLDER: Final = "keys"
"""A folder of this name beside an image is searched for its signers' certificates."""
_KEY_SUFFIXES: Final = (".asc", ".gpg", ".pub", ".pem")
_MAX_KEY_FILES: Final = 500
_MAX_FOLDER_BYTES: Final = 8 << 20
"""What is read of such a folder at most: whoever hosts an image can fill one."""
_NONE: Final = Keys()


def gather(
    where: Locations, issuers: Iterable[str], folder: Path, given: Keys = _NONE
) -> KnownKeys:
    """Return all certificates at hand for these issuers, all PEM keys, and those `given`.

    A DSSE signature need not name its key, so every PEM key at hand may be the one.

    A store that can't be read is passed over: its certificates are then not at hand, which makes
    nothing verified.
    """
    wanted = {issuer.upper() for issuer in issuers}
    book = KnownKeys()
    book.add(given, "given")
    stored, beside = _trust_store(where), _beside(folder / KEYS_FOLDER)
    book.add(Keys(public_keys=stored.public_keys), "trust store")
    book.add(Keys(public_keys=beside.public_keys), "keys folder")
    if wanted:
        certificates = book.certificates
        _add(certificates, wanted, stored.certificates, "trust store")
        _add(certificates, wanted, _apptainer(where), "Apptainer's ring")
        _add(certificates, wanted, _gnupg(where, wanted), "GnuPG")
        _add(certificates, wanted, beside.certificates, "keys folder")
    return book


def _add(
    book: CertificateBook, wanted: set[str], found: Iterable[Certificate], origin: str
) -> None:
    book.add((one for one in found if one.key_ids & wanted), origin)


def _trust_store(where: Locations) -> Keys:
    try:
        return read_stored_keys(where)
    except (NoAnswerError, MalformedError):
        return Keys()


def _apptainer(where: Locations) -> Iterable[Certificate]:
    try:
        return read_public(where.apptainer_keys)
    except (NoAnswerError, MalformedError):
        return ()


def _gnupg(where: Locations, wanted: set[str]) -> Iterable[Certificate]:
    home = gnupg_at_hand(where)
    try:
        return home.certificates(tuple(sorted(wanted))) if home else ()
    except NoAnswerError:
        return ()


def _beside(folder: Path) -> Keys:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(_KEY_SUFFIXES))
    except OSError:
        return Keys()
    found, room = Keys(), _MAX_FOLDER_BYTES
    for name in names[:_MAX_KEY_FILES]:
        with suppress(NoAnswerError, MalformedError):
            data = read_small(folder / name, min(MAX_CERTIFICATE_BYTES, room), "public key")
            room -= len(data)
            if b"-----BEGIN PUBLIC KEY" in data:
                found += Keys(public_keys=(read_public_key(data, name),))
            else:
                found += Keys(certificates=read_ring(data))
    return found
