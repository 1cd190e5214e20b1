"""Use case: revoke a key, wherever it lies, and write the public file that tells everybody.

The reason decides what becomes of what was signed before (design, section 3). A certificate that
was stored when the key was made states none, which counts as the gravest.
"""

import time
from pathlib import Path
from typing import Final

from repro_sign.errors import NoAnswerError, RefusedError, ToolNotFoundError, UsageError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.key_life.at_hand import certificate_at_hand, secret_keys_of, write_public
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.revoking import RevocationReason, armored, read_revocations, revoked_by
from repro_sign.openpgp.self_signatures import Revocation, revocation_of
from repro_sign.stores.gnupg_changes import home_with, make_revocation
from repro_sign.stores.gnupg_process import INSTALL_HINT
from repro_sign.stores.news import spread
from repro_sign.stores.revocations import (
    MAX_REVOCATION_BYTES,
    path_of,
    read_stored,
    store_revocation,
)
from repro_sign.stores.secret_keys import SigningKey
from repro_sign.system.files import read_small
from repro_sign.system.locations import Locations
from repro_sign.system.process import find_program
from repro_sign.values import dataclass

_NO_REASON: Final = (
    "without the secret key only a stored revocation certificate can revoke it, and that states"
    " no reason: it undoes everything this key ever signed"
)


_CLOCK_LAG_SECONDS: Final = 0.05
"""The clock that gpg reads, to the second, is some milliseconds behind the finer one."""


@dataclass(frozen=True, slots=True)
class Revoking:
    """How a key will be revoked: by its secret half, or else by certificates that exist.

    `already` is set if it is revoked as gravely as is asked for: then there is only to spread it.
    """

    certificate: Certificate
    reason: RevocationReason
    key: SigningKey | None = None
    existing: tuple[bytes, ...] = ()
    already: Revocation | None = None

    @property
    def undoes_all(self) -> bool:
        """Whether what was signed before becomes worthless too."""
        return self.reason.hard


@dataclass(frozen=True, slots=True)
class RevokeReport:
    """A key that is revoked: how readers see it, who learnt of it, the file to publish."""

    certificate: Certificate
    revocation: Revocation
    learnt: tuple[str, ...]
    public_key: Path
    revocation_certificate: Path


def plan_revocation(
    where: Locations, fingerprint: SignerId, reason: RevocationReason, existing: Path | None
) -> Revoking:
    """Find out how a key can be revoked; `existing` is a file with a revocation certificate.

    Raises `RefusedError` if it can't, or not for this reason, `NoAnswerError` if GnuPG would have
    to say whether it has the secret key, and does not.
    """
    if not isinstance(fingerprint, Fingerprint):
        raise RefusedError(
            f"{fingerprint.grouped()} is a PEM key, and PEM keys can't be revoked",
            hint="tell everybody who has it: they take it out with repro-sign trust remove; sign"
            " what is still good again with a new key",
        )
    certificate = certificate_at_hand(where, fingerprint)
    before = revocation_of(certificate)
    if before is not None and before.hard and not reason.hard:
        raise RefusedError(
            f"the key {fingerprint.grouped()} is revoked already: {before.words}",
            hint="that can't be taken back or made milder",
        )
    if before is not None and (before.hard or not reason.hard):
        return Revoking(certificate, reason, already=before)
    if existing is not None:
        if not reason.hard:
            raise UsageError(
                f"a revocation certificate is used as it is, not as {reason}",
                hint="say --reason compromised, or leave --certificate away",
            )
        return Revoking(certificate, reason, existing=_read(certificate, existing))
    return _by_what_is_here(where, certificate, reason)


def _by_what_is_here(
    where: Locations, certificate: Certificate, reason: RevocationReason
) -> Revoking:
    """Choose the secret key if it is here, else the stored certificate if that will do."""
    fingerprint = certificate.fingerprint
    stored = read_revocations(read_stored(where, fingerprint))
    try:
        keys = secret_keys_of(where, fingerprint)
    except NoAnswerError:  # the agent is gone: a stored certificate may do
        if not (stored and reason.hard):
            raise
        keys = ()
    if keys and find_program("gpg"):
        return Revoking(certificate, reason, key=keys[0])
    if keys and not (stored and reason.hard):
        raise ToolNotFoundError("gpg", hint=f"{INSTALL_HINT}: it makes the revocation")
    if not reason.hard:
        raise RefusedError(
            f"the key {fingerprint.grouped()} can't be revoked as {reason}: {_NO_REASON}",
            hint="restore its backup first (repro-sign key restore); if the key may be in other"
            " hands, say --reason compromised",
        )
    if not stored:
        raise RefusedError(
            f"neither the secret key {fingerprint.grouped()} nor its revocation certificate is"
            " here",
            hint="name the file with it: --certificate FILE",
        )
    revoked_by(certificate, stored)
    return Revoking(certificate, reason, existing=stored)


def revoke_key(where: Locations, plan: Revoking, passphrase: str | None, out: Path) -> RevokeReport:
    """Revoke a key: in every store here, and in a public file in the folder `out`.

    The revocation is kept first, so that after a kill or a full disk the same command completes
    the rest. Raises `RefusedError`.
    """
    new = plan.existing
    if plan.key is not None:
        new = read_revocations(_make(where, plan.key, plan.reason, passphrase))
    certificate = revoked_by(plan.certificate, new) if new else plan.certificate
    revocation = _demand_meant(certificate, plan)
    for one in new:
        store_revocation(where, certificate, armored(one))
    learnt = spread(where, certificate)
    return RevokeReport(
        certificate=certificate,
        revocation=revocation,
        learnt=learnt,
        public_key=write_public(certificate, out),
        revocation_certificate=path_of(where, certificate.fingerprint),
    )


def _demand_meant(certificate: Certificate, plan: Revoking) -> Revocation:
    """Check what readers will see, before anything is changed by it."""
    revocation = revocation_of(certificate)
    meant = revocation is not None and revocation.hard == plan.reason.hard
    if plan.key is not None:
        meant = revocation is not None and revocation.reason == plan.reason.code
    if revocation is None or not meant:
        found = revocation.words if revocation else "no revocation"
        raise RefusedError(
            f"the revocation certificate does not say {plan.reason}, but: {found}",
            hint="nothing was changed",
        )
    return revocation


def _read(certificate: Certificate, path: Path) -> tuple[bytes, ...]:
    data = read_small(path, MAX_REVOCATION_BYTES, "revocation certificate")
    found = read_revocations(data)
    if not found:
        raise RefusedError(f"{printable(str(path))} holds no revocation certificate")
    revoked_by(certificate, found)
    return found


def _make(
    where: Locations, key: SigningKey, reason: RevocationReason, passphrase: str | None
) -> bytes:
    if not isinstance(key.fingerprint, Fingerprint):
        raise TypeError("only OpenPGP keys are revoked")
    if not reason.hard:
        _let_the_second_pass()
    with home_with(where.gnupg_home, key.secret) as home:
        return make_revocation(home, key.fingerprint, reason, passphrase)


def _let_the_second_pass() -> None:
    """Wait until what was signed just now is older than the revocation: times are whole seconds."""
    time.sleep(1 - time.time() % 1 + _CLOCK_LAG_SECONDS)
