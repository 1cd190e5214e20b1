"""Manifests that lie beside an image: find them, check their signatures, compare the image.

Nothing in a manifest is used before its signature is checked, save the certificate in it, which
serves to check just that and makes nobody trusted.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.checked import CheckedSignature
from repro_sign.comparison import ImageFacts, compare_image
from repro_sign.errors import MalformedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.files import read_small
from repro_sign.finding import Finding
from repro_sign.fingerprint import PemFingerprint, SignerId
from repro_sign.known_keys import Keys, KnownKeys
from repro_sign.manifest import (
    MAX_MANIFEST_BYTES,
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
from repro_sign.trust.evidence import ManifestEvidence

OPENPGP_SUFFIX: Final = ".manifest.asc"
PEM_SUFFIX: Final = ".sigstore.json"
_SUFFIXES: Final = (OPENPGP_SUFFIX, PEM_SUFFIX)
_TOO_MUCH: Final = "not read: the manifests beside this image are too large together"
_MAX_MANIFESTS: Final = 64
_MAX_TOGETHER_BYTES: Final = 8 << 20
"""What is read of all manifests beside an image: they are held in memory at once."""
_LATER: Final = re.compile(r"\.[0-9A-Fa-f]{16}\Z")


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest taken apart, nothing checked yet.

    `problem` is set if that failed, or if it was `left_out`, the ones before it being too large.
    """

    path: Path
    problem: str = ""
    left_out: bool = False
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


def read_manifests(image: Path) -> tuple[ManifestFile, ...]:
    """Take all manifests beside an image apart, as far as together they stay in bounds."""
    files, room = [], _MAX_TOGETHER_BYTES
    for path in find_manifests(image):
        if room <= 0:
            files.append(ManifestFile(path, _TOO_MUCH, left_out=True))
            continue
        file = read_manifest(path)
        room -= len(file.text)
        files.append(file)
    return tuple(files)


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
        return ManifestFile(path, text=envelope.payload, signed=envelope.signed, bundle=bundle)
    block = clearsign.parse(data)
    signature = parse_signature(block.signature)
    return ManifestFile(path, text=block.text, signed=block.canonical, openpgp=signature)


def check_manifest(file: ManifestFile, known: KnownKeys, now: datetime) -> CheckedSignature:
    """Check a manifest's signature with the keys at hand."""
    if file.openpgp is not None:
        return check_signature(file.openpgp, file.signed, known.certificates, now)
    if file.bundle is not None:
        (signature,) = file.bundle.envelope.signatures
        named = replace(signature, key_id=signature.key_id or _key_of(file.bundle.hint))
        return dsse.check(file.bundle.envelope, named, known.public_keys)
    finding = Finding.UNSUPPORTED if file.left_out else Finding.MALFORMED
    return CheckedSignature(finding, file.problem)


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


def by_signer(paths: Sequence[Path], signer: SignerId) -> Path | None:
    """Return the manifest whose signature names this key, if there is one (a claim)."""
    names = {str(signer), signer.key_id}
    return next((path for path in paths if names & set(read_manifest(path).issuers)), None)
