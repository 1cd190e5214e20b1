"""Whom the caller believes, and what else they demand."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal, Protocol

from repro_sign.digest import Digest
from repro_sign.fingerprint import SignerId
from repro_sign.values import dataclass


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
class Demand:
    """So many different people have to vouch for an image: of those named, or of all trusted.

    `words` is the demand as the policy states it (`2 of lab`), empty where it is but a number.
    """

    count: int
    people: frozenset[str] | None = None
    words: str = ""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError("at least one signer has to be required")


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """The caller's rules.

    `trusted` gives for each believed fingerprint the reason, in the words of the report
    (`--signer`, `trust store (you)`), and `people` whose key it is, where somebody has several:
    thresholds count people. `require` demands so many people; `demands`, where there are any,
    take its place, and all have to be met. `newer_than` refuses what was signed earlier.
    `require_timestamp` counts only signatures that a trusted timestamp proves to be from when
    their key was fit. `explicit` says that the caller named these signers for this very run;
    otherwise they come from the trust store. `second_opinion` makes the answer of `apptainer
    verify` part of the demand. `rule` names the rule of a policy file that this is, `notes` what
    the reader should know of it.

    `until` limits signers whose right to vouch has ended meanwhile (delegates): what they signed
    until then counts. `remember` asks to compare with earlier runs and to remember this one.

    `require_same` names what has to be the same on this machine as on the author's (`COMPARED` of
    `provenance.difference`). `require_source` and `require_outputs` say that the caller named a
    checkout or result files: some trusted manifest has to describe them.
    """

    trusted: Mapping[SignerId, str] = field(default_factory=dict)
    require: int = 1
    expect: tuple[Expectation, ...] = ()
    require_manifest: bool = False
    exact: bool = False
    second_opinion: bool = False
    people: Mapping[SignerId, str] = field(default_factory=dict)
    demands: tuple[Demand, ...] = ()
    newer_than: datetime | None = None
    require_timestamp: bool = False
    explicit: bool = True
    rule: str = ""
    notes: tuple[str, ...] = ()
    until: Mapping[SignerId, datetime] = field(default_factory=dict)
    remember: bool = False
    require_same: frozenset[str] = frozenset()
    require_source: bool = False
    require_outputs: bool = False

    def __post_init__(self) -> None:
        if self.require < 1:
            raise ValueError("at least one signer has to be required")

    @property
    def all_demands(self) -> tuple[Demand, ...]:
        """What has to be met; never empty."""
        return self.demands or (Demand(self.require),)

    def why(self, signer: SignerId | None) -> str | None:
        """Return why this signer is believed, or None."""
        return None if signer is None else self.trusted.get(signer)

    def person(self, signer: SignerId) -> str:
        """Return whose key this is, as a name that tells people apart."""
        return self.people.get(signer, str(signer))

    def for_image(self, name: str) -> "TrustPolicy":
        """Return the rules for an image of this name: the same for all."""
        del name
        return self


class Policies(Protocol):
    """Rules that may differ from image to image."""

    def for_image(self, name: str) -> TrustPolicy:
        """Return the rules for an image, by its file name."""
