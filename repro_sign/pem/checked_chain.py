"""What a chain of X.509 certificates says of a key: the value alone, cheap to import."""

from dataclasses import dataclass
from typing import Final

from repro_sign.finding import Finding
from repro_sign.pem.keys import PublicKey

MAX_CERTIFICATES_BYTES: Final = 1 << 20
"""Largest file of certificates that is read."""


@dataclass(frozen=True, slots=True)
class CheckedChain:
    """A leaf certificate's key, and what its chain says of it.

    `unfit` is set where the certificate itself forbids its use (time, purpose), `unproven` where
    no chain leads from it to the roots given.
    """

    key: PublicKey
    subject: str
    unfit: tuple[Finding, str] | None = None
    unproven: str | None = None
