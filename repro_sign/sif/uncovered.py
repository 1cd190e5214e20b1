"""Bytes of an image that belong to no object, so that no signature in it covers them."""

from collections.abc import Iterator
from typing import Final

from repro_sign.sif.reader import OpenImage

_MAX_GAP_BYTES: Final = 4 << 20
"""What is read of the gaps between objects, which align them to 4,096 bytes; honest images have
less, and more is remarkable whatever is in it."""


def uncovered(image: OpenImage) -> Iterator[str]:
    """Say of such bytes what a reader should know: that they are there, and not all zero."""
    tail = image.size - image.data_end
    if tail:
        what = "byte" if tail == 1 else "bytes"
        yield f"{tail} {what} after its last object: covered by no signature in the image"
    room = _MAX_GAP_BYTES
    for start, length in image.gaps():
        if length > room:
            yield f"{length} bytes at offset {start} belong to no object"
            return
        room -= length
        if any(image.read_at(start, length, "a gap")):
            yield f"{length} bytes at offset {start} belong to no object and are not all zero"
