"""The documents that are signed in an image, for the keys that sign them here."""

from collections.abc import Iterator, Sequence

from repro_sign.sif.metadata import ObjectDigests, build_document
from repro_sign.sif.reader import OpenImage


def group_documents(
    image: OpenImage, groups: Sequence[int], object_digests: ObjectDigests | None
) -> Iterator[tuple[int, bytes]]:
    """Yield each group and its metadata document.

    Raises `ValueError` without the digests, which a `Sealer` says that it needs.
    """
    if object_digests is None:
        raise ValueError("this key needs the objects' digests")
    for group in groups:
        yield group, build_document(image.header, image.groups[group], object_digests)
