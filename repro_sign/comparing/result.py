"""What a comparison finds, as values."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from repro_sign.contents.listing import Packing
from repro_sign.contents.tree_differences import TreeDifferences
from repro_sign.digest import Digest
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.values import dataclass


class Sameness(StrEnum):
    """In which sense two images are the same, the strongest first."""

    BYTES = "same-bytes"
    IDENTITY = "same-identity"
    """Only signatures differ, and what no signature covers."""
    CONTENT = "same-content"
    """Another packing: times, order, compression, UUID, signatures."""
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """It could not be found out: something can't be read."""


class Weight(StrEnum):
    """What a difference is about."""

    CONTENT = "content"
    TIME = "time"
    PACKING = "packing"
    SIGNATURE = "signature"
    CLAIM = "claim"
    """Manifests say different things of something else than the image."""
    UNREAD = "unread"
    """It can't be read here, so whether it differs is not known."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: of which part, in what, how it is in A and in B. Hostile text.

    `before` or `after` is None where that side has no such thing.
    """

    weight: Weight
    where: str
    what: str
    before: str | None
    after: str | None


def differing(where: str, rows: Iterable[tuple[Weight, str, str, str]]) -> Iterator[Difference]:
    """Yield those of the rows (weight, what, before, after) in which the two differ."""
    for weight, what, before, after in rows:
        if before != after:
            yield Difference(weight, where, what, before, after)


@dataclass(frozen=True, slots=True)
class TextDifference:
    """How a text differs, as lines of a unified diff. Hostile text."""

    where: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TreeComparison:
    """Two file trees: their digests, how they are packed, and how they differ."""

    where: str
    digests: tuple[Digest, Digest]
    packing: tuple[Packing, Packing]
    differences: TreeDifferences


@dataclass(frozen=True, slots=True)
class ManifestSignature:
    """Who signed a manifest; comparing trusts nobody by it."""

    signer: SignerId | None
    user_id: str | None
    signed_at: datetime | None
    finding: Finding
    message: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared. `signature` is set for a manifest."""

    path: Path
    sha256: Digest
    identity: Digest
    content: Digest | None
    signature: ManifestSignature | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All there is to say. True if, and only if, the two count as the same.

    `sameness` is about the image; manifests may also differ in what else they claim.
    """

    a: Side
    b: Side
    sameness: Sameness
    differences: tuple[Difference, ...] = ()
    texts: tuple[TextDifference, ...] = ()
    trees: tuple[TreeComparison, ...] = ()
    notes: tuple[str, ...] = ()
    ignore_times: bool = False

    def __bool__(self) -> bool:
        if self.result in (Sameness.DIFFERENT, Sameness.UNKNOWN):
            return False
        return self.ignore_times or not self.times_differ

    @property
    def result(self) -> Sameness:
        """The sense in which the two are the same, manifests' other claims included."""
        if Weight.CLAIM in self.weights and self.sameness is not Sameness.UNKNOWN:
            return Sameness.DIFFERENT
        return self.sameness

    @property
    def times_differ(self) -> bool:
        """Whether times differ inside the images."""
        return self.sameness is Sameness.CONTENT and Weight.TIME in self.weights

    @property
    def weights(self) -> frozenset[Weight]:
        """What the differences are about."""
        return frozenset(weights_of(self.differences, self.trees))


def weights_of(
    differences: tuple[Difference, ...], trees: tuple[TreeComparison, ...]
) -> Iterator[Weight]:
    """Yield what differences are about."""
    yield from (one.weight for one in differences)
    for tree in trees:
        if tree.differences.in_content or tree.digests[0] != tree.digests[1]:
            yield Weight.CONTENT
        if tree.differences.times.count:
            yield Weight.TIME
        yield Weight.PACKING
