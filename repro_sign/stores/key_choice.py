"""Which of the keys at hand is to sign: the one that is named, or the only one that is fit."""

from collections.abc import Iterable
from datetime import datetime

from repro_sign.errors import RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.openpgp.certificate import Certificate
from repro_sign.stores.secret_keys import (
    SigningKey,
    all_certificates,
    keys_at_hand,
)
from repro_sign.system.locations import Locations


def find_key(where: Locations, selector: str | None, now: datetime) -> SigningKey:
    """Return the key to sign with, as `pick_key` does among all at hand.

    Where it finds none it says why, as far as that is known. Raises `NoAnswerError` if the key
    may be one of those of a GnuPG that does not answer.
    """
    at_hand = keys_at_hand(where)
    if selector is None and at_hand.silence:  # it may hold the key that is always meant
        raise at_hand.silence
    if selector is not None and not any(_matches(key, selector) for key in at_hand.keys):
        for certificate, _ in all_certificates(where):
            if _names(selector, certificate):
                raise at_hand.silence or _public_only(certificate)
    return pick_key(at_hand.keys, selector, now)


def _public_only(certificate: Certificate) -> RefusedError:
    return RefusedError(
        f"of the key {certificate.fingerprint.grouped()} only the public half is here",
        hint="a card has to be shown to gpg once (gpg --card-status); a key in another agent"
        " needs a link to its socket; one on another machine has to sign there",
    )


def pick_key(keys: Iterable[SigningKey], selector: str | None, now: datetime) -> SigningKey:
    """Return the key that `selector` names (fingerprint or e-mail), or the only fit one.

    Of a key in several stores the first that is fit counts.

    Raises `UsageError` if the selector fits none or several, `RefusedError` if the key is unfit
    or there is none at all.
    """
    keys = _one_of_each(keys, now)
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


def _one_of_each(keys: Iterable[SigningKey], now: datetime) -> tuple[SigningKey, ...]:
    found: dict[SignerId, SigningKey] = {}
    for key in keys:
        before = found.setdefault(key.fingerprint, key)
        if before.unfit(now) and not key.unfit(now):
            found[key.fingerprint] = key
    return tuple(found.values())


def _matches(key: SigningKey, selector: str) -> bool:
    if key.certificate is not None:
        return _names(selector, key.certificate)
    try:
        return key.fingerprint == parse_signer(selector)
    except ValueError:
        return False


def _names(selector: str, certificate: Certificate) -> bool:
    """Whether a fingerprint or an e-mail address means this certificate."""
    try:
        return certificate.fingerprint == parse_signer(selector)
    except ValueError:
        wanted = selector.strip().lower()
    user_ids = (user_id.lower() for user_id in certificate.user_ids)
    return any(wanted == one or one.endswith(f"<{wanted}>") for one in user_ids)
