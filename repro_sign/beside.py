"""Manifests that lie beside an image: find them, check their signatures, compare the image.

Nothing in a manifest is used before its signature is checked, save the certificate in it, which
serves to check just that and makes nobody trusted.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.files import open_regular, read_small
from repro_sign.finding import Finding
from repro_sign.fingerprint import PemFingerprint, SignerId
from repro_sign.hashing import FileDigests, digest_file
from repro_sign.interrupted import digest_before
from repro_sign.known_keys import Keys, KnownKeys
from repro_sign.manifest import (
    MAX_MANIFEST_BYTES,
    ImageRecord,
    Manifest,
    ObjectRecord,
    Subject,
    embedded_key,
    from_bytes,
)
from repro_sign.openpgp import clearsign
from repro_sign.openpgp.certificate import read_ring
from repro_sign.openpgp.check import ParsedSignature, check_signature, parse_signature
from repro_sign.pem import dsse
from repro_sign.pem.bundle import Bundle
from repro_sign.pem.bundle import parse as parse_bundle
from repro_sign.pem.keys import read_public_key
from repro_sign.sif import layout
from repro_sign.sif.metadata import identity
from repro_sign.sif.reader import OpenImage
from repro_sign.signature_object import Checked
from repro_sign.trust.evidence import ManifestEvidence, Match

OPENPGP_SUFFIX: Final = ".manifest.asc"
PEM_SUFFIX: Final = ".sigstore.json"
_SUFFIXES: Final = (OPENPGP_SUFFIX, PEM_SUFFIX)
_MAX_MANIFESTS: Final = 64
_LATER: Final = re.compile(r"\.[0-9A-Fa-f]{16}\Z")
_INTERRUPTED: Final = (
    "a signing that was interrupted left bytes after the last object; sign again takes them away"
)
_NO_LONGER: Final = (
    "signatures were added after it was made: bytes between and after objects, architecture and"
    " times are covered by it no more"
)


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest taken apart, nothing checked yet. `problem` is set if that failed."""

    path: Path
    problem: str = ""
    text: bytes = b""
    signed: bytes = b""
    openpgp: ParsedSignature | None = None
    bundle: Bundle | None = None

    @property
    def issuers(self) -> tuple[str, ...]:
        """The keys that the signature names: claims."""
        if self.openpgp:
            return self.openpgp.issuers
        return (self.bundle.hint,) if self.bundle else ()

    @property
    def keys(self) -> Keys:
        """The key that the manifest brings along, for checking and nothing else."""
        embedded = embedded_key(self.text) if self.text else None
        if embedded is None:
            return Keys()
        if self.openpgp:
            return Keys(certificates=read_ring(embedded))
        try:
            return Keys(public_keys=(read_public_key(embedded, "the manifest's key"),))
        except MalformedError:
            return Keys()


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


def first_manifest_path(image: Path, suffix: str) -> Path:
    """Return where the first signer's manifest of this form lies."""
    return image.with_name(image.name + suffix)


def later_manifest_path(image: Path, signer: SignerId, suffix: str) -> Path:
    """Return where a later signer's manifest lies (design, section 5)."""
    return image.with_name(f"{image.name}.{signer.key_id}{suffix}")


def is_manifest_name(path: Path) -> bool:
    """Whether a path is that of a manifest, by its name."""
    return path.name.endswith(_SUFFIXES)


def image_of(manifest: Path) -> Path:
    """Return the image that a manifest lies beside, by its name."""
    name = manifest.name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    plain = manifest.with_name(_LATER.sub("", name))
    exact = manifest.with_name(name)
    return exact if exact.exists() else plain


def find_manifests(image: Path) -> tuple[Path, ...]:
    """Return the manifests beside an image, those of first signers first.

    Raises `UnreadableError` if the folder can't be read.
    """
    suffixes = "|".join(map(re.escape, _SUFFIXES))
    pattern = re.compile(rf"{re.escape(image.name)}(\.[0-9A-Fa-f]{{16}})?({suffixes})")
    try:
        names = [name for name in os.listdir(image.parent) if pattern.fullmatch(name)]
    except OSError as error:
        raise UnreadableError(f"{printable(str(image.parent))}: {error.strerror}") from error
    names.sort(key=lambda name: (len(name), name))
    return tuple(image.with_name(name) for name in names[:_MAX_MANIFESTS])


def read_manifest(path: Path) -> ManifestFile:
    """Take a manifest file apart. Raises `UnreadableError` if it can't be read at all."""
    try:
        data = read_small(path, MAX_MANIFEST_BYTES, "manifest")
        return parse_manifest(path, data)
    except MalformedError as error:
        return ManifestFile(path, problem=str(error))


def parse_manifest(path: Path, data: bytes) -> ManifestFile:
    """Take a manifest's bytes apart; the file's name tells the form. Raises `MalformedError`."""
    if path.name.endswith(PEM_SUFFIX):
        bundle = parse_bundle(data)
        envelope = bundle.envelope
        return ManifestFile(path, "", envelope.payload, envelope.signed, bundle=bundle)
    block = clearsign.parse(data)
    signature = parse_signature(block.signature)
    return ManifestFile(path, "", block.text, block.canonical, openpgp=signature)


def check_manifest(file: ManifestFile, known: KnownKeys, now: datetime) -> Checked:
    """Check a manifest's signature with the keys at hand."""
    if file.openpgp is not None:
        found = check_signature(file.openpgp, file.signed, known.certificates, now)
        return Checked(
            finding=found.finding,
            message=found.message,
            claimed=found.claimed,
            signer=found.signer,
            user_id=found.user_id,
            signed_at=found.signed_at,
            notes=found.notes,
        )
    if file.bundle is not None:
        (signature,) = file.bundle.envelope.signatures
        named = replace(signature, key_id=signature.key_id or _key_of(file.bundle.hint))
        checked = dsse.check(file.bundle.envelope, named, known.public_keys)
        signer = checked.key.fingerprint if checked.key else None
        return Checked(checked.finding, checked.message, checked.claimed, signer)
    return Checked(Finding.MALFORMED, file.problem)


def _key_of(hint: str) -> str:
    """Return the key that a bundle's hint names, if it is a fingerprint of ours."""
    try:
        return str(PemFingerprint.parse(hint))
    except ValueError:
        return ""


def examine_manifest(
    file: ManifestFile, facts: ImageFacts, known: KnownKeys, now: datetime
) -> ManifestEvidence:
    """Check a manifest's signature and, where that is good, compare the image with it."""
    checked = check_manifest(file, known, now)
    evidence = ManifestEvidence(
        name=file.path.name,
        finding=checked.finding,
        message=checked.message,
        signer=checked.signer,
        claimed=checked.claimed,
        user_id=checked.user_id,
        signed_at=checked.signed_at,
        notes=checked.notes,
    )
    if checked.finding is not Finding.GOOD:
        return evidence
    try:
        manifest = from_bytes(file.text)
    except MalformedError as error:
        return replace(evidence, finding=Finding.BAD_METADATA, message=str(error))
    if manifest.signer.fingerprint != checked.signer:
        message = "it names another signer than the key that signed it"
        return replace(evidence, finding=Finding.BAD_METADATA, message=message)
    match, differences = compare_image(manifest, facts)
    return replace(evidence, match=match, differences=differences, manifest=manifest)


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
        size = os.fstat(descriptor).st_size
        whole = digest_file(descriptor, path, size, whole=("sha256", "blake3")).whole
    finally:
        os.close(descriptor)
    return whole["sha256"], whole["blake3"]


def facts_of(image: OpenImage, digests: FileDigests) -> ImageFacts:
    """Describe an image in the terms of a manifest."""
    record = ImageRecord(
        size=image.size,
        uuid=_uuid(image.header.uuid),
        arch=_arch(image.header.arch),
        identity=identity(image, digests.ranges),
        objects=tuple(
            ObjectRecord(
                id=one.id,
                group=one.group,
                type=one.kind,
                name=one.label,
                size=one.size,
                sha256=digests.ranges[one.id, "sha256"],
            )
            for one in sorted(image.objects, key=lambda one: one.id)
        ),
    )
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
        record=record,
        linked_signatures=linked,
        digest_before=partial(digest_before, image),
    )


def compare_image(manifest: Manifest, facts: ImageFacts) -> tuple[Match, tuple[str, ...]]:
    """Compare an image with a manifest (design, section 5)."""
    subject = manifest.subjects[0]
    notes = _name_notes(subject, facts)
    if (subject.sha256, subject.blake3) == (facts.sha256, facts.blake3):
        return Match.EXACT, notes
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


def _name_notes(subject: Subject, facts: ImageFacts) -> tuple[str, ...]:
    if subject.name == facts.name:
        return ()
    return (f"it was signed under the name {printable(subject.name)}",)


def _uuid(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _arch(raw: bytes) -> str:
    code = raw.rstrip(b"\0").decode("ascii", "replace")
    return layout.ARCHITECTURES.get(code, f"unknown ({printable(code)})")


def by_signer(paths: Sequence[Path], signer: SignerId) -> Path | None:
    """Return the manifest whose signature names this key, if there is one (a claim)."""
    names = {str(signer), signer.key_id}
    return next((path for path in paths if names & set(read_manifest(path).issuers)), None)
