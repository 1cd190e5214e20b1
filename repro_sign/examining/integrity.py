"""The native engine: examine the signatures inside a SIF image, without any other program.

The steps, marked in the code with their numbers (SIF reference, sections 6 and 13):

 1. header and descriptors are read with bounds (`sif.reader`); what breaks the rules is malformed
 2. each signature object is taken apart (`signature_object`): form, signed text, document
 3. every object is hashed once, whatever the number of signatures
 4. each signature is checked with the keys at hand (`openpgp.check`, `pem.dsse`)
 5. the fingerprint in its descriptor must be that of the OpenPGP key that signed
 6. header, descriptors and data are held against the document that was signed
 7. what is signed by nobody can't be told from here: `trust.judge` demands coverage of all
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from repro_sign.checked import CheckedSignature
from repro_sign.examining.signature_object import SignatureObject, check, take_apart
from repro_sign.finding import Finding
from repro_sign.fingerprint import Fingerprint
from repro_sign.hashing import FileDigests, Progress, Range, digest_file
from repro_sign.known_keys import KnownKeys
from repro_sign.sif import layout
from repro_sign.sif.metadata import Comparison, ObjectDigests, algorithms_wanted, compare
from repro_sign.sif.reader import Descriptor, OpenImage
from repro_sign.trust.evidence import Basis, SignatureEvidence

WHOLE_FILE: Final = ("sha256", "blake3")
CheckedObject = tuple[SignatureObject, CheckedSignature]
"""A signature, and the object that holds it: one object of DSSE form may hold several."""


def read_signatures(image: OpenImage) -> tuple[SignatureObject, ...]:
    """Take all signature objects of an image apart (step 2), in table order."""
    return tuple(
        take_apart(one, image.object_data(one, limit=layout.MAX_SIGNATURE_BYTES))
        for one in image.signatures
    )


def hash_image(
    image: OpenImage,
    signatures: Sequence[SignatureObject],
    *,
    whole: Sequence[str] = WHOLE_FILE,
    busy_cores: int = 0,
    progress: Progress | None = None,
) -> FileDigests:
    """Read the image once and compute every digest that is needed (step 3)."""
    objects = {one.id: one for one in image.objects}
    wanted = sorted(digests_wanted(image, signatures))
    ranges = [Range(key, objects[key[0]].offset, objects[key[0]].size) for key in wanted]
    return digest_file(
        image.fd,
        image.path,
        image.size,
        whole=whole,
        ranges=ranges,
        busy_cores=busy_cores,
        progress=progress,
    )


def digests_wanted(
    image: OpenImage, signatures: Iterable[SignatureObject]
) -> frozenset[tuple[int, str]]:
    """Return the object digests, by id and algorithm, that signatures and a manifest tell of."""
    wanted = {(one.id, "sha256") for one in image.objects}
    for signature in signatures:
        if signature.metadata:
            wanted |= algorithms_wanted(signature.metadata, _members(image, signature.descriptor))
    return frozenset(wanted)


def check_signatures(
    signatures: Iterable[SignatureObject], known: KnownKeys, now: datetime
) -> tuple[CheckedObject, ...]:
    """Check every signature with the keys at hand (step 4); that takes no digest of the image."""
    return tuple((one, checked) for one in signatures for checked in check(one, known, now))


def compare_signatures(
    image: OpenImage,
    checked: Iterable[CheckedObject],
    object_digests: ObjectDigests,
    basis: Basis = Basis.COMPUTED,
) -> tuple[SignatureEvidence, ...]:
    """Hold the image against every signature (steps 5 and 6); `basis` says whose digests these are.

    The digests have to be all that `digests_wanted` names.
    """
    return tuple(
        replace(_evidence(image, one, each, object_digests), basis=basis) for one, each in checked
    )


def examine(
    image: OpenImage,
    signatures: Sequence[SignatureObject],
    object_digests: ObjectDigests,
    known: KnownKeys,
    now: datetime,
) -> tuple[SignatureEvidence, ...]:
    """Check every signature (steps 4 to 6) with digests that were computed."""
    return compare_signatures(image, check_signatures(signatures, known, now), object_digests)


def _evidence(
    image: OpenImage,
    one: SignatureObject,
    checked: CheckedSignature,
    object_digests: ObjectDigests,
) -> SignatureEvidence:
    group = one.descriptor.linked_group
    comparison = None
    if one.metadata is not None and group is not None:  # 6
        members = _members(image, one.descriptor)
        comparison = compare(one.metadata, image.header, members, object_digests)
    finding, message = _find(one, checked, comparison)
    agrees = comparison is not None and not comparison.differences
    return SignatureEvidence(
        object_id=one.descriptor.id,
        kind=one.kind,
        group=group,
        finding=finding,
        message=message,
        covers=comparison.covers if comparison and agrees else frozenset(),
        agrees=agrees,
        signer=checked.signer,
        claimed=checked.claimed,
        user_id=checked.user_id,
        signed_at=checked.signed_at,
        notes=checked.notes,
        key_ended=checked.key_ended,
    )


def _find(
    one: SignatureObject, checked: CheckedSignature, comparison: Comparison | None
) -> tuple[Finding, str]:
    """Join what was found about the key with what was found about the image.

    A fault of the key comes first; whether the image is what was said comes after it.
    """
    unchecked = checked.finding in (Finding.UNKNOWN_KEY, Finding.UNSUPPORTED)
    if unchecked and one.descriptor.linked_group is None:
        return Finding.UNLINKED, f"{_UNLINKED} ({checked.message})"
    if unchecked:
        if comparison is None:
            return checked.finding, f"{checked.message}; and {one.metadata_problem}"
        if comparison.differences:
            return checked.finding, f"{checked.message}; and {comparison.differences[0].message}"
    if checked.finding is not Finding.GOOD:
        return checked.finding, checked.message
    if isinstance(checked.signer, Fingerprint) and entity_of(one.descriptor) != checked.signer:  # 5
        shown = entity_of(one.descriptor).grouped()
        return Finding.WRONG_FINGERPRINT, f"its descriptor names the key {shown}, another signed"
    if one.descriptor.linked_group is None:
        return Finding.UNLINKED, _UNLINKED
    if comparison is None:
        return Finding.BAD_METADATA, one.metadata_problem
    if comparison.differences:
        said = "; ".join(difference.message for difference in comparison.differences[:5])
        return Finding(_gravest(comparison)), said
    return Finding.GOOD, checked.message


_UNLINKED: Final = "it is linked to no group of objects, so it covers nothing"


def entity_of(one: Descriptor) -> Fingerprint:
    """Return the fingerprint that a signature's descriptor claims."""
    _, raw = layout.SIGNATURE_EXTRA.unpack_from(one.extra)
    return Fingerprint.from_bytes(raw[:20])


def _gravest(comparison: Comparison) -> str:
    """Name a comparison by the difference that explains most: header, then removed, then rest."""
    codes = [difference.code for difference in comparison.differences]
    for code in ("header-changed", "object-removed", "data-changed"):
        if code in codes:
            return code
    return codes[0]


def _members(image: OpenImage, signature: Descriptor) -> Sequence[Descriptor]:
    group = signature.linked_group
    return () if group is None else image.groups.get(group, ())
