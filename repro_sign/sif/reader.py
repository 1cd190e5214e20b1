"""Read a SIF file's header and descriptors, distrusting every number in it.

An `OpenImage` is one open file: all reads go through it, so that the bytes that are hashed are
the bytes that were described.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

from repro_sign.errors import MalformedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.sif import layout
from repro_sign.sif.layout import DataType
from repro_sign.system.files import file_state, open_regular, read_exactly
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Header:
    """The global header (SIF reference, section 1.1). Times are Unix seconds as stored."""

    launch: bytes
    arch: bytes
    uuid: bytes
    created: int
    modified: int
    descriptors_free: int
    descriptors_total: int
    descriptors_offset: int
    descriptors_size: int
    data_offset: int
    data_size: int


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One used row of the descriptor table (SIF reference, section 1.2).

    `slot` is its place in the table, from 0; `raw` its 585 bytes.
    """

    slot: int
    raw: bytes
    data_type: int
    id: int
    group_raw: int
    link: int
    offset: int
    size: int
    created: int
    modified: int
    uid: int
    gid: int
    name: bytes
    extra: bytes

    @property
    def group(self) -> int:
        """The group's number; 0 means that the object is in no group."""
        return self.group_raw & ~layout.GROUP_MASK

    @property
    def linked_group(self) -> int | None:
        """The number of the group that this object is linked to, if it is linked to a group."""
        if self.link & layout.GROUP_MASK == layout.GROUP_MASK and self.link != layout.NO_GROUP:
            return self.link & ~layout.GROUP_MASK
        return None

    @property
    def end(self) -> int:
        """The offset of the first byte after the object's data."""
        return self.offset + self.size

    @property
    def is_signature(self) -> bool:
        """Whether the object says that it is a signature."""
        return self.data_type == DataType.SIGNATURE

    @property
    def label(self) -> str:
        """The object's name as text, without its padding; hostile until escaped."""
        return self.name.rstrip(b"\0").decode("utf-8", "replace")

    @property
    def kind(self) -> str:
        """What the object is, in words: `partition (squashfs, primary system)`."""
        try:
            word = layout.DATA_TYPE_NAMES[DataType(self.data_type)]
        except ValueError:
            return f"unknown type {self.data_type:#x}"
        if self.data_type != DataType.PARTITION:
            return word
        file_system, part, _ = layout.PARTITION_EXTRA.unpack_from(self.extra)
        system = layout.FILE_SYSTEMS.get(file_system, f"file system {file_system}")
        role = layout.PARTITION_TYPES.get(part, f"partition type {part}")
        return f"{word} ({system}, {role})"


class OpenImage:
    """A SIF file that is open for reading (or, for the writer, for both)."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.fd = descriptor
        self.state = file_state(descriptor)
        self.header, self._table, self.objects = _parse(self)

    @property
    def size(self) -> int:
        """The file's size in bytes when it was opened."""
        return self.state.size

    @cached_property
    def signatures(self) -> tuple[Descriptor, ...]:
        """The signature objects, in table order."""
        return tuple(one for one in self.objects if one.is_signature)

    @cached_property
    def groups(self) -> Mapping[int, tuple[Descriptor, ...]]:
        """Each group's objects in id order, by ascending group number.

        Signature objects are in no group, save some of old tools: those count as members, as
        they do upstream.
        """
        members: dict[int, list[Descriptor]] = {}
        for one in self.objects:
            if one.group:
                members.setdefault(one.group, []).append(one)
        return MappingProxyType(
            {
                group: tuple(sorted(members[group], key=lambda member: member.id))
                for group in sorted(members)
            }
        )

    @property
    def data_end(self) -> int:
        """The end of the furthest object; what lies after it belongs to nothing."""
        table_end = self.header.descriptors_offset + self.header.descriptors_size
        return max([one.end for one in self.objects], default=max(table_end, 0))

    def gaps(self) -> tuple[tuple[int, int], ...]:
        """Return offset and length of each stretch before the last object that is nobody's."""
        header = self.header
        taken = [(0, layout.HEADER.size), (header.descriptors_offset, header.descriptors_size)]
        taken += [(one.offset, one.size) for one in self.objects if one.size]
        found, position = [], 0
        for start, size in sorted(taken):
            if start > position:
                found.append((position, start - position))
            position = max(position, start + size)
        return tuple(found)

    def read_at(self, offset: int, length: int, what: str) -> bytes:
        """Return exactly `length` bytes at `offset`; `what` names them in errors.

        Raises `MalformedError` if they lie outside the file, `UnreadableError` if the file
        can't be read or has become shorter.
        """
        if offset < 0 or length < 0 or offset + length > self.size:
            raise MalformedError(
                f"{what} lies outside the file: offset {offset}, length {length},"
                f" file size {self.size}",
                code="out-of-file",
            )
        return read_exactly(self.fd, offset, length, self.path)

    def object_data(self, one: Descriptor, *, limit: int = layout.MAX_DOCUMENT_BYTES) -> bytes:
        """Return an object's data, which must not be longer than `limit` bytes."""
        if one.size > limit:
            raise MalformedError(
                f"object {one.id} ({one.kind}) has {one.size} bytes; at most {limit} are read",
                code="too-large",
            )
        return self.read_at(one.offset, one.size, f"object {one.id}")

    def row(self, slot: int) -> bytes:
        """Return a row of the descriptor table as it was when the image was opened."""
        start = slot * layout.DESCRIPTOR.size
        return self._table[start : start + layout.DESCRIPTOR.size]

    def unchanged(self) -> bool:
        """Whether device, inode, size and change time are what they were at the start."""
        return file_state(self.fd) == self.state


@contextmanager
def open_image(path: Path) -> Iterator[OpenImage]:
    """Open `path` for reading only and parse it.

    Raises `UnreadableError` if it can't be opened or is not a regular file, `MalformedError`
    if it is not a SIF file or breaks the format's rules.
    """
    descriptor = open_regular(path, os.O_RDONLY)
    try:
        yield OpenImage(path, descriptor)
    finally:
        os.close(descriptor)


def named_error(path: Path, error: MalformedError) -> MalformedError:
    """Return the same error with the file's name in it, where no report names the file."""
    return MalformedError(f"{printable(str(path))}: {error}", code=error.code, hint=error.hint)


def looks_like_sif(path: Path) -> bool:
    """Whether the file starts as SIF files do; False also when it can't be read."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except UnreadableError:
        return False
    try:
        start = os.read(descriptor, layout.HEADER.size)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return start[layout.MAGIC_OFFSET :].startswith(layout.MAGIC)


def _parse(image: OpenImage) -> tuple[Header, bytes, tuple[Descriptor, ...]]:
    """Read header and table; bounds are checked before anything is believed."""
    header = _parse_header(image)
    table = image.read_at(header.descriptors_offset, header.descriptors_size, "descriptor table")
    objects = tuple(
        _parse_descriptor(image, slot, table[start : start + layout.DESCRIPTOR.size])
        for slot, start in enumerate(range(0, len(table), layout.DESCRIPTOR.size))
        if table[start + layout.DESCRIPTOR_USED_OFFSET]
    )
    _check_ids(objects)
    _check_signatures(objects)
    _check_overlaps(header, objects)
    return header, table, objects


def _parse_header(image: OpenImage) -> Header:
    if image.size < layout.MAGIC_OFFSET + len(layout.MAGIC):
        raise MalformedError("not a SIF file (shorter than its header)", code="not-sif")
    start = image.read_at(0, min(layout.HEADER.size, image.size), "header")
    if start[layout.MAGIC_OFFSET :][: len(layout.MAGIC)] != layout.MAGIC:
        raise MalformedError("not a SIF file (its magic word is missing)", code="not-sif")
    if len(start) < layout.HEADER.size:
        raise MalformedError(f"the header is cut: the file has {image.size} bytes")
    launch, _, version, arch, uuid, *numbers = layout.HEADER.unpack(start)
    if version != layout.VERSION:
        raise MalformedError(
            f"SIF version {printable(version.decode('latin-1'))} is not supported (only 01 is)",
            code="unsupported-version",
        )
    header = Header(launch, arch, uuid, *numbers)
    total = header.descriptors_total
    if not 0 <= total <= layout.MAX_DESCRIPTORS:
        raise MalformedError(
            f"the header claims {total} descriptors; 0 to {layout.MAX_DESCRIPTORS} are accepted",
            code="absurd-count",
        )
    if header.descriptors_size != total * layout.DESCRIPTOR.size:
        raise MalformedError(
            f"the descriptor table of {total} rows claims {header.descriptors_size} bytes"
            f" in place of {total * layout.DESCRIPTOR.size}"
        )
    if header.descriptors_offset < layout.HEADER.size:
        raise MalformedError("the descriptor table overlaps the header", code="overlap")
    return header


def _parse_descriptor(image: OpenImage, slot: int, raw: bytes) -> Descriptor:
    data_type, used, number, group, _, offset, size, *_ = layout.DESCRIPTOR.unpack(raw)
    where = f"descriptor {number} (row {slot})"
    if used != 1:
        raise MalformedError(f"{where}: its used flag is {used}, neither 0 nor 1")
    if number == 0:
        raise MalformedError(f"{where}: an object may not have the id 0")
    if group & layout.GROUP_MASK != layout.GROUP_MASK:
        raise MalformedError(f"{where}: group id {group:#x} lacks the group mask")
    if offset < 0 or size < 0 or offset + size > image.size:
        raise MalformedError(
            f"{where}: its data lies outside the file (offset {offset}, size {size},"
            f" file size {image.size})",
            code="out-of-file",
        )
    if data_type == DataType.SIGNATURE and size > layout.MAX_SIGNATURE_BYTES:
        raise MalformedError(
            f"{where}: a signature of {size} bytes; at most {layout.MAX_SIGNATURE_BYTES} are read",
            code="too-large",
        )
    return unpack_descriptor(slot, raw)


def unpack_descriptor(slot: int, raw: bytes) -> Descriptor:
    """Give names to the fields of a descriptor, checking none."""
    data_type, _, number, group, link, offset, size, _, *rest = layout.DESCRIPTOR.unpack(raw)
    return Descriptor(slot, raw, data_type, number, group, link, offset, size, *rest)


def _check_ids(objects: tuple[Descriptor, ...]) -> None:
    seen: set[int] = set()
    for one in objects:
        if one.id in seen:
            raise MalformedError(f"two objects have the id {one.id}", code="duplicate-id")
        seen.add(one.id)
        if one.group == 0 and not one.is_signature:
            raise MalformedError(
                f"object {one.id} ({one.kind}) is in no group, so nothing could sign it",
                code="no-group",
            )


def _check_signatures(objects: tuple[Descriptor, ...]) -> None:
    together = sum(one.size for one in objects if one.is_signature)
    if together > layout.MAX_SIGNATURES_BYTES:
        raise MalformedError(
            f"signatures of {together} bytes together; at most"
            f" {layout.MAX_SIGNATURES_BYTES} are read",
            code="too-large",
        )


def _check_overlaps(header: Header, objects: tuple[Descriptor, ...]) -> None:
    """No two ranges may share a byte: header, table, each object's data."""
    table_end = header.descriptors_offset + header.descriptors_size
    ranges = [
        (0, layout.HEADER.size, "the header"),
        (header.descriptors_offset, table_end, "the descriptor table"),
    ]
    ranges += [(one.offset, one.end, f"object {one.id}") for one in objects if one.size]
    ranges.sort()
    for (_, end, earlier), (start, _, later) in pairwise(ranges):
        if start < end:
            raise MalformedError(f"{later} overlaps {earlier}", code="overlap")
