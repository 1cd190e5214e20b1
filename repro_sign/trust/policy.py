"""Whom the caller believes, and what else they demand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from repro_sign.digest import Digest
from repro_sign.fingerprint import SignerId


@dataclass(frozen=True, slots=True)
class Expectation:
    """A digest that the caller knows from elsewhere: of the whole file, or the image identity."""

    of: Literal["file", "identity"]
    digest: Digest

    @classmethod
    def parse(cls, text: str) -> "Expectation":
        """Read `sha256:HEX`, `blake3:HEX` or `identity:sha256:HEX`. Raises `ValueError`."""
        kind, _, rest = text.strip().partition(":")
        if kind != "identity":
            return cls("file", Digest.parse(text.strip().lower()))
        digest = Digest.parse(rest.lower() if ":" in rest else f"sha256:{rest.lower()}")
        if digest.algorithm != "sha256":
            raise ValueError("an image identity is a SHA-256 digest")
        return cls("identity", digest)

    def __str__(self) -> str:
        return f"identity:{self.digest}" if self.of == "identity" else str(self.digest)


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """The caller's rules.

    `trusted` gives for each believed fingerprint the reason, in the words of the report
    (`--signer`, `trust store (you)`). `require` counts different people. `second_opinion` makes
    the answer of `apptainer verify` part of the demand.
    """

    trusted: Mapping[SignerId, str] = field(default_factory=dict)
    require: int = 1
    expect: tuple[Expectation, ...] = ()
    require_manifest: bool = False
    exact: bool = False
    second_opinion: bool = False

    def __post_init__(self) -> None:
        if self.require < 1:
            raise ValueError("at least one signer has to be required")

    def why(self, signer: SignerId | None) -> str | None:
        """Return why this signer is believed, or None."""
        return None if signer is None else self.trusted.get(signer)
