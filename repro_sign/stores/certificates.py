"""Gather the certificates that signatures are checked with, from everywhere they may lie.

None of these places makes anybody trusted. All copies of one certificate are merged, so that a
copy without its revocation hides nothing.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.files import read_small
from repro_sign.locations import Locations
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.certificate import MAX_CERTIFICATE_BYTES, Certificate, read_ring
from repro_sign.process import find_program
from repro_sign.stores.apptainer_ring import read_public
from repro_sign.stores.trust_store import read_stored_certificates

KEYS_FOLDER: Final = "keys"
"""A folder of this name beside an image is searched for its signers' certificates."""
_MAX_KEY_FILES: Final = 500


def gather(
    where: Locations, issuers: Iterable[str], folder: Path, given: Iterable[Certificate] = ()
) -> CertificateBook:
    """Return a book of all certificates at hand for these issuers (and of those `given`).

    A store that can't be read is passed over: its certificates are then not at hand, which makes
    nothing verified.
    """
    wanted = {issuer.upper() for issuer in issuers}
    book = CertificateBook()
    book.add(given, "given")
    if not wanted:
        return book
    _add(book, wanted, _trust_store(where), "trust store")
    _add(book, wanted, _apptainer(where), "Apptainer's ring")
    _add(book, wanted, _gnupg(where, wanted), "GnuPG")
    _add(book, wanted, _beside(folder / KEYS_FOLDER), "keys folder")
    return book


def _add(
    book: CertificateBook, wanted: set[str], found: Iterable[Certificate], origin: str
) -> None:
    book.add((one for one in found if one.key_ids & wanted), origin)


def _trust_store(where: Locations) -> Iterable[Certificate]:
    try:
        return read_stored_certificates(where)
    except (NoAnswerError, MalformedError):
        return ()


def _apptainer(where: Locations) -> Iterable[Certificate]:
    try:
        return read_public(where.apptainer_keys)
    except (NoAnswerError, MalformedError):
        return ()


def _gnupg(where: Locations, wanted: set[str]) -> Iterable[Certificate]:
    if not where.gnupg_home.is_dir() or find_program("gpg") is None:
        return ()
    from repro_sign.stores.gnupg_home import GnuPGHome  # python-gnupg: only where there is a home

    try:
        return GnuPGHome(where.gnupg_home).certificates(tuple(sorted(wanted)))
    except NoAnswerError:
        return ()


def _beside(folder: Path) -> Iterable[Certificate]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith((".asc", ".gpg")))
    except OSError:
        return
    for name in names[:_MAX_KEY_FILES]:
        try:
            yield from read_ring(read_small(folder / name, MAX_CERTIFICATE_BYTES, "public key"))
        except (NoAnswerError, MalformedError):
            continue
