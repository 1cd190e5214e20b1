"""Prove what an image is: by every digest, or by BLAKE3 where a trusted manifest knows the rest.

A manifest is a signature over the whole file. Where BLAKE3 shows that a file is, byte for byte,
the one that a trusted manifest is about, the digests of its objects are those that this manifest
lists: whoever signed it computed them. So its signer's own signatures in the image need no SHA-256
pass. On nobody's word but a signer's own does anything rest (docs/decisions/0018).

All that can be known before the image is read is decided before: as a rule one pass suffices.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from repro_sign.digest import Digest
from repro_sign.examining import beside, comparison, integrity
from repro_sign.examining.integrity import WHOLE_FILE, CheckedObject
from repro_sign.finding import Finding
from repro_sign.hashing import FileDigests, Progress, digest_file
from repro_sign.sif.metadata import ObjectDigests, identity_and_groups
from repro_sign.sif.reader import OpenImage
from repro_sign.statements.manifest import ImageRecord, Manifest
from repro_sign.trust.evidence import Basis, ManifestEvidence, Match, SignatureEvidence
from repro_sign.trust.policy import TrustPolicy
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """What an image is, and what its signatures and manifests have to do with it.

    `digests` are those of the whole file that were computed, `groups` those of its groups'
    documents. Under `Basis.MANIFEST` identity and groups follow from the manifest, and SHA-256 of
    the file was not computed.
    """

    digests: dict[str, Digest]
    identity: Digest
    groups: tuple[Digest, ...]
    signatures: tuple[SignatureEvidence, ...]
    manifests: tuple[ManifestEvidence, ...]


@dataclass(frozen=True, slots=True)
class _Relied:
    """What trusted manifests that all say the same let expect of the file."""

    blake3: Digest
    object_digests: ObjectDigests


def prove(
    image: OpenImage,
    checked: Sequence[CheckedObject],
    manifests: Sequence[ManifestEvidence],
    may_rely: Callable[[ManifestEvidence], bool],
    *,
    asked: frozenset[str] = frozenset(),
    busy_cores: int = 0,
    progress: Progress | None = None,
) -> Proof:
    """Read the image and compare it with its signatures and manifests, which were checked before.

    `may_rely` says whether a manifest counts as one by somebody trusted. `asked` names digests of
    the whole file that have to be computed in any case, `busy_cores` how many cores another
    program needs meanwhile. Raises `UnreadableError`.
    """
    relied = _relied_on(image, checked, manifests, may_rely) if asked <= {"blake3"} else None
    if relied is not None:
        whole = digest_file(
            image.fd,
            image.path,
            image.size,
            whole=("blake3",),
            busy_cores=busy_cores,
            progress=progress,
        ).whole
        if whole["blake3"] == relied.blake3:
            digests = FileDigests(whole, relied.object_digests)
            return _proof(image, checked, map(_exactly(image), manifests), digests, Basis.MANIFEST)
    objects = [one for one, _ in checked]
    comparable = any(one.manifest for one in manifests)
    needed = asked | {"sha256"} | ({"blake3"} if comparable else set())
    digests = integrity.hash_image(
        image,
        objects,
        whole=[one for one in WHOLE_FILE if one in needed],
        busy_cores=busy_cores,
        progress=progress,
    )
    compared = manifests
    if comparable:
        facts = comparison.facts_of(image, digests)
        compared = [beside.compare_manifest(one, facts) for one in manifests]
    return _proof(image, checked, compared, digests, Basis.COMPUTED)


def expected_by(policy: TrustPolicy) -> frozenset[str]:
    """Return the digests that are computed since the caller expects something of them.

    An identity is expected of digests that are computed, too, so not of BLAKE3 alone.
    """
    return frozenset(
        "sha256" if one.of == "identity" else one.digest.algorithm for one in policy.expect
    )


def _relied_on(
    image: OpenImage,
    checked: Sequence[CheckedObject],
    manifests: Iterable[ManifestEvidence],
    may_rely: Callable[[ManifestEvidence], bool],
) -> _Relied | None:
    """Return what BLAKE3 has to be for the rest to follow; None where more has to be computed.

    Every good manifest has to count and to say the same of this image's structure, and every
    signature has to be good, and by the signer of one of them, if what they say is so.
    """
    good = [one for one in manifests if one.manifest is not None]
    said = {_sayings(one.manifest) for one in good if one.manifest is not None}
    if len(said) != 1 or not all(map(may_rely, good)):
        return None
    subject, record = said.pop()
    digests = {(one.id, "sha256"): one.sha256 for one in record.objects}
    if not integrity.digests_wanted(image, [one for one, _ in checked]) <= digests.keys():
        return None
    if record != comparison.record_of(image, digests):
        return None
    signers = {one.signer for one in good}
    for one in integrity.compare_signatures(image, checked, digests):
        if one.finding is not Finding.GOOD or one.signer not in signers:
            return None
    return _Relied(subject[1], digests)


def _sayings(manifest: Manifest) -> tuple[tuple[Digest, Digest], ImageRecord]:
    """Return what has to agree between manifests: the file's digests, and its structure."""
    subject = manifest.subjects[0]
    return (subject.sha256, subject.blake3), replace(manifest.image, content=None)


def _exactly(image: OpenImage) -> Callable[[ManifestEvidence], ManifestEvidence]:
    """Return what notes of a manifest that the file is the one that it is about."""

    def noted(one: ManifestEvidence) -> ManifestEvidence:
        if one.manifest is None:
            return one
        notes = comparison.name_notes(one.manifest.subjects[0], image.path.name)
        return replace(one, match=Match.EXACT, differences=notes)

    return noted


def _proof(
    image: OpenImage,
    checked: Iterable[CheckedObject],
    manifests: Iterable[ManifestEvidence],
    digests: FileDigests,
    basis: Basis,
) -> Proof:
    identity, groups = identity_and_groups(image, digests.ranges)
    return Proof(
        digests=dict(digests.whole),
        identity=identity,
        groups=groups,
        signatures=integrity.compare_signatures(image, checked, digests.ranges, basis),
        manifests=tuple(manifests),
    )
