"""What was found out about an image: plain values, gathered elsewhere, decided on in `judge`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from repro_sign.digest import Digest
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.manifest import Manifest


@dataclass(frozen=True, slots=True)
class SignatureEvidence:
    """One signature object in an image, examined.

    `signer` is the verifying primary key where its certificate is at hand, `claimed` the key
    that the signature names. `covers` lists the objects that its text is about and that are
    what it says; `agrees` whether all that it says is true of the image.
    """

    object_id: int
    kind: str
    group: int | None
    finding: Finding
    message: str
    covers: frozenset[int] = frozenset()
    agrees: bool = False
    signer: SignerId | None = None
    claimed: str | None = None
    user_id: str | None = None
    signed_at: datetime | None = None
    notes: tuple[str, ...] = ()


class Match(StrEnum):
    """How an image compares with a manifest."""

    EXACT = "exact"
    """Byte for byte the file that was signed."""
    SIGNATURES_ADDED = "signatures-added"
    """Further signature objects, and nothing else that a manifest lists, are new."""
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class ManifestEvidence:
    """One manifest beside an image, examined.

    `manifest` is its content, set only where its signature is good; nothing of it may be used
    unless its signer is trusted. `differences` says what differs, or is covered no more.
    """

    name: str
    finding: Finding
    message: str
    signer: SignerId | None = None
    claimed: str | None = None
    user_id: str | None = None
    signed_at: datetime | None = None
    notes: tuple[str, ...] = ()
    match: Match | None = None
    differences: tuple[str, ...] = ()
    manifest: Manifest | None = None


class Prediction(StrEnum):
    """What the evidence says about `apptainer verify`."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    EITHER = "either"
    """The two are known to differ here; its answer proves nothing."""


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """The answer of `apptainer verify`; `accepted` is None where it gave none."""

    accepted: bool | None
    words: str
    predicted: Prediction
    because: str

    @property
    def unexpected(self) -> bool:
        """Whether the answer is the one that the evidence rules out: somebody is wrong."""
        ruled_out = {True: Prediction.REFUSES, False: Prediction.ACCEPTS}
        return self.accepted is not None and self.predicted is ruled_out[self.accepted]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the image could not be examined at all: it breaks the rules of its format."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ImageEvidence:
    """All that was found out about one image. `objects` are the ids that must be covered."""

    name: str
    problem: Problem | None = None
    objects: frozenset[int] = frozenset()
    signatures: tuple[SignatureEvidence, ...] = ()
    manifests: tuple[ManifestEvidence, ...] = ()
    second_opinion: SecondOpinion | None = None
    digests: Mapping[str, Digest] = field(default_factory=dict)
    identity: Digest | None = None
    warnings: tuple[str, ...] = ()
