"""The manifest as a value: a signed statement of what an image is (design, section 5)."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Final

from repro_sign.digest import Digest
from repro_sign.provenance.parts import Provenance, read_parts
from repro_sign.statements import statement
from repro_sign.statements.statement import SignerRecord, Subject, read_signer, signer_members
from repro_sign.strict_json import a_list, a_string, a_whole_number, an_object
from repro_sign.times import parse_rfc3339, rfc3339
from repro_sign.values import dataclass

MANIFEST_TYPE: Final = "urn:repro-sign:manifest:v1"
_CONTENT: Final = "content:"
_TREE: Final = "tree:"
"""What content and tree digests begin with, so that neither is taken for another digest."""


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """What a manifest says of one SIF object."""

    id: int
    group: int
    type: str
    name: str
    size: int
    sha256: Digest


@dataclass(frozen=True, slots=True)
class ContentRecord:
    """What an image holds, whatever the packing; tree digests by the id of their objects."""

    digest: Digest
    trees: tuple[tuple[int, Digest], ...]


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What a manifest says of the image; its content only where the signer asked for that."""

    size: int
    uuid: str
    arch: str
    identity: Digest
    objects: tuple[ObjectRecord, ...]
    content: ContentRecord | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest; the first subject is the image. `provenance` is what it was made from."""

    subjects: tuple[Subject, ...]
    image: ImageRecord
    signer: SignerRecord
    created: datetime | None
    provenance: Provenance = field(default_factory=dict)


def to_bytes(manifest: Manifest) -> bytes:
    """Write a manifest, as `statement.write` does and with its errors."""
    return statement.write(manifest.subjects, MANIFEST_TYPE, _predicate(manifest))


def members_of(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as the members of its JSON object."""
    return statement.members_of(manifest.subjects, MANIFEST_TYPE, _predicate(manifest))


def from_bytes(data: bytes) -> Manifest:
    """Read a manifest from the bytes whose signature was checked. Raises `MalformedError`."""
    return statement.read(data, MANIFEST_TYPE, "the manifest", _take)


def _take(subjects: tuple[Subject, ...], predicate: dict[str, Any]) -> Manifest:
    return Manifest(
        subjects=subjects,
        image=_image(an_object(predicate["image"])),
        signer=read_signer(an_object(predicate["signer"])),
        created=parse_rfc3339(a_string(predicate["created"])) if "created" in predicate else None,
        provenance=read_parts(predicate),
    )


def _predicate(manifest: Manifest) -> dict[str, Any]:
    return {
        "image": image_members(manifest.image),
        "signer": signer_members(manifest.signer),
        **({"created": rfc3339(manifest.created)} if manifest.created else {}),
        **manifest.provenance,
    }


def image_members(image: ImageRecord) -> dict[str, Any]:
    """Return what a manifest says of an image as the members of its JSON object."""
    return {
        "size": image.size,
        "uuid": image.uuid,
        "arch": image.arch,
        "identity": str(image.identity),
        "objects": [
            {
                "id": one.id,
                "group": one.group,
                "type": one.type,
                "name": one.name,
                "size": one.size,
                "sha256": one.sha256.hex,
            }
            for one in image.objects
        ],
        **({"content": content_members(image.content)} if image.content else {}),
    }


def content_members(content: ContentRecord) -> dict[str, Any]:
    """Return what a manifest says of an image's content as the members of its JSON object."""
    return {
        "digest": f"{_CONTENT}{content.digest}",
        "trees": [
            {"object": number, "digest": f"{_TREE}{digest}"} for number, digest in content.trees
        ],
    }


def read_identity(text: Any) -> Digest:
    """Read an image identity. Raises `TypeError` or `ValueError`."""
    return _sha256(a_string(text), "the identity")


def _sha256(text: str, what: str) -> Digest:
    digest = Digest.parse(text)
    if digest.algorithm != "sha256":
        raise ValueError(f"{what} is not a SHA-256 digest")
    return digest


def _image(members: Mapping[str, Any]) -> ImageRecord:
    return ImageRecord(
        size=a_whole_number(members["size"]),
        uuid=a_string(members["uuid"]),
        arch=a_string(members["arch"]),
        identity=read_identity(members["identity"]),
        objects=tuple(_object(an_object(row)) for row in a_list(members["objects"], "objects")),
        content=_content(an_object(members["content"])) if "content" in members else None,
    )


def _content(members: Mapping[str, Any]) -> ContentRecord:
    return ContentRecord(
        digest=_prefixed(members["digest"], _CONTENT),
        trees=tuple(
            (a_whole_number(row["object"]), _prefixed(row["digest"], _TREE))
            for row in map(an_object, a_list(members["trees"], "trees"))
        ),
    )


def _prefixed(text: Any, prefix: str) -> Digest:
    if not a_string(text).startswith(prefix):
        raise ValueError(f"a content digest begins with {prefix}")
    return _sha256(text.removeprefix(prefix), "a content digest")


def _object(row: Mapping[str, Any]) -> ObjectRecord:
    return ObjectRecord(
        id=a_whole_number(row["id"]),
        group=a_whole_number(row["group"]),
        type=a_string(row["type"]),
        name=a_string(row["name"]),
        size=a_whole_number(row["size"]),
        sha256=Digest("sha256", a_string(row["sha256"])),
    )
