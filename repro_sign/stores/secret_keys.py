"""The keys that this user can sign with, in Apptainer's ring and in GnuPG, and how to pick one."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from repro_sign.errors import MalformedError, NoAnswerError, RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint, SignerId, parse_signer
from repro_sign.locations import Locations
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.secret import SecretKey
from repro_sign.pem.keys import PublicKey
from repro_sign.stores import apptainer_ring
from repro_sign.stores.gnupg_at_hand import gnupg_at_hand
from repro_sign.stores.pem_store import read_pem_keys
from repro_sign.stores.trust_store import read_stored_keys
from repro_sign.times import readable


class Store(StrEnum):
    """Where a key lives."""

    APPTAINER = "apptainer"
    GNUPG = "gnupg"
    PEM = "pem"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key whose secret half is in a store.

    `certificate` is set for OpenPGP keys, `secret` too for those in Apptainer's ring, and `pem`
    for PEM keys: the file with the private half.
    """

    fingerprint: SignerId
    store: Store
    encrypted: bool | None
    certificate: Certificate | None = None
    secret: SecretKey | None = field(default=None, repr=False)
    pem: Path | None = None
    public_key: PublicKey | None = None

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
        if not certificate.usable:
            return "its certificate is not usable (self-signature made with SHA-1?)"
        if self.store is Store.APPTAINER and not certificate.primary_signs:
            return "its primary key may not sign, and apptainer sign uses no other"
        return None


def signing_keys(where: Locations) -> tuple[SigningKey, ...]:
    """Return all keys with a secret half, Apptainer's first; a key in both stores twice.

    The certificate of a key in Apptainer's ring is merged from both its files and the trust
    store: its secret half does not learn that the key was revoked.
    """
    known = CertificateBook()
    known.add(apptainer_ring.read_public(where.apptainer_keys), "ring")
    with suppress(MalformedError, NoAnswerError):  # a damaged trust store keeps nobody from signing
        known.add(read_stored_keys(where).certificates, "trust store")
    ring = [
        SigningKey(
            fingerprint=key.certificate.fingerprint,
            store=Store.APPTAINER,
            encrypted=key.encrypted,
            certificate=known.get(key.certificate.fingerprint) or key.certificate,
            secret=key,
        )
        for key in apptainer_ring.read_secret(where.apptainer_keys)
    ]
    pem = [
        SigningKey(
            fingerprint=key.public.fingerprint,
            store=Store.PEM,
            encrypted=key.encrypted,
            pem=key.private,
            public_key=key.public,
        )
        for key in read_pem_keys(where)
    ]
    return (*ring, *_gnupg_keys(where), *pem)


def _gnupg_keys(where: Locations) -> Iterable[SigningKey]:
    home = gnupg_at_hand(where)
    if home is None:
        return ()
    names = tuple(one.hex for one in home.secret_fingerprints())
    certificates = home.certificates(names) if names else ()
    return [
        SigningKey(one.fingerprint, Store.GNUPG, encrypted=None, certificate=one)
        for one in certificates
    ]


def pick_key(keys: Iterable[SigningKey], selector: str | None, now: datetime) -> SigningKey:
    """Return the key that `selector` names (fingerprint or e-mail), or the only fit one.

    Of a key in several stores the first counts.

    Raises `UsageError` if the selector fits none or several, `RefusedError` if the key is unfit
    or there is none at all.
    """
    keys = tuple({key.fingerprint: key for key in reversed(tuple(keys))}.values())[::-1]
    if not keys:
        hint = "make one: repro-sign keygen"
        raise RefusedError("there is no secret key to sign with", hint=hint)
    if selector is None:
        candidates = tuple(key for key in keys if key.unfit(now) is None)
        if not candidates:
            reasons = "; ".join(f"{key.fingerprint.grouped()}: {key.unfit(now)}" for key in keys)
            raise RefusedError(f"no secret key is fit to sign: {reasons}")
    else:
        candidates = tuple(key for key in keys if _matches(key, selector))
    if len(candidates) == 1:
        return _fit(candidates[0], now)
    if not candidates:
        raise UsageError(
            f"no secret key has the fingerprint or e-mail address {printable(selector or '')}",
            hint="repro-sign key list shows the keys",
        )
    raise AmbiguousKeyError(candidates)


class AmbiguousKeyError(UsageError):
    """Several keys could be meant; `candidates` are these."""

    def __init__(self, candidates: tuple[SigningKey, ...]) -> None:
        names = "; ".join(f"{key.fingerprint} {key.name}" for key in candidates)
        super().__init__(
            f"there are several secret keys: {names}", hint="say which one: --key FINGERPRINT"
        )
        self.candidates = candidates


def _fit(key: SigningKey, now: datetime) -> SigningKey:
    reason = key.unfit(now)
    if reason:
        raise RefusedError(
            f"the key {key.fingerprint.grouped()} will not sign: {reason}",
            hint="make a new one (repro-sign keygen), or name another with --key",
        )
    return key


def _matches(key: SigningKey, selector: str) -> bool:
    try:
        return key.fingerprint == parse_signer(selector)
    except ValueError:
        pass
    wanted = selector.strip().lower()
    return any(
        wanted == user_id.lower() or user_id.lower().endswith(f"<{wanted}>")
        for user_id in (key.certificate.user_ids if key.certificate else ())
    )


def all_certificates(where: Locations) -> tuple[tuple[Certificate, tuple[Store, ...]], ...]:
    """Return every certificate in both stores, copies merged, with the stores that hold it."""
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
    return tuple(found.values())


def _gnupg_certificates(where: Locations) -> tuple[Certificate, ...]:
    home = gnupg_at_hand(where)
    try:
        return home.certificates() if home else ()
    except NoAnswerError:
        return ()
