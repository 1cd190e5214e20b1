"""Use case: give a key another end, so that its owner goes on signing with it.

gpg makes the new self-signatures, for a key in Apptainer's ring in a scratch home. The old ones
stay beside them: what was signed before is judged by those. Secret packets are not touched.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from repro_sign.errors import RefusedError
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.key_life.at_hand import certificate_at_hand, secret_keys_of, write_public
from repro_sign.key_request import gpg_expiry
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.subkeys import subkeys_of
from repro_sign.stores.gnupg_changes import home_with, set_expiry
from repro_sign.stores.gnupg_home import GnuPGHome
from repro_sign.stores.gnupg_process import INSTALL_HINT
from repro_sign.stores.news import spread
from repro_sign.stores.secret_keys import SigningKey
from repro_sign.system.locations import Locations
from repro_sign.system.process import require_program
from repro_sign.values import dataclass

_A_MOMENT: Final = timedelta(days=1)
"""By so much the ends of a key and its subkeys may differ: gpg counts from different seconds."""


@dataclass(frozen=True, slots=True)
class RenewReport:
    """A key with its new end: who learnt of it, the file to publish."""

    certificate: Certificate
    before: datetime | None
    learnt: tuple[str, ...]
    public_key: Path


def key_to_renew(where: Locations, fingerprint: SignerId) -> SigningKey:
    """Return the secret key that can be renewed. Raises `RefusedError` if none can."""
    if not isinstance(fingerprint, Fingerprint):
        raise RefusedError(f"{fingerprint.grouped()} is a PEM key: it never expires")
    keys = secret_keys_of(where, fingerprint)
    if not keys:
        raise RefusedError(
            f"the secret key {fingerprint.grouped()} is not here, and only it can renew the key",
            hint="repro-sign key list --secret shows what is here; a backup comes back with"
            " repro-sign key restore",
        )
    key = keys[0]
    if key.certificate is not None and key.certificate.revoked:
        raise RefusedError(
            f"the key {fingerprint.grouped()} is revoked: that is final",
            hint="make a new one: repro-sign keygen",
        )
    require_program("gpg", hint=INSTALL_HINT)
    return key


def renew_key(
    where: Locations,
    key: SigningKey,
    expires: str | None,
    passphrase: str | None,
    out: Path,
    now: Callable[[], datetime],
) -> RenewReport:
    """Give a key a new end (`3y`, `never`, a date; by default three years from now).

    Subkeys that have an end of their own get the same. The public file in the folder `out` is
    written anew. `now` is asked again after gpg, whose agent may have waited for somebody.

    Raises `UsageError` for an end that can't be, `RefusedError` if it can't be done.
    """
    words = gpg_expiry(expires, now())
    fingerprint = key.fingerprint
    if not isinstance(fingerprint, Fingerprint):
        raise TypeError("only OpenPGP keys are renewed")
    before = certificate_at_hand(where, fingerprint)
    subkeys = [
        name
        for name, one in subkeys_of(before, now())
        if one.bound and one.expires and not one.revocation
    ]
    with home_with(where.gnupg_home, key.secret) as home:
        set_expiry(home, fingerprint, words, subkeys, passphrase)
        (changed,) = GnuPGHome(home).certificates((fingerprint.hex,))
    certificate = before.merged(changed)
    _demand_renewed(certificate, never=words == "0", subkeys=subkeys, now=now())
    learnt = spread(where, certificate)
    return RenewReport(certificate, before.expires, learnt, write_public(certificate, out))


def _demand_renewed(
    certificate: Certificate, *, never: bool, subkeys: list[Fingerprint], now: datetime
) -> None:
    """Check that readers will see the new end, on the primary key and on each subkey."""
    ends = [certificate.expires]
    ends += [one.expires for name, one in subkeys_of(certificate, now) if name in subkeys]
    first = ends[0]
    same = all((first is None) == (one is None) for one in ends) and all(
        abs(one - first) <= _A_MOMENT for one in ends if one and first
    )
    fit = certificate.usable and (first is None if never else first is not None and first > now)
    if not (same and fit):
        raise RefusedError(
            f"the renewed key {certificate.fingerprint.grouped()} does not show its new end",
            hint="is the clock right, and no older than when the key was made or last renewed?",
        )
