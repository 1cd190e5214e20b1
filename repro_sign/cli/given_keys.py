"""Keys and certificates that the caller of `verify` hands over."""

from datetime import datetime
from pathlib import Path

from repro_sign.errors import MalformedError, RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys, read_keys
from repro_sign.openpgp.certificate import MAX_RING_BYTES
from repro_sign.pem.checked_chain import MAX_CERTIFICATES_BYTES, CheckedChain
from repro_sign.system.files import read_small
from repro_sign.times import utc_now


def read_key(path: Path) -> Keys:
    """Read a public key that the caller hands over. A secret key proves nothing about its owner."""
    shown = printable(str(path))
    try:
        data = read_small(path, MAX_RING_BYTES, "public key")
        if b"-----BEGIN CERTIFICATE" in data:
            raise UsageError(
                f"{shown} is an X.509 certificate",
                hint="give it with --certificate, and the roots with --certificate-roots",
            )
        return read_keys(data, shown)
    except (MalformedError, RefusedError) as error:
        hint = error.hint or "--key takes an OpenPGP or PEM public key"
        raise UsageError(str(error), hint=hint) from error


def read_chains(
    certificate: Path | None, intermediates: Path | None, roots: Path | None
) -> tuple[CheckedChain, ...]:
    """Read and check the X.509 certificate that the caller hands over, if there is one."""
    if certificate is None:
        if intermediates or roots:
            raise UsageError("--certificate-roots and -intermediates go with --certificate")
        return ()
    if roots is None:
        raise UsageError(
            "--certificate proves nothing without roots that you believe",
            hint="name them: --certificate-roots FILE",
        )
    return (_read_chain(certificate, intermediates, roots, utc_now()),)


def believed_chains(chains: tuple[CheckedChain, ...]) -> dict[SignerId, str]:
    """Return the signers whose certificates lead to a root, or are unfit (which will fail them)."""
    return {
        one.key.fingerprint: f"--certificate ({one.subject})" for one in chains if not one.unproven
    }


def _read_chain(
    certificate: Path, intermediates: Path | None, roots: Path, now: datetime
) -> CheckedChain:
    from repro_sign.pem.chain import read_chain  # X.509 costs time that most runs need not spend

    between = _read(intermediates) if intermediates else None
    try:
        return read_chain(_read(certificate), between, _read(roots), now)
    except MalformedError as error:
        raise UsageError(
            str(error), hint="--certificate takes X.509 certificates as PEM"
        ) from error


def _read(path: Path) -> bytes:
    return read_small(path, MAX_CERTIFICATES_BYTES, "set of certificates")
