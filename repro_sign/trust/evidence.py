"""What was found out about an image: plain values, gathered elsewhere, decided on in `judge`."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Final

from repro_sign.digest import Digest
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.provenance.check import Check
from repro_sign.provenance.difference import MachineRow
from repro_sign.statements.manifest import Manifest
from repro_sign.statements.notice import NoticeKind, Successor
from repro_sign.values import dataclass


class Basis(StrEnum):
    """What a finding about a signature in an image rests on, as to the image's bytes."""

    COMPUTED = "computed"
    """Digests of the objects that were computed in this run."""
    MANIFEST = "manifest"
    """The object digests in its signer's own manifest, and BLAKE3, which proved the file to be
    the one that this manifest is about. Such a finding is always `good`."""


@dataclass(frozen=True, slots=True)
class SignatureEvidence:
    """One signature object in an image, examined.

    `signer` is the verifying primary key where its certificate is at hand, `claimed` the key
    that the signature names. `covers` lists the objects that its text is about and that are
    what it says; `agrees` whether all that it says is true of the image. `key_ended` is when its
    key, fit at the time, expired or was retired since; `existed_before` a trusted timestamp, and
    `timestamp_by` the name of the authority that gave it, hostile text.
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
    key_ended: datetime | None = None
    existed_before: datetime | None = None
    timestamp_by: str | None = None
    basis: Basis = Basis.COMPUTED


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
    `key_ended`, `existed_before` and `timestamp_by` are as for signatures; `timestamp_problem` says
    why a timestamp that lies beside it proves nothing.

    Of a manifest by somebody trusted, `machine` is this machine held against the one that it
    describes, and `source` and `outputs` what came of comparing what the caller named. Each is
    empty where it describes no such thing, or nothing was named.
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
    key_ended: datetime | None = None
    existed_before: datetime | None = None
    timestamp_by: str | None = None
    timestamp_problem: str = ""
    machine: tuple[MachineRow, ...] = ()
    source: tuple[Check, ...] = ()
    outputs: tuple[Check, ...] = ()

    @property
    def dated(self) -> datetime | None:
        """When it was made, as its signer states: a claim. Bundles state it in the manifest."""
        return self.signed_at or (self.manifest.created if self.manifest else None)


@dataclass(frozen=True, slots=True)
class NoticeEvidence:
    """A signed note about this very image, examined.

    `signed_at` is its signer's claim. `words` are the lines of their reason and `successor` is
    what came in its place, both hostile text; they are set only where the signature is genuine,
    and may be shown only where the notice has force, which its signer decides.
    """

    name: str
    kind: NoticeKind
    finding: Finding
    message: str
    signer: SignerId | None = None
    claimed: str | None = None
    user_id: str | None = None
    signed_at: datetime | None = None
    words: tuple[str, ...] = ()
    successor: Successor | None = None


@dataclass(frozen=True, slots=True)
class RevealEvidence:
    """One half of a reveal beside the image, examined.

    `author` and `review` are the keys that it names, `identity` the image; they are set only where
    its signature is good.
    """

    name: str
    finding: Finding
    message: str
    signer: SignerId | None = None
    user_id: str | None = None
    identity: Digest | None = None
    author: SignerId | None = None
    review: SignerId | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest that was seen of one signer for an image's name: its date and its identity."""

    at: datetime
    identity: Digest


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of an image's name from earlier runs; it makes nobody trusted."""

    signers: frozenset[SignerId] = frozenset()
    newest: Mapping[SignerId, Seen] = field(default_factory=dict)


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
class KeyServerReply:
    """What came of asking a key server: `trouble` if it gave no answer to be believed."""

    trouble: str = ""
    notes: tuple[str, ...] = ()


_NOT_ASKED: Final = KeyServerReply()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the image could not be examined at all: it breaks the rules of its format."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ImageEvidence:
    """All that was found out about one image. `objects` are the ids that must be covered.

    `size` is that of the file in bytes, None where it was not examined. `memory` is there where
    the caller asked to remember. `unread` says what the caller asked to
    have read and could not be.
    """

    name: str
    problem: Problem | None = None
    objects: frozenset[int] = frozenset()
    signatures: tuple[SignatureEvidence, ...] = ()
    manifests: tuple[ManifestEvidence, ...] = ()
    notices: tuple[NoticeEvidence, ...] = ()
    reveals: tuple[RevealEvidence, ...] = ()
    unread: tuple[str, ...] = ()
    memory: Memory | None = None
    second_opinion: SecondOpinion | None = None
    key_server: KeyServerReply = _NOT_ASKED
    digests: Mapping[str, Digest] = field(default_factory=dict)
    identity: Digest | None = None
    size: int | None = None
    warnings: tuple[str, ...] = ()
