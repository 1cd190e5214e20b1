"""Steps that change a draft of an image; a case is made of them."""

from collections.abc import Callable
from typing import Any, Final

from repro_sign.sif import layout
from tests.corpus import surgery
from tests.corpus.signatures import (
    Draft,
    Step,
    same,
)


def head(**fields: Any) -> Step:
    """Set header fields."""
    return lambda draft: surgery.set_header(draft.image, **fields)


def obj(number: int, **fields: Any) -> Step:
    """Set descriptor fields of an object."""
    return lambda draft: surgery.change(draft.image, number, **fields)


def cut(function: Callable[[bytearray], Any]) -> Step:
    """Change the image's bytes by a function."""

    def step(draft: Draft) -> None:
        function(draft.image)

    return step


def truncated(size: Callable[[bytearray], int] | int) -> Step:
    def step(draft: Draft) -> None:
        del draft.image[size if isinstance(size, int) else size(draft.image) :]

    return step


def end_of(number: int) -> Callable[[bytearray], int]:
    def place(image: bytearray) -> int:
        fields = surgery.row(image, surgery.slot_of(image, number))
        return int(fields["offset"] + fields["size"])

    return place


def start_of(number: int) -> Callable[[bytearray], int]:
    return lambda image: int(surgery.row(image, surgery.slot_of(image, number))["offset"])


def add(data: bytes = b"data", **fields: Any) -> Step:
    return lambda draft: void(surgery.append(draft.image, data, **fields))


def add_signature(data: bytes, **fields: Any) -> Step:
    return lambda draft: void(surgery.append_signature(draft.image, data, **fields))


def copied(number: int, *, change: Callable[[bytes], bytes] = same, **fields: Any) -> Step:
    """Add a second signature object with the same data, or a changed one."""

    def step(draft: Draft) -> None:
        entity = bytes.fromhex(draft.keys.fingerprints["ada"])
        data = change(surgery.data_of(draft.image, number))
        surgery.append_signature(draft.image, data, entity=entity, **fields)

    return step


def entity(fingerprint: Callable[[bytes], bytes]) -> Step:
    """Change the 256 octets in Ada's signature's descriptor that name the signer."""

    def step(draft: Draft) -> None:
        extra = surgery.row(draft.image, 3)["extra"]
        kind, name = layout.SIGNATURE_EXTRA.unpack_from(extra)
        packed = layout.SIGNATURE_EXTRA.pack(kind, fingerprint(name))
        surgery.set_row(draft.image, 3, extra=packed)

    return step


def hash_type(number: int, slot: int = 3) -> Step:
    def step(draft: Draft) -> None:
        extra = surgery.row(draft.image, slot)["extra"]
        surgery.set_row(draft.image, slot, extra=number.to_bytes(4, "little") + extra[4:])

    return step


def transplanted(source: str) -> Step:
    """Give the image the signature of another image instead of its own."""

    def step(draft: Draft) -> None:
        surgery.replace_signature(draft.image, 4, surgery.data_of(draft.other(source), 4))

    return step


def resigned(change: Callable[[bytes], bytes]) -> Step:
    """Change the data of the image's signature."""

    def step(draft: Draft) -> None:
        data = change(surgery.data_of(draft.image, 4))
        surgery.replace_signature(draft.image, 4, data)

    return step


def beside(name: str, change: Callable[[bytes], bytes]) -> Step:
    """Change a file beside the image."""

    def step(draft: Draft) -> None:
        draft.beside[name] = change(draft.beside[name])

    return step


def renamed(old: str, new: str) -> Step:
    def step(draft: Draft) -> None:
        draft.beside[new] = draft.beside.pop(old)

    return step


def void(_: object) -> None:
    pass


def flipped(number: int, at: int = 0) -> Step:
    """Change a bit of an object's data; a negative position counts from its end."""
    return lambda draft: surgery.flip_data(draft.image, number, at)


def removed(number: int) -> Step:
    return lambda draft: surgery.remove(draft.image, number)


def swapped(one: int, other: int) -> Step:
    """Exchange two rows of the table."""
    return lambda draft: surgery.swap_rows(draft.image, one, other)


def moved(number: int) -> Step:
    """Move an object's data to the end."""
    return lambda draft: surgery.move(draft.image, number, len(draft.image) + 512)


def adjusted(number: int, name: str, by: int) -> Step:
    """Add a number to a field of an object's descriptor."""

    def step(draft: Draft) -> None:
        fields = surgery.row(draft.image, surgery.slot_of(draft.image, number))
        surgery.change(draft.image, number, **{name: fields[name] + by})

    return step


def over_signature(number: int) -> Step:
    """Let an object's data be the first bytes of the signature."""

    def step(draft: Draft) -> None:
        place = surgery.row(draft.image, surgery.slot_of(draft.image, 4))["offset"]
        surgery.change(draft.image, number, offset=place, size=10)

    return step


def listed_twice(number: int, other: int) -> Step:
    """Repeat an object's descriptor in row 10, under another id."""

    def step(draft: Draft) -> None:
        fields = surgery.row(draft.image, surgery.slot_of(draft.image, number))
        surgery.set_row(draft.image, 10, **(fields | {"id": other}))

    return step


def copy_added(number: int) -> Step:
    """Add an object to group 1 that holds what another holds."""

    def step(draft: Draft) -> None:
        data = surgery.data_of(draft.image, number)
        surgery.append(draft.image, data, group=layout.GROUP_MASK | 1)

    return step


def replaced(data: bytes) -> Step:
    """Put other bytes in place of the whole image."""

    def step(draft: Draft) -> None:
        draft.image[:] = data

    return step


def fill_after_header(image: bytearray) -> None:
    surgery.fill(image, surgery.gap_after_header(image))


def fill_before_partition(image: bytearray) -> None:
    surgery.fill(image, surgery.gap_before(image, 3))


def _append_tail(image: bytearray) -> None:
    image.extend(b"tail")


TAIL: Final = cut(_append_tail)
