"""Open what is to be compared: an image, or a manifest whose signature is checked."""

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from repro_sign.comparing.result import ManifestSignature, Side
from repro_sign.contents.digest import image_content, tree_digests
from repro_sign.errors import MalformedError, NoAnswerError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.examining import comparison, integrity
from repro_sign.hashing import FileDigests, Progress
from repro_sign.sif.reader import OpenImage, looks_like_sif, open_image
from repro_sign.statements import signed_file
from repro_sign.statements.manifest import ImageRecord, Manifest, from_bytes
from repro_sign.statements.signed_file import OPENPGP_ENDING, PEM_ENDING
from repro_sign.stores.certificates import gather
from repro_sign.system.files import open_regular
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now
from repro_sign.values import dataclass

_WHAT: Final = "manifest"


@dataclass(frozen=True, slots=True)
class ImageSide:
    """An image that is open, and the digests of all of it."""

    image: OpenImage
    digests: FileDigests
    record: ImageRecord

    @property
    def side(self) -> Side:
        """What reports say of it."""
        content = self.record.content.digest if self.record.content else None
        sha256 = self.digests.whole["sha256"]
        return Side(self.image.path, sha256, self.record.identity, content)

    def with_content(self) -> "ImageSide":
        """Return the same with its content digest. Raises `NoAnswerError` if it can't be made."""
        content = image_content(self.image, tree_digests(self.image), self.digests.ranges)
        return replace(self, record=replace(self.record, content=content))


@dataclass(frozen=True, slots=True)
class ManifestSide:
    """A manifest whose signature was checked, and the document that was signed."""

    path: Path
    text: bytes
    manifest: Manifest
    signature: ManifestSignature

    @property
    def record(self) -> ImageRecord:
        """What it says of the image."""
        return self.manifest.image

    @property
    def side(self) -> Side:
        """What reports say of it."""
        record = self.record
        content = record.content.digest if record.content else None
        sha256 = self.manifest.subjects[0].sha256
        return Side(self.path, sha256, record.identity, content, self.signature)


def open_side(
    path: Path, where: Locations, stack: ExitStack, progress: Progress | None
) -> ImageSide | ManifestSide:
    """Open an image, which stays open as long as `stack`, or read a manifest.

    Raises `NoAnswerError` for what is neither, or can't be read.
    """
    os.close(open_regular(path, os.O_RDONLY))  # says why, where it can't be opened
    try:
        if looks_like_sif(path):
            return _open_image(path, stack, progress)
        if path.name.endswith((OPENPGP_ENDING, PEM_ENDING)):
            return _read_manifest(path, where)
    except MalformedError as error:
        shown = printable(str(path))
        raise NoAnswerError(f"{shown}: {error}", hint=error.hint) from error
    raise UnreadableError(
        f"{printable(str(path))} is neither an image nor a manifest",
        hint=f"manifests end in {OPENPGP_ENDING} or {PEM_ENDING}",
    )


def _open_image(path: Path, stack: ExitStack, progress: Progress | None) -> ImageSide:
    image = stack.enter_context(open_image(path))
    digests = integrity.hash_image(image, (), progress=progress)
    return ImageSide(image, digests, comparison.facts_of(image, digests).record)


def _read_manifest(path: Path, where: Locations) -> ManifestSide:
    shown = printable(str(path))
    file = signed_file.read(path, _WHAT)
    if file.problem:
        raise NoAnswerError(f"{shown} is no manifest: {file.problem}")
    known = gather(where, file.issuers, path.parent)
    known.add(file.keys, _WHAT)
    checked = signed_file.check(file, known, utc_now())
    if not checked.finding.genuine:
        raise NoAnswerError(
            f"{shown} is not what its signer signed, or it can't be told:"
            f" {printable(checked.message)}",
            hint="nothing in such a manifest is worth comparing",
        )
    manifest = from_bytes(file.text)
    if manifest.signer.fingerprint != checked.signer:
        raise NoAnswerError(f"{shown} names another signer than the key that signed it")
    signature = ManifestSignature(
        signer=checked.signer,
        user_id=checked.user_id,
        signed_at=checked.signed_at,
        finding=checked.finding,
        message=checked.message,
    )
    return ManifestSide(path, file.text, manifest, signature)
