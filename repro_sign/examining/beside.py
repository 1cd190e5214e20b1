"""Manifests that lie beside an image: find them, check their signatures, compare the image."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError
from repro_sign.examining.comparison import ImageFacts, compare_image
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import KnownKeys
from repro_sign.statements import signed_file
from repro_sign.statements.manifest import from_bytes
from repro_sign.statements.notice_files import is_notice_name
from repro_sign.statements.signed_file import OPENPGP_ENDING, PEM_ENDING, SignedFile
from repro_sign.system.folder_names import names_that_begin
from repro_sign.trust.evidence import ManifestEvidence

_SUFFIXES: Final = {OPENPGP_ENDING: ".manifest.asc", PEM_ENDING: ".sigstore.json"}
"""How the names of manifests end, by the form of the signature."""
_WHAT: Final = "manifest"
_TOO_MUCH: Final = "not read: the manifests beside this image are too large together"
_MAX_MANIFESTS: Final = 64
_MAX_TOGETHER_BYTES: Final = 8 << 20
"""What is read of all manifests beside an image: they are held in memory at once."""
_REVEAL: Final = re.compile(r"\.reveal\.[a-z.]+\Z")
"""Reveals have names of their own (`revealed`)."""
_LATER: Final = re.compile(r"\.[0-9A-Fa-f]{16}\Z")
_ENDING: Final = re.compile(
    rf"(\.[0-9A-Fa-f]{{16}})?({'|'.join(map(re.escape, _SUFFIXES.values()))})"
)


def first_manifest_path(image: Path, ending: str) -> Path:
    """Return where the first signer's manifest of this form lies."""
    return image.with_name(image.name + _SUFFIXES[ending])


def later_manifest_path(image: Path, signer: SignerId, ending: str) -> Path:
    """Return where a later signer's manifest lies (design, section 5)."""
    return image.with_name(f"{image.name}.{signer.key_id}{_SUFFIXES[ending]}")


def is_manifest_name(path: Path) -> bool:
    """Whether a path is that of a manifest, by its name."""
    other = is_notice_name(path.name) or _REVEAL.search(path.name)
    return path.name.endswith(tuple(_SUFFIXES.values())) and not other


def image_of(manifest: Path) -> Path:
    """Return the image that a manifest lies beside, by its name."""
    name = manifest.name
    for suffix in _SUFFIXES.values():
        name = name.removesuffix(suffix)
    plain = manifest.with_name(_LATER.sub("", name))
    exact = manifest.with_name(name)
    return exact if exact.exists() else plain


def find_manifests(image: Path) -> tuple[Path, ...]:
    """Return the manifests beside an image, those of first signers first.

    Raises `UnreadableError` if the folder can't be read.
    """
    names = [
        name
        for name in names_that_begin(image.parent, image.name)
        if _ENDING.fullmatch(name, len(image.name))
    ]
    names.sort(key=lambda name: (len(name), name))
    return tuple(image.with_name(name) for name in names[:_MAX_MANIFESTS])


def read_manifests(image: Path) -> tuple[SignedFile, ...]:
    """Take all manifests beside an image apart, as far as together they stay in bounds."""
    files, room = [], _MAX_TOGETHER_BYTES
    for path in find_manifests(image):
        if room <= 0:
            files.append(SignedFile(path, _TOO_MUCH, left_out=True))
            continue
        file = signed_file.read(path, _WHAT)
        room -= len(file.text)
        files.append(file)
    return tuple(files)


def examine_manifest(
    file: SignedFile, facts: ImageFacts, known: KnownKeys, now: datetime
) -> ManifestEvidence:
    """Check a manifest's signature and, where that is good, compare the image with it."""
    return compare_manifest(check_manifest(file, known, now), facts)


def check_manifest(file: SignedFile, known: KnownKeys, now: datetime) -> ManifestEvidence:
    """Check a manifest's signature and read the manifest; that takes nothing of the image."""
    checked = signed_file.check(file, known, now)
    evidence = ManifestEvidence(
        name=file.path.name,
        finding=checked.finding,
        message=checked.message,
        signer=checked.signer,
        claimed=checked.claimed,
        user_id=checked.user_id,
        signed_at=checked.signed_at,
        notes=checked.notes,
        key_ended=checked.key_ended,
    )
    if checked.finding is not Finding.GOOD:
        return evidence
    try:
        manifest = signed_file.said(file, checked.signer, from_bytes)
    except MalformedError as error:
        return replace(evidence, finding=Finding.BAD_METADATA, message=str(error))
    return replace(evidence, manifest=manifest)


def compare_manifest(evidence: ManifestEvidence, facts: ImageFacts) -> ManifestEvidence:
    """Compare the image with a manifest that was checked, where its signature is good."""
    if evidence.manifest is None:
        return evidence
    match, differences = compare_image(evidence.manifest, facts)
    return replace(evidence, match=match, differences=differences)


def by_signer(paths: Sequence[Path], signer: SignerId) -> Path | None:
    """Return the manifest whose signature names this key, if there is one (a claim)."""
    names = {str(signer), signer.key_id}
    return next(
        (path for path in paths if names & set(signed_file.read(path, _WHAT).issuers)), None
    )
