"""Compare an image, and files beside it, with what a manifest says of them (design, section 5)."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from repro_sign.digest import Digest
from repro_sign.escaping import printable
from repro_sign.examining.interrupted import digest_before
from repro_sign.hashing import FileDigests, digests_of_file
from repro_sign.sif import layout
from repro_sign.sif.metadata import ObjectDigests, identity
from repro_sign.sif.reader import OpenImage
from repro_sign.statements.manifest import ImageRecord, Manifest, ObjectRecord
from repro_sign.statements.statement import Subject
from repro_sign.system.files import open_regular
from repro_sign.trust.evidence import ManifestEvidence, Match
from repro_sign.values import dataclass

_INTERRUPTED: Final = (
    "a signing that was interrupted left bytes after the last object; sign again takes them away"
)
_NO_LONGER: Final = (
    "signatures were added after it was made: bytes between and after objects, architecture and"
    " times are covered by it no more"
)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a manifest is compared with: the image as it is now."""

    name: str
    folder: Path
    sha256: Digest
    blake3: Digest
    record: ImageRecord
    linked_signatures: frozenset[int]
    digest_before: Callable[[int], Digest | None]
    """Given a size, the SHA-256 of the file of that size that a killed `sign` set out from."""


def check_companions(
    evidence: ManifestEvidence, folder: Path, digest: Callable[[Path], tuple[Digest, Digest]]
) -> ManifestEvidence:
    """Compare the other files that a trusted manifest names with those beside the image.

    A file that is not there is noted; one that differs makes the manifest differ.
    """
    if evidence.manifest is None:
        return evidence
    changed, noted = [], []
    for subject in evidence.manifest.subjects[1:]:
        path = folder / subject.name
        shown = printable(subject.name)
        if not os.path.lexists(path):
            noted.append(f"{shown} is named in it and is not here")
        elif digest(path) == (subject.sha256, subject.blake3):
            noted.append(f"{shown} is what was signed")
        else:
            changed.append(f"the file {shown} was changed")
    if changed:
        before = evidence.differences if evidence.match is Match.DIFFERS else ()
        return replace(evidence, match=Match.DIFFERS, differences=(*before, *changed))
    return replace(evidence, differences=(*evidence.differences, *noted))


def digest_companion(path: Path) -> tuple[Digest, Digest]:
    """Return SHA-256 and BLAKE3 of a file. Raises `UnreadableError`."""
    descriptor = open_regular(path, os.O_RDONLY)
    try:
        return digests_of_file(descriptor, path)
    finally:
        os.close(descriptor)


def record_of(image: OpenImage, object_digests: ObjectDigests) -> ImageRecord:
    """Describe an image, its content aside, as a manifest does, with these object digests."""
    return ImageRecord(
        size=image.size,
        uuid=_uuid(image.header.uuid),
        arch=_arch(image.header.arch),
        identity=identity(image, object_digests),
        objects=tuple(
            ObjectRecord(
                id=one.id,
                group=one.group,
                type=one.kind,
                name=one.label,
                size=one.size,
                sha256=object_digests[one.id, "sha256"],
            )
            for one in sorted(image.objects, key=lambda one: one.id)
        ),
    )


def facts_of(image: OpenImage, digests: FileDigests) -> ImageFacts:
    """Describe an image in the terms of a manifest."""
    linked = frozenset(
        one.id
        for one in image.signatures
        if one.linked_group in image.groups and one.size <= layout.MAX_SIGNATURE_BYTES
    )
    return ImageFacts(
        name=image.path.name,
        folder=image.path.parent,
        sha256=digests.whole["sha256"],
        blake3=digests.whole["blake3"],
        record=record_of(image, digests.ranges),
        linked_signatures=linked,
        digest_before=partial(digest_before, image),
    )


def compare_image(manifest: Manifest, facts: ImageFacts) -> tuple[Match, tuple[str, ...]]:
    """Compare an image with a manifest (design, section 5)."""
    subject = manifest.subjects[0]
    notes = name_notes(subject, facts.name)
    if (subject.sha256, subject.blake3) == (facts.sha256, facts.blake3):
        untrue = tuple(_untrue(manifest.image, facts.record))
        return (Match.DIFFERS, untrue) if untrue else (Match.EXACT, notes)
    said = {one.id: one for one in manifest.image.objects}
    found = {one.id: one for one in facts.record.objects}
    changed = [
        f"object {number} ({printable(one.type)}) was {'changed' if number in found else 'removed'}"
        for number, one in said.items()
        if found.get(number) != one
    ]
    added = [one for number, one in found.items() if number not in said]
    changed += [
        f"object {one.id} ({printable(one.type)}) was added"
        for one in added
        if one.id not in facts.linked_signatures
    ]
    if manifest.image.identity != facts.record.identity and not changed:
        changed.append("the header or a descriptor was changed")
    if not changed and not added and facts.digest_before(manifest.image.size) == subject.sha256:
        return Match.SIGNATURES_ADDED, (*notes, _INTERRUPTED)
    if not changed and not added:
        changed.append("bytes outside all objects were changed")
    if changed:
        return Match.DIFFERS, tuple(changed)
    return Match.SIGNATURES_ADDED, (*notes, _NO_LONGER)


def _untrue(said: ImageRecord, found: ImageRecord) -> Iterator[str]:
    """Say what a manifest about these very bytes says of them that is not so.

    The words for types and architectures are left out: later versions may know better ones.
    """
    about = "is about these very bytes, and describes"
    theirs, ours = ([_essence(each) for each in one.objects] for one in (said, found))
    wrong = [one for one in sorted(theirs) if theirs.count(one) != ours.count(one)]
    for number in dict.fromkeys(one[0] for one in wrong):
        yield f"it {about} object {number} otherwise than it is"
    if not wrong and (said.identity != found.identity or len(theirs) != len(ours)):
        yield f"it {about} the image otherwise than it is"


def _essence(one: ObjectRecord) -> tuple[int, int, str, int, str]:
    return one.id, one.group, one.name, one.size, one.sha256.hex


def name_notes(subject: Subject, name: str) -> tuple[str, ...]:
    """Say if the image has another name than the one that it was signed under."""
    if subject.name == name:
        return ()
    return (f"it was signed under the name {printable(subject.name)}",)


def _uuid(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _arch(raw: bytes) -> str:
    code = raw.rstrip(b"\0").decode("ascii", "replace")
    return layout.ARCHITECTURES.get(code, f"unknown ({printable(code)})")
