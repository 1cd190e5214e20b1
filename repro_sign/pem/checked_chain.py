"""What a chain of X.509 certificates says of a key: the value alone, cheap to import."""

from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from typing import Final

from repro_sign.finding import Finding
from repro_sign.pem.keys import PublicKey
from repro_sign.values import dataclass

MAX_CERTIFICATES_BYTES: Final = 1 << 20
"""Largest file of certificates that is read."""


@dataclass(frozen=True, slots=True)
class CheckedChain:
    """A leaf certificate's key, and what its chain says of it.

    `unfit` is set where the certificate itself forbids its use (time, purpose), `unproven` where
    no chain leads from it to the roots given, both as things are now. `ended` is when the
    certificate expired, if it has. `at` judges the same chain at another time: a signature that a
    trusted timestamp proves to be from then may count although the certificate has expired since.
    """

    key: PublicKey
    subject: str
    unfit: tuple[Finding, str] | None = None
    unproven: str | None = None
    ended: datetime | None = None
    at: "Callable[[datetime], CheckedChain] | None" = field(default=None, compare=False, repr=False)

    @property
    def holds(self) -> bool:
        """Whether the certificate is fit, and a chain leads to a root."""
        return not (self.unfit or self.unproven)

    def held(self, moment: datetime | None) -> bool:
        """Whether it held at that time, if there is one that is proven."""
        return moment is not None and self.at is not None and self.at(moment).holds
