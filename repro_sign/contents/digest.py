"""The content digest: what an image holds, whatever the packing (docs/format.md, "Content digest").

It stays the same when an image is built again from the same recipe and the files come out the
same: times, order, compression, UUID and signatures have no part in it.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from repro_sign.contents.listing import MAX_LABELS_BYTES, quoted, without_build_date
from repro_sign.contents.reading import tree_digest
from repro_sign.digest import Digest
from repro_sign.sif import layout
from repro_sign.sif.layout import DataType
from repro_sign.sif.metadata import ObjectDigests
from repro_sign.sif.reader import Descriptor, OpenImage
from repro_sign.statements.manifest import ContentRecord

CONTENT_PREFIX: Final = b"repro-sign image content v1\n"
_WITH_BUILD_DATE: Final = (DataType.LABELS, DataType.GENERIC_JSON)


def is_squashfs(one: Descriptor) -> bool:
    """Whether an object says that it is a squashfs that is not encrypted."""
    if one.data_type != DataType.PARTITION:
        return False
    file_system, *_ = layout.PARTITION_EXTRA.unpack_from(one.extra)
    return layout.FILE_SYSTEMS.get(file_system) == "squashfs"


def tree_digests(image: OpenImage) -> Mapping[int, Digest]:
    """Return the tree digest of each squashfs in an image, by the object's id.

    Raises `NoAnswerError` if one can't be read.
    """
    return {one.id: tree_digest(image, one) for one in image.objects if is_squashfs(one)}


def image_content(
    image: OpenImage, trees: Mapping[int, Digest], object_digests: ObjectDigests
) -> ContentRecord:
    """Return an image's content digest, given those of its trees and objects."""
    lines = [f"launch {_field(image.header.launch)}", f"arch {_field(image.header.arch)}"]
    for members in image.groups.values():
        for one in members:
            if one.is_signature:
                continue
            tree = trees.get(one.id)
            digest = f"tree:{tree}" if tree else str(_data(image, one, object_digests))
            words = ("object", str(one.group), digest, quoted(one.kind), _field(one.name))
            lines.append(" ".join(filter(None, words)))
    text = "".join(f"{line}\n" for line in lines).encode("ascii")
    digest = hashlib.sha256(CONTENT_PREFIX + text).hexdigest()
    return ContentRecord(Digest("sha256", digest), tuple(sorted(trees.items())))


def _data(image: OpenImage, one: Descriptor, object_digests: ObjectDigests) -> Digest:
    if one.data_type in _WITH_BUILD_DATE and one.size <= MAX_LABELS_BYTES:
        data, _ = without_build_date(image.object_data(one))
        return Digest("sha256", hashlib.sha256(data).hexdigest())
    return object_digests[one.id, "sha256"]


def _field(raw: bytes) -> str:
    """Return a field of the file, as one word, without the NUL bytes after it."""
    return quoted(raw.rstrip(b"\0"))
