"""Gather the keys that signatures are checked with, from everywhere they may lie.

None of these places makes anybody trusted. All copies of one certificate are merged, so that a
copy without its revocation hides nothing.
"""

import math
import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.known_keys import Keys, KnownKeys
from repro_sign.openpgp.certificate import MAX_CERTIFICATE_BYTES, Certificate, read_ring
from repro_sign.pem.keys import read_public_key
from repro_sign.statements.signed_file import SignedFile, read_embedded
from repro_sign.stores.apptainer_ring import read_public
from repro_sign.stores.gnupg_at_hand import gnupg_at_hand
from repro_sign.stores.kept_keys import read_kept
from repro_sign.stores.pem_store import read_pem_keys
from repro_sign.system.files import read_small
from repro_sign.system.locations import Locations

KEYS_FOLDER: Final = "keys"
"""A folder of this name beside an image is searched for its signers' certificates."""
_KEY_SUFFIXES: Final = (".asc", ".gpg", ".pub", ".pem")
_MAX_KEY_FILES: Final = 500
_MAX_FOLDER_BYTES: Final = 8 << 20
"""What is read of such a folder at most: whoever hosts an image can fill one."""
_NONE: Final = Keys()
_LATELY_SECONDS: Final = 5.0
"""No longer than to verify one large image may take."""
_MAX_LATELY: Final = 256
_MAX_KEPT_BYTES: Final = 64 << 10
"""Keys that are larger are read each time: few are, and memory is bounded."""
_Found = TypeVar("_Found")


class Lately:
    """What was found a moment ago, for a run over many images: where most of them need the same.

    It is never older than some seconds, so that a revocation that comes in during a long run
    counts from then on.
    """

    def __init__(self) -> None:
        self._found: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, find: Callable[[], _Found]) -> _Found:
        """Return what was found under this key, or find it."""
        now = time.monotonic()
        at, found = self._found.get(key, (-math.inf, None))
        if now - at > _LATELY_SECONDS:
            if len(self._found) >= _MAX_LATELY:
                self._found.clear()
            found = find()
            self._found[key] = (now, found)
        return cast(_Found, found)


def gather(
    where: Locations,
    issuers: Iterable[str],
    folder: Path,
    given: Keys = _NONE,
    lately: Lately | None = None,
) -> KnownKeys:
    """Return all certificates at hand for these issuers, all PEM keys, and those `given`.

    A DSSE signature need not name its key, so every PEM key at hand may be the one.

    A store that can't be read is passed over: its certificates are then not at hand, which makes
    nothing verified. What was found `lately` is not looked for again.
    """
    lately = lately or Lately()
    wanted = frozenset(issuer.upper() for issuer in issuers)
    book = KnownKeys()
    book.add(given, "given")
    for keys, origin in lately.get((where, wanted), lambda: tuple(_own(where, wanted))):
        book.add(keys, origin)
    beside = lately.get(folder, lambda: _beside(folder / KEYS_FOLDER))
    book.add(Keys(public_keys=beside.public_keys), "keys folder")
    book.certificates.add(_of(wanted, beside.certificates), "keys folder")
    return book


def brought_along(file: SignedFile, lately: Lately | None = None) -> Keys:
    """Read the key that a statement brings along: in a folder it is the same in most of them."""
    key, openpgp = file.embedded, file.openpgp is not None
    if lately is None or len(key) > _MAX_KEPT_BYTES:
        return read_embedded(key, openpgp=openpgp)
    return lately.get((key, openpgp), lambda: read_embedded(key, openpgp=openpgp))


def own_copy(where: Locations, signer: SignerId) -> Keys:
    """Return one key as all stores of this account together know it; none if no store has it."""
    book = KnownKeys()
    wanted = frozenset({signer.hex} if isinstance(signer, Fingerprint) else ())
    for keys, origin in _own(where, wanted):
        book.add(keys, origin)
    book.add(Keys(public_keys=tuple(one.public for one in read_pem_keys(where))), "PEM keys")
    return book.only(signer)


def _own(where: Locations, wanted: frozenset[str]) -> Iterator[tuple[Keys, str]]:
    """Yield what lies in this account's stores: certificates of these issuers, all PEM keys."""
    kept = read_kept(where, wanted)
    yield Keys(public_keys=kept.public_keys), "kept keys"
    if wanted:
        yield Keys(_of(wanted, kept.certificates)), "kept keys"
        yield Keys(_of(wanted, _apptainer(where))), "Apptainer's ring"
        yield Keys(_of(wanted, _gnupg(where, wanted))), "GnuPG"


def _of(wanted: frozenset[str], found: Iterable[Certificate]) -> tuple[Certificate, ...]:
    return tuple(one for one in found if one.key_ids & wanted)


def _apptainer(where: Locations) -> Iterable[Certificate]:
    try:
        return read_public(where.apptainer_keys)
    except (NoAnswerError, MalformedError):
        return ()


def _gnupg(where: Locations, wanted: frozenset[str]) -> Iterable[Certificate]:
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
