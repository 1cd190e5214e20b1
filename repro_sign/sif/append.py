"""Add a signature object to a SIF file in place, so that a kill at any instant loses nothing.

The steps, each on disk before the next begins (design, section 4.3):

 1. the object's data, after the last object: bytes that belong to nothing yet
 2. its descriptor in an unused row, still marked unused
 3. the one byte that marks it used: now the image has the signature
 4. the header's counters, which no reader relies on

What an interrupted run leaves is an image as before (perhaps with bytes past its last object) or
one that is signed. Inode, owner, mode, links and attributes stay.
"""

import os
import struct
from contextlib import suppress
from datetime import datetime
from typing import Final

from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.sif import layout
from repro_sign.sif.layout import DataType
from repro_sign.sif.reader import Descriptor, Header, OpenImage, unpack_descriptor
from repro_sign.values import dataclass

_AS_IT_WAS: Final = "the image is as it was; make room or mend the disk, and sign again"
_INT64: Final = struct.Struct("<q")
_MODIFIED_AND_FREE: Final = struct.Struct("<qq")


@dataclass(frozen=True, slots=True)
class NewSignature:
    """A signature object to be added: its data, its group, and what its descriptor says of the key.

    `entity` is the 20 bytes of the OpenPGP primary fingerprint, or zeros for other keys;
    `hash_type` the signature's own hash (SIF reference, section 1.3).
    """

    data: bytes
    group: int
    entity: bytes
    hash_type: int = layout.HASH_SHA256


def add_signature(image: OpenImage, new: NewSignature, now: datetime) -> int:
    """Add one signature object to an image that is open for writing; return the object's id.

    Raises `RefusedError` if there is no free descriptor, or if bytes after the last object, more
    than a signature could have left there, would be lost.
    """
    offset = image.data_end
    tail = os.fstat(image.fd).st_size - offset
    if tail > layout.MAX_SIGNATURE_BYTES:
        raise RefusedError(
            f"{printable(str(image.path))} has {tail} bytes after its last object,"
            " where the signature belongs",
            hint=f"if they are of no use, cut them off: truncate -s {offset}",
        )
    added = describe(image, new, now)
    descriptor = added.raw
    row = image.header.descriptors_offset + added.slot * layout.DESCRIPTOR.size
    hint = _AS_IT_WAS
    try:
        _write(image.fd, new.data, offset)  # 1
        os.ftruncate(image.fd, offset + len(new.data))
        os.fsync(image.fd)
        _write(image.fd, _unused(descriptor), row)  # 2
        os.fsync(image.fd)
        _write(image.fd, b"\x01", row + layout.DESCRIPTOR_USED_OFFSET)  # 3
        hint = "the signature is in the image; run sign again to complete what is missing"
        os.fsync(image.fd)
        end = offset + len(new.data)
        _write_counters(image.fd, image.header, len(image.objects) + 1, end, now)  # 4
        os.fsync(image.fd)
    except OSError as error:
        if hint is _AS_IT_WAS:
            _take_back(image, row, offset)
        raise RefusedError(
            f"{printable(str(image.path))} could not be signed: {error.strerror}", hint=hint
        ) from error
    return added.id


def _take_back(image: OpenImage, row: int, end: int) -> None:
    """Remove, as far as the disk lets us, what was written of a signature that is not yet used."""
    slot = (row - image.header.descriptors_offset) // layout.DESCRIPTOR.size
    with suppress(OSError):
        os.ftruncate(image.fd, end)
    with suppress(OSError):
        _write(image.fd, image.row(slot), row)


def complete_counters(image: OpenImage, now: datetime) -> bool:
    """Put the header's counters right after an interrupted run; False if they were right."""
    expected = _counters(image.header, len(image.objects), image.data_end)
    if (image.header.descriptors_free, image.header.data_size) == expected:
        return False
    try:
        _write_counters(image.fd, image.header, len(image.objects), image.data_end, now)
        os.fsync(image.fd)
    except OSError as error:
        raise RefusedError(f"{printable(str(image.path))}: {error.strerror}") from error
    return True


def free_slot(image: OpenImage) -> tuple[int, int]:
    """Return the first unused row whose id is free, and that id (row + 1).

    Raises `RefusedError` if the table is full.
    """
    rows = {one.slot for one in image.objects}
    ids = {one.id for one in image.objects}
    for slot in range(image.header.descriptors_total):
        if slot not in rows and slot + 1 not in ids:
            return slot, slot + 1
    raise RefusedError(
        f"{printable(str(image.path))} has no free descriptor for another signature",
        hint="countersign without touching the image: repro-sign sign --manifest-only",
    )


def describe(image: OpenImage, new: NewSignature, now: datetime) -> Descriptor:
    """Return the descriptor that a new signature will get, as upstream writes it.

    See the SIF reference, section 3. Raises `RefusedError` if the table is full.
    """
    slot, number = free_slot(image)
    offset = image.data_end
    moment = _moment(image.header, now)
    entity = new.entity.ljust(256, b"\0")
    extra = layout.SIGNATURE_EXTRA.pack(new.hash_type, entity).ljust(384, b"\0")
    raw = layout.DESCRIPTOR.pack(
        DataType.SIGNATURE,
        1,
        number,
        layout.NO_GROUP,
        layout.GROUP_MASK | new.group,
        offset,
        len(new.data),
        len(new.data),
        moment,
        moment,
        0,
        0,
        b"",
        extra,
    )
    return unpack_descriptor(slot, raw)


def _unused(descriptor: bytes) -> bytes:
    at = layout.DESCRIPTOR_USED_OFFSET
    return descriptor[:at] + b"\0" + descriptor[at + 1 :]


def _counters(header: Header, used: int, data_end: int) -> tuple[int, int]:
    return header.descriptors_total - used, data_end - header.data_offset


def _write_counters(fd: int, header: Header, used: int, data_end: int, now: datetime) -> None:
    free, data_size = _counters(header, used, data_end)
    changed = _MODIFIED_AND_FREE.pack(_moment(header, now), free)
    _write(fd, changed, layout.HEADER_MODIFIED_OFFSET)
    _write(fd, _INT64.pack(data_size), layout.HEADER_DATA_SIZE_OFFSET)


def _moment(header: Header, now: datetime) -> int:
    """Deterministic images keep their zero time, as upstream does."""
    if header.created == layout.ZERO_TIME and header.uuid == bytes(16):
        return layout.ZERO_TIME
    return int(now.timestamp())


def _write(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view = view[written:]
        offset += written
