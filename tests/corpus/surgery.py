"""Byte surgery on a SIF file: small functions that change a `bytearray` and check nothing."""

from collections.abc import Iterator
from typing import Any, Final

from repro_sign.sif import layout
from repro_sign.sif.layout import DataType

HEADER_FIELDS: Final = (
    *("launch", "magic", "version", "arch", "uuid", "created", "modified"),
    *("free", "total", "table", "table_size", "data", "data_size"),
)
ROW_FIELDS: Final = (
    *("type", "used", "id", "group", "link", "offset", "size", "padded"),
    *("created", "modified", "uid", "gid", "name", "extra"),
)
_ROW: Final = layout.DESCRIPTOR.size


def header(image: bytearray) -> dict[str, Any]:
    """Return the header's fields by name."""
    return dict(zip(HEADER_FIELDS, layout.HEADER.unpack_from(image), strict=True))


def set_header(image: bytearray, **fields: Any) -> None:
    layout.HEADER.pack_into(image, 0, *(header(image) | fields).values())


def row(image: bytearray, slot: int) -> dict[str, Any]:
    """Return the fields of a descriptor by name."""
    values = layout.DESCRIPTOR.unpack_from(image, _place(image, slot))
    return dict(zip(ROW_FIELDS, values, strict=True))


def set_row(image: bytearray, slot: int, **fields: Any) -> None:
    layout.DESCRIPTOR.pack_into(image, _place(image, slot), *(row(image, slot) | fields).values())


def used(image: bytearray) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield slot and fields of each descriptor in use."""
    for slot in range(header(image)["total"]):
        if (fields := row(image, slot))["used"]:
            yield slot, fields


def slot_of(image: bytearray, number: int) -> int:
    """Return where the descriptor of an object is."""
    return next(slot for slot, fields in used(image) if fields["id"] == number)


def change(image: bytearray, number: int, **fields: Any) -> None:
    """Set fields in the descriptor of an object."""
    set_row(image, slot_of(image, number), **fields)


def data_of(image: bytearray, number: int) -> bytes:
    fields = row(image, slot_of(image, number))
    return bytes(image[fields["offset"] : fields["offset"] + fields["size"]])


def data_end(image: bytearray) -> int:
    return int(max(fields["offset"] + fields["size"] for _, fields in used(image)))


def members(image: bytearray, group: int) -> list[int]:
    """Return the ids of a group's objects."""
    mask = layout.GROUP_MASK | group
    return sorted(fields["id"] for _, fields in used(image) if fields["group"] == mask)


def append(image: bytearray, data: bytes, slot: int | None = None, **fields: Any) -> int:
    """Add an object as the tools do: data at the end, first free row, id = row + 1."""
    rows = {slot for slot, _ in used(image)}
    free = next(slot for slot in range(header(image)["total"]) if slot not in rows)
    slot = free if slot is None else slot
    offset = data_end(image)
    image[offset : offset + len(data)] = data
    values: dict[str, Any] = {
        "type": DataType.GENERIC,
        "used": 1,
        "id": slot + 1,
        "group": layout.NO_GROUP,
        "link": 0,
        "offset": offset,
        "size": len(data),
        "padded": len(data),
        "created": 1,
        "modified": 1,
        "uid": 0,
        "gid": 0,
        "name": b"",
        "extra": b"",
    }
    set_row(image, slot, **(values | fields))
    counters = header(image)
    end = data_end(image)
    set_header(image, free=counters["free"] - 1, data_size=end - counters["data"])
    return int((values | fields)["id"])


def append_signature(
    image: bytearray,
    data: bytes,
    *,
    entity: bytes = bytes(20),
    hash_type: int = layout.HASH_SHA256,
    **fields: Any,
) -> int:
    """Add a signature object over group 1, or what the fields say."""
    extra = layout.SIGNATURE_EXTRA.pack(hash_type, entity)
    linked: dict[str, Any] = {"type": DataType.SIGNATURE, "link": layout.GROUP_MASK | 1}
    return append(image, data, **(linked | {"extra": extra} | fields))


def replace_signature(image: bytearray, number: int, data: bytes) -> None:
    """Put other data into the last object, a signature."""
    fields = row(image, slot_of(image, number))
    image[fields["offset"] :] = data
    change(image, number, size=len(data), padded=len(data))


def remove(image: bytearray, number: int) -> None:
    """Take an object out of the table, as `siftool del` does; its bytes stay."""
    set_row(image, slot_of(image, number), used=0)
    set_header(image, free=header(image)["free"] + 1)


def move(image: bytearray, number: int, offset: int) -> None:
    """Write an object's data to another place and let its descriptor point there."""
    data = data_of(image, number)
    image.extend(bytes(max(offset + len(data) - len(image), 0)))
    image[offset : offset + len(data)] = data
    change(image, number, offset=offset)


def swap_rows(image: bytearray, one: int, other: int) -> None:
    """Exchange two rows of the table."""
    first, second = row(image, one), row(image, other)
    set_row(image, one, **second)
    set_row(image, other, **first)


def flip(image: bytearray, offset: int, bit: int = 1) -> None:
    image[offset] ^= bit


def flip_data(image: bytearray, number: int, at: int = 0) -> None:
    """Change a bit of an object's data; a negative position counts from its end."""
    fields = row(image, slot_of(image, number))
    flip(image, fields["offset"] + at % fields["size"])


def gap_after_header(image: bytearray) -> slice:
    return slice(layout.HEADER.size, header(image)["table"])


def gap_before(image: bytearray, number: int) -> slice:
    """Return the place between an object and what lies before it."""
    start = row(image, slot_of(image, number))["offset"]
    table = header(image)["table"] + header(image)["table_size"]
    ends = [fields["offset"] + fields["size"] for _, fields in used(image)]
    return slice(max([table, *(end for end in ends if end <= start)]), start)


def fill(image: bytearray, place: slice) -> None:
    """Fill a gap with something."""
    image[place] = b"filled! " * ((place.stop - place.start) // 8) + bytes(
        (place.stop - place.start) % 8
    )


def _place(image: bytearray, slot: int) -> int:
    return int(header(image)["table"]) + slot * _ROW
