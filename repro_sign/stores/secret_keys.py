"""The keys that this user can sign with: in Apptainer's ring, in GnuPG, in PEM files."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.secret import SecretKey
from repro_sign.openpgp.subkeys import why_it_may_not_sign
from repro_sign.pem.keys import PublicKey
from repro_sign.stores import apptainer_ring
from repro_sign.stores.gnupg_agent import Keeper
from repro_sign.stores.gnupg_at_hand import gnupg_at_hand
from repro_sign.stores.kept_keys import read_kept
from repro_sign.stores.pem_store import read_pem_keys
from repro_sign.system.locations import Locations
from repro_sign.times import from_the_future, readable
from repro_sign.values import dataclass


class Store(StrEnum):
    """Where a key lives."""

    APPTAINER = "apptainer"
    GNUPG = "gnupg"
    PEM = "pem"
    KEPT = "kept"
    """Public keys that were fetched, or are a trusted person's, and are in none of the others."""


SECRET_STORES: Final = (Store.APPTAINER, Store.GNUPG, Store.PEM)
"""Where secret keys live."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key whose secret half is in a store.

    `certificate` is set for OpenPGP keys, `secret` too for those in Apptainer's ring, `keeper` for
    those in GnuPG, and `pem` for PEM keys: the file with the private half. `out_of_reach` says that
    gpg sees a secret half of the key, but none that may sign (an offline primary key, say).
    """

    fingerprint: SignerId
    store: Store
    encrypted: bool | None
    certificate: Certificate | None = None
    secret: SecretKey | None = field(default=None, repr=False)
    pem: Path | None = None
    public_key: PublicKey | None = None
    keeper: Keeper | None = None
    out_of_reach: bool = False

    @property
    def name(self) -> str:
        """What the key calls its owner, escaped; the fingerprint where it does not say."""
        user_id = self.certificate.user_id if self.certificate else None
        return printable(user_id) if user_id else self.fingerprint.grouped()

    def unfit(self, now: datetime) -> str | None:
        """Return why this key should not sign now, or None."""
        certificate = self.certificate
        if certificate is None:
            return None
        if certificate.revoked:
            return "it is revoked"
        if certificate.expires is not None and certificate.expires <= now:
            return f"it expired on {readable(certificate.expires)}"
        if certificate.created > now:
            return f"it is {from_the_future(certificate.created)}"
        if not certificate.usable:
            return "its certificate is not usable (self-signature made with SHA-1?)"
        reason = why_it_may_not_sign(certificate, now)
        if reason is not None:
            return reason
        if self.secret is not None and self.secret.stub and certificate.primary_signs:
            return "the secret half of its primary key is not in Apptainer's ring, which needs it"
        if self.out_of_reach:
            return "the secret half of what signs is neither here nor in an agent nor on a card"
        return None


@dataclass(frozen=True, slots=True)
class KeysAtHand:
    """The keys that this user can sign with; `silence` says why GnuPG's are not among them."""

    keys: tuple[SigningKey, ...]
    silence: NoAnswerError | None


def signing_keys(where: Locations) -> tuple[SigningKey, ...]:
    """Return all keys with a secret half, Apptainer's first; a key in both stores twice.

    Those in GnuPG are missing where it gives no answer: `keys_at_hand` says so.
    """
    return keys_at_hand(where).keys


def keys_at_hand(where: Locations) -> KeysAtHand:
    """Return the same keys, and why GnuPG's are missing if they are."""
    silence = None
    try:
        gnupg = tuple(_gnupg_keys(where))
    except NoAnswerError as error:
        gnupg, silence = (), error
    return KeysAtHand((*_ring_keys(where), *gnupg, *_pem_keys(where)), silence)


def _ring_keys(where: Locations) -> Iterator[SigningKey]:
    """Yield the keys in Apptainer's ring.

    Their certificates are merged from both its files and the kept keys: the secret half does not
    learn that its key was revoked.
    """
    known = CertificateBook()
    known.add(apptainer_ring.read_public(where.apptainer_keys), "ring")
    known.add(read_kept(where, [one.fingerprint.hex for one in known]).certificates, "kept keys")
    for key in _with_news(apptainer_ring.read_secret(where.apptainer_keys), known):
        yield SigningKey(
            fingerprint=key.certificate.fingerprint,
            store=Store.APPTAINER,
            encrypted=key.encrypted,
            certificate=key.certificate,
            secret=key,
        )


def _gnupg_keys(where: Locations) -> Iterator[SigningKey]:
    home = gnupg_at_hand(where)
    halves = {half.fingerprint: half for half in home.reachable_keys()} if home else {}
    if home is None or not halves:
        return
    for one in home.certificates(tuple(fingerprint.hex for fingerprint in halves)):
        half = halves.get(one.fingerprint)
        if half is not None:
            yield SigningKey(
                fingerprint=one.fingerprint,
                store=Store.GNUPG,
                encrypted=None,
                certificate=one,
                keeper=half.keeper,
                out_of_reach=not half.signs,
            )


def _pem_keys(where: Locations) -> Iterator[SigningKey]:
    for key in read_pem_keys(where):
        yield SigningKey(
            fingerprint=key.public.fingerprint,
            store=Store.PEM,
            encrypted=key.encrypted,
            pem=key.private,
            public_key=key.public,
        )


def _with_news(keys: Iterable[SecretKey], known: CertificateBook) -> Iterator[SecretKey]:
    for key in keys:
        certificate = known.get(key.certificate.fingerprint)
        yield key.with_news(certificate) if certificate else key


def all_certificates(where: Locations) -> tuple[tuple[Certificate, tuple[Store, ...]], ...]:
    """Return every certificate at hand, copies merged, with the stores that hold it."""
    found: dict[Fingerprint, tuple[Certificate, tuple[Store, ...]]] = {}
    rings = [
        (Store.APPTAINER, apptainer_ring.read_public(where.apptainer_keys)),
        (Store.GNUPG, _gnupg_certificates(where)),
    ]
    for store, certificates in rings:
        for one in certificates:
            known, stores = found.get(one.fingerprint, (one, ()))
            stores = stores if store in stores else (*stores, store)
            found[one.fingerprint] = (known.merged(one), stores)
    for one in read_kept(where).certificates:
        known, stores = found.get(one.fingerprint, (one, ()))
        with suppress(MalformedError):  # too large together: what the stores say of it counts
            known = known.merged(one)
        found[one.fingerprint] = (known, stores or (Store.KEPT,))
    return tuple(found.values())


def _gnupg_certificates(where: Locations) -> tuple[Certificate, ...]:
    home = gnupg_at_hand(where)
    try:
        return home.certificates() if home else ()
    except NoAnswerError:
        return ()
