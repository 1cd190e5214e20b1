"""What is wrong with a key, or will be: one rule for `keygen`, `sign`, `doctor` and `key show`.

A pure function from the key and its place to findings, each with a remedy.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.self_signatures import revocation_of
from repro_sign.openpgp.subkeys import subkeys_of
from repro_sign.pem.keys import PublicKey
from repro_sign.stores.exposure import Exposed
from repro_sign.stores.secret_keys import Store
from repro_sign.times import from_the_future, readable
from repro_sign.values import dataclass

SOON: Final = timedelta(days=60)
"""Time enough to renew a key and to publish it before it ends."""
_NEW_KEY: Final = "make a new one: repro-sign keygen"
_RSA_ADVISED_BITS: Final = 3072
"""What is advised for keys that are to be believed for more than a few years."""
_RSA_NEEDED_BITS: Final = 2048


class Gravity(StrEnum):
    """Worth knowing, or wrong: its signatures are worth little or nothing."""

    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One thing about a key. `code` is a stable word; `remedy` may be empty."""

    code: str
    gravity: Gravity
    message: str
    remedy: str = ""


def examine_key(
    key: Certificate | PublicKey | None,
    now: datetime,
    *,
    secret_in: Collection[Store] = (),
    encrypted: bool | None = None,
    exposed: Collection[Exposed] = (),
) -> tuple[HealthFinding, ...]:
    """Return what there is to say against a key, the gravest first; nothing for a healthy one.

    `secret_in` are the stores with its secret half, `encrypted` says whether that is (None: not
    known), `exposed` are those of its places that others have access to.
    """
    found = [*_of_certificate(key, secret_in, now)] if isinstance(key, Certificate) else []
    if key is not None and not any(one.code == "revoked" for one in found):
        found += _of_algorithm(key.algorithm)
    found += [
        HealthFinding("readable-by-others", Gravity.WRONG, one.words, one.remedy) for one in exposed
    ]
    if encrypted is False:
        found.append(
            HealthFinding(
                "not-encrypted",
                Gravity.NOTE,
                "its secret key is stored without a passphrase",
                "keep the folder on an encrypted disk",
            )
        )
    return tuple(sorted(found, key=lambda one: one.gravity is not Gravity.WRONG))


def _of_certificate(
    one: Certificate, secret_in: Collection[Store], now: datetime
) -> Iterator[HealthFinding]:
    if one.revoked:
        revocation = revocation_of(one)
        words = f"revoked ({revocation.words})" if revocation else "revoked"
        yield HealthFinding("revoked", Gravity.NOTE, words, _NEW_KEY)
        return
    if not one.user_ids:
        message = "it carries no user id, and Apptainer imports no key without one"
        remedy = "take it from its owner's own file: a key server may hold the user id back"
        yield HealthFinding("no-user-id", Gravity.WRONG, message, remedy)
    elif one.created > now:
        message = f"it is {from_the_future(one.created)}"
        yield HealthFinding("from-the-future", Gravity.WRONG, message, "set the clock")
    elif not one.usable:
        message = "nobody can check its signatures (self-signature made with SHA-1?)"
        yield HealthFinding("unusable", Gravity.WRONG, message, _NEW_KEY)
    yield from _of_end(one, now)
    if not one.primary_signs and secret_in:
        yield _certify_only(one, now)


def _of_end(one: Certificate, now: datetime) -> Iterator[HealthFinding]:
    if one.expires is None:
        return
    remedy = f"repro-sign key renew {one.fingerprint.hex}, and publish it again"
    if one.expires <= now:
        message = f"expired on {readable(one.expires)}"
        yield HealthFinding("expired", Gravity.NOTE, message, remedy)
    elif one.expires - now < SOON:
        message = f"expires on {readable(one.expires)}"
        yield HealthFinding("expires-soon", Gravity.NOTE, message, remedy)


def _certify_only(one: Certificate, now: datetime) -> HealthFinding:
    """Judge a key whose primary may not sign (SIF reference, section 8)."""
    able = [
        subkey
        for _, subkey in subkeys_of(one, now)
        if subkey.bound
        and subkey.signs
        and subkey.revocation is None
        and (subkey.expires is None or subkey.expires > now)
    ]
    if not able:
        return HealthFinding(
            "cannot-sign",
            Gravity.WRONG,
            "neither its primary key nor a subkey may sign",
            f"gpg --quick-add-key {one.fingerprint.hex} ed25519 sign 3y, or {_NEW_KEY}",
        )
    return HealthFinding(
        "certify-only",
        Gravity.NOTE,
        "its primary key may only certify: apptainer sign would use it all the same, and nobody"
        " could verify the result",
        "sign with repro-sign, which uses the signing subkey",
    )


def _of_algorithm(algorithm: str) -> Iterator[HealthFinding]:
    name, _, size = algorithm.partition(" ")
    if name == "DSA":
        message = "DSA is accepted by hardly any program any more"
        yield HealthFinding("weak-algorithm", Gravity.WRONG, message, _NEW_KEY)
    if name == "RSA" and size.isdigit() and int(size) < _RSA_ADVISED_BITS:
        weak = int(size) < _RSA_NEEDED_BITS
        message = f"{algorithm} is too short for a key that is to be believed for long"
        if weak:
            message = f"{algorithm} is too short: signatures by it are refused"
        gravity = Gravity.WRONG if weak else Gravity.NOTE
        yield HealthFinding("weak-algorithm", gravity, message, _NEW_KEY)
