"""Recognise what a killed `sign` left in an image, and say what the file was before.

Such a run leaves at most the beginning of a signature after the last object, and a descriptor in
an unused row (`sif.append`, steps 1 and 2). Nothing reads either, but they change the digest of
the file, and so would make the manifest of an earlier signer differ.
"""

import hashlib
from typing import Final

from repro_sign.digest import Digest
from repro_sign.openpgp import clearsign
from repro_sign.sif import layout
from repro_sign.sif.layout import DataType
from repro_sign.sif.reader import OpenImage, unpack_descriptor

_BUFFER_BYTES: Final = 4 << 20
_STARTS: Final = (clearsign.BEGIN, b'{"payloadType":')
"""How the data of a signature object begins."""


def digest_before(image: OpenImage, size: int) -> Digest | None:
    """Return the SHA-256 digest of the file as it was, `size` bytes long, before a killed `sign`.

    None if there is no trace of one: any other tail is somebody's bytes.
    """
    tail = image.size - size
    if size != image.data_end or not 0 < tail <= layout.MAX_SIGNATURE_BYTES:
        return None
    left = image.read_at(size, tail, "what an interrupted signing left")
    if not any(left.startswith(start[:tail]) for start in _STARTS):
        return None
    return _digest_with_free_row(image, size)


def _digest_with_free_row(image: OpenImage, size: int) -> Digest:
    """Digest the first `size` bytes, the half-added descriptor read as the empty row it was."""
    row = _half_added_row(image, size)
    digest = hashlib.sha256()
    for start in range(0, size, _BUFFER_BYTES):
        part = bytearray(image.read_at(start, min(_BUFFER_BYTES, size - start), "the image"))
        if row is not None:
            low = min(max(row - start, 0), len(part))
            high = min(max(row + layout.DESCRIPTOR.size - start, 0), len(part))
            part[low:high] = bytes(high - low)
        digest.update(part)
    return Digest("sha256", digest.hexdigest())


def _half_added_row(image: OpenImage, size: int) -> int | None:
    """Return where an unused descriptor lies that points to the leftover, if there is one."""
    header = image.header
    table = image.read_at(header.descriptors_offset, header.descriptors_size, "descriptor table")
    for start in range(0, len(table), layout.DESCRIPTOR.size):
        raw = table[start : start + layout.DESCRIPTOR.size]
        if not raw[layout.DESCRIPTOR_USED_OFFSET]:
            found = unpack_descriptor(start // layout.DESCRIPTOR.size, raw)
            if found.data_type == DataType.SIGNATURE and found.offset == size:
                return header.descriptors_offset + start
    return None
