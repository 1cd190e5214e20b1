"""The image metadata document: the JSON text that a SIF signature signs (SIF reference, section 2).

There is one document for each object group. It holds digests of the header, of each object's
descriptor and of each object's data. The image identity is made of the same documents.
"""

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from repro_sign.digest import SIF_ALGORITHMS, Digest
from repro_sign.errors import MalformedError
from repro_sign.sif import layout
from repro_sign.sif.reader import Descriptor, Header, OpenImage
from repro_sign.strict_json import parse_object
from repro_sign.values import dataclass

IDENTITY_PREFIX: Final = b"repro-sign image identity v1\n"
_UINT32: Final = 1 << 32
_SIGNED_DESCRIPTOR: Final = struct.Struct("<iBIIqqqq128s384s")

ObjectDigests = Mapping[tuple[int, str], Digest]
"""Digest of an object's data by object id and algorithm."""


@dataclass(frozen=True, slots=True)
class SignedObject:
    """What a metadata document says of one object."""

    relative_id: int
    descriptor_digest: Digest
    object_digest: Digest


@dataclass(frozen=True, slots=True)
class Metadata:
    """A parsed metadata document."""

    header_digest: Digest
    objects: tuple[SignedObject, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which an image is not what a document says. `object_id` is None for the header."""

    code: str
    message: str
    object_id: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which objects a document covers, and how the image differs from it."""

    covers: frozenset[int]
    differences: tuple[Difference, ...]


def build_document(
    header: Header, members: Sequence[Descriptor], object_digests: ObjectDigests
) -> bytes:
    """Return the document that upstream's tools sign for a group: compact, SHA-256, id order."""
    first = min(member.id for member in members)
    document = {
        "version": 1,
        "header": {"digest": str(header_digest(header, "sha256"))},
        "objects": [
            {
                "relativeId": member.id - first,
                "descriptorDigest": str(descriptor_digest(member, first, "sha256")),
                "objectDigest": str(object_digests[member.id, "sha256"]),
            }
            for member in sorted(members, key=lambda member: member.id)
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def identity(image: OpenImage, object_digests: ObjectDigests) -> Digest:
    """Return the image identity: a digest that further signatures do not change.

    See docs/format.md, "Image identity".
    """
    return identity_and_groups(image, object_digests)[0]


def identity_and_groups(
    image: OpenImage, object_digests: ObjectDigests
) -> tuple[Digest, tuple[Digest, ...]]:
    """Return the image identity, and the digest of each document that it is made of, in order."""
    documents = tuple(_lasting_documents(image, object_digests))
    text = IDENTITY_PREFIX + b"".join(document + b"\n" for document in documents)
    return _digest("sha256", text), tuple(_digest("sha256", one) for one in documents)


def group_digests(image: OpenImage, object_digests: ObjectDigests) -> tuple[Digest, ...]:
    """Return the digest of each document that the image identity is made of, in its order."""
    return identity_and_groups(image, object_digests)[1]


def _lasting_documents(image: OpenImage, object_digests: ObjectDigests) -> Iterator[bytes]:
    """Yield each group's document, signature objects left out."""
    for members in image.groups.values():
        lasting = [member for member in members if not member.is_signature]
        if lasting:
            yield build_document(image.header, lasting, object_digests)


def header_digest(header: Header, algorithm: str) -> Digest:
    """Digest the signed part of the header: launch script, magic, version and UUID."""
    signed = header.launch + layout.MAGIC + layout.VERSION + header.uuid
    return _digest(algorithm, signed)


def descriptor_digest(one: Descriptor, first_id: int, algorithm: str) -> Digest:
    """Digest the signed part of a descriptor; ids count relative to the group's lowest."""
    signed = _SIGNED_DESCRIPTOR.pack(
        one.data_type,
        1,
        one.id - first_id,
        one.link,
        one.size,
        one.created,
        one.uid,
        one.gid,
        one.name,
        one.extra,
    )
    return _digest(algorithm, signed)


def parse_document(text: bytes) -> Metadata:
    """Read a document from the bytes that were signed.

    Stricter than upstream: version 1, no unknown or duplicate members, digests in lower case
    from the allow-list, unique relative ids. Raises `MalformedError`.
    """
    what = "the signed metadata"
    document = parse_object(text, what)
    _members(document, {"version", "header", "objects"}, what)
    if document["version"] != 1 or type(document["version"]) is not int:
        raise MalformedError(f"{what} has version {document['version']!r}; only 1 is known")
    header = document["header"]
    _members(header, {"digest"}, f"{what}: header")
    rows = document["objects"]
    if not isinstance(rows, list) or not rows:
        raise MalformedError(f"{what} lists no objects")
    objects = tuple(_parse_object(row, what) for row in rows)
    if len({one.relative_id for one in objects}) != len(objects):
        raise MalformedError(f"{what} lists an object twice")
    return Metadata(_parse_digest(header["digest"], what), objects)


def algorithms_wanted(
    metadata: Metadata, members: Sequence[Descriptor]
) -> frozenset[tuple[int, str]]:
    """Return which object digests are needed to compare a document with a group's members."""
    first = min((member.id for member in members), default=0)
    present = {member.id for member in members}
    return frozenset(
        (first + one.relative_id, one.object_digest.algorithm)
        for one in metadata.objects
        if first + one.relative_id in present
    )


def compare(
    metadata: Metadata,
    header: Header,
    members: Sequence[Descriptor],
    object_digests: ObjectDigests,
) -> Comparison:
    """Hold an image's header and a group's members against a document.

    Objects of the group that the document does not mention are no difference: it covers fewer.
    """
    differences: list[Difference] = []
    if header_digest(header, metadata.header_digest.algorithm) != metadata.header_digest:
        differences.append(
            Difference("header-changed", "the header (launch script, version or UUID) was changed")
        )
    first = min((member.id for member in members), default=0)
    by_id = {member.id: member for member in members}
    covered: set[int] = set()
    for said in metadata.objects:
        number = first + said.relative_id
        found = by_id.get(number)
        if found is None:
            differences.append(
                Difference("object-removed", f"object {number} was signed and is gone", number)
            )
            continue
        covered.add(number)
        differences += _differences(said, found, first, object_digests)
    return Comparison(frozenset(covered), tuple(differences))


def _differences(
    said: SignedObject, found: Descriptor, first: int, object_digests: ObjectDigests
) -> list[Difference]:
    differences = []
    algorithm = said.descriptor_digest.algorithm
    if descriptor_digest(found, first, algorithm) != said.descriptor_digest:
        message = f"the descriptor of object {found.id} ({found.kind}) was changed"
        differences.append(Difference("descriptor-changed", message, found.id))
    if object_digests[found.id, said.object_digest.algorithm] != said.object_digest:
        message = f"the data of object {found.id} ({found.kind}) was changed"
        differences.append(Difference("data-changed", message, found.id))
    return differences


def _digest(algorithm: str, data: bytes) -> Digest:
    return Digest(algorithm, hashlib.new(SIF_ALGORITHMS[algorithm], data).hexdigest())


def _parse_object(row: Any, what: str) -> SignedObject:
    _members(row, {"relativeId", "descriptorDigest", "objectDigest"}, f"{what}: object")
    number = row["relativeId"]
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < _UINT32:
        raise MalformedError(f"{what}: relativeId {number!r} is not an unsigned 32-bit number")
    return SignedObject(
        number,
        _parse_digest(row["descriptorDigest"], what),
        _parse_digest(row["objectDigest"], what),
    )


def _parse_digest(text: Any, what: str) -> Digest:
    if not isinstance(text, str):
        raise MalformedError(f"{what}: a digest is not a string")
    try:
        digest = Digest.parse(text)
    except ValueError as error:
        raise MalformedError(f"{what}: {error}", code="weak-digest") from error
    if digest.algorithm not in SIF_ALGORITHMS:
        raise MalformedError(
            f"{what}: digest algorithm {digest.algorithm!r} is not accepted", code="weak-digest"
        )
    return digest


def _members(value: Any, expected: set[str], what: str) -> None:
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is not a JSON object")
    if set(value) != expected:
        odd = ", ".join(sorted(set(value) ^ expected))
        raise MalformedError(f"{what} has missing or unknown members: {odd}")
