"""X.509: whether a chain of certificates vouches for a key, for code signing, at this time.

The chain is built and checked by cryptography's verifier. A SIF signature by such a key names no
time of its own, so validity counts now, unless a trusted timestamp shows an earlier date (design,
section 3): `CheckedChain.at` judges at that.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from repro_sign.errors import MalformedError
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.pem.algorithms import describe
from repro_sign.pem.checked_chain import CheckedChain
from repro_sign.quietly import without_warnings
from repro_sign.times import readable

_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises about a certificate, when it is loaded or its parts are asked for."""


def read_chain(
    certificate: bytes, intermediates: bytes | None, roots: bytes, now: datetime
) -> CheckedChain:
    """Read a leaf certificate, those between, and roots, each as PEM, and check the chain.

    Raises `MalformedError` if one of them is not readable.
    """
    with without_warnings():
        leaves = _read(certificate, "the certificate")
        if len(leaves) != 1:
            raise MalformedError(f"the certificate file holds {len(leaves)} certificates, not one")
        between = _read(intermediates, "the intermediate certificates") if intermediates else []
        return check_chain(leaves[0], between, _read(roots, "the root certificates"), now)


def check_chain(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now: datetime,
) -> CheckedChain:
    """Check a leaf certificate against roots that the caller believes.

    Raises `MalformedError` if it can't be read, or if its key is of no accepted kind.
    """
    with without_warnings():
        return _check(leaf, intermediates, roots, now)


def _check(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now: datetime,
) -> CheckedChain:
    try:
        key = describe(leaf.public_key())
        subject = printable(leaf.subject.rfc4514_string())
        unfit = _unfit(leaf, now)
        ended = leaf.not_valid_after_utc if leaf.not_valid_after_utc <= now else None
    except _UNREADABLE as error:  # its parts are read when asked for
        raise MalformedError("the certificate can't be read") from error
    at = cache(partial(check_chain, leaf, intermediates, roots))
    if unfit is not None:
        return CheckedChain(key, subject, unfit=unfit, ended=ended, at=at)
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(list(roots)))
        .time(now)
        .extension_policies(
            ca_policy=_AUTHORITY,
            ee_policy=_CODE_SIGNING,
        )
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, list(intermediates))
    except verification.VerificationError as error:
        reason = printable(str(error).splitlines()[0], limit=200)
        message = f"no chain leads from the certificate of {subject} to the roots given: {reason}"
        return CheckedChain(key, subject, unproven=message, at=at)
    return CheckedChain(key, subject, at=at)


def _read(data: bytes, what: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except _UNREADABLE as error:
        raise MalformedError(f"{what} can't be read as PEM") from error


def _unfit(leaf: x509.Certificate, now: datetime) -> tuple[Finding, str] | None:
    if leaf.not_valid_after_utc <= now:
        message = f"its certificate expired on {readable(leaf.not_valid_after_utc)}"
        return Finding.KEY_EXPIRED, message
    if leaf.not_valid_before_utc > now:
        message = f"its certificate is valid from {readable(leaf.not_valid_before_utc)} only"
        return Finding.KEY_NOT_YET_VALID, message
    return None if _may_sign_code(leaf) else (Finding.KEY_UNFIT, _NOT_FOR_CODE)


def _may_sign_code(leaf: x509.Certificate) -> bool:
    """Whether the certificate is for code signing, and for signatures at all."""
    try:
        extensions = leaf.extensions
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
            return False
        return extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except x509.ExtensionNotFound as error:
        return error.oid == x509.KeyUsage.oid  # that one may be left out
    except _UNREADABLE:
        return False


def _check_authority(
    policy: verification.Policy,
    certificate: x509.Certificate,
    constraints: x509.BasicConstraints | None,
) -> None:
    del policy, certificate
    if constraints is None or not constraints.ca:
        raise ValueError("not the certificate of an authority")


def _check_authority_usage(
    policy: verification.Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    del policy, certificate
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an authority that may not sign certificates")


def _check_usage(
    policy: verification.Policy, certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None
) -> None:
    del policy, certificate
    if usage is None or ExtendedKeyUsageOID.CODE_SIGNING not in usage:
        raise ValueError(_NOT_FOR_CODE)


_NOT_FOR_CODE: Final = "its certificate is not for code signing"
_AUTHORITY: Final = (
    verification.ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, _check_authority)
    .may_be_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _check_authority_usage)
)
"""Private authorities leave out what the web's must have; these two decide who is one."""
_CODE_SIGNING: Final = verification.ExtensionPolicy.permit_all().require_present(
    x509.ExtendedKeyUsage, verification.Criticality.AGNOSTIC, _check_usage
)
