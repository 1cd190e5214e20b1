"""Walk the tree of a squashfs, distrusting every number in it.

Only the child process (`child`) may import this module.
"""

import hashlib
import stat
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from PySquashfsImage.const import SQUASHFS_INVALID_FRAG
from PySquashfsImage.structure import DirEntry, DirHeader

from repro_sign.contents.attributes import Attributes
from repro_sign.contents.listing import (
    LABELS_PATH,
    MAX_ENTRIES,
    MAX_LABELS_BYTES,
    MAX_PATH_BYTES,
    ROOT,
    Entry,
    Kind,
    Packing,
    without_build_date,
)
from repro_sign.contents.metadata import KINDS, RAW_BLOCK, Place, SquashfsMetadata
from repro_sign.contents.window import Window
from repro_sign.errors import MalformedError

_FRAGMENT_BYTES: Final = 64 << 20
"""Kept decompressed of the blocks in which small files lie together."""
_BLOCKS_AT_ONCE: Final = 4096
_MAX_ENTRIES_OF_HEADER: Final = 256
_MAX_NAME: Final = 256


class Squashfs(SquashfsMetadata):
    """A squashfs whose entries can be walked. Raises all kinds of exceptions."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._contents: dict[Place, tuple[bytes, bytes]] = {}
        self._attributes = Attributes(window, self._sblk.xattr_id_table_start, self._read_metadata)
        fragments = _FRAGMENT_BYTES // self._sblk.block_size
        self._fragment = lru_cache(maxsize=fragments)(self._data_block)

    @property
    def packing(self) -> Packing:
        """How it is packed."""
        return Packing(self._comp.name, self._sblk.block_size, self._sblk.mkfs_time)

    def entries(self) -> Iterator[Entry]:
        """Yield every entry in the order of the listing: a folder right before what is in it."""
        root, inode = self._top()
        seen, count = {root}, 1
        yield self._entry(ROOT, root, inode)
        waiting = [self._children(inode, b"")]
        while waiting:
            child = next(waiting[-1], None)
            if child is None:
                waiting.pop()
                continue
            path, place, kind = child
            inode = self._inode(place)
            count += 1
            if count > MAX_ENTRIES:
                raise MalformedError(f"it has more than {MAX_ENTRIES} entries")
            if _KIND_NUMBERS.get(kind_of_inode(inode)) != kind:
                raise MalformedError("an entry is of another kind than its folder says")
            yield self._entry(path, place, inode)
            if kind_of_inode(inode) is Kind.FOLDER:
                if place in seen:
                    raise MalformedError("a folder occurs twice in its tree")
                seen.add(place)
                waiting.append(self._children(inode, path + b"/"))

    def _top(self) -> tuple[Place, Any]:
        place: Place = (self._sblk.root_inode >> 16, self._sblk.root_inode & 0xFFFF)
        inode = self._inode(place)
        if kind_of_inode(inode) is not Kind.FOLDER:
            raise MalformedError("its root is no folder")
        return place, inode

    def _entry(self, path: bytes, place: Place, inode: Any) -> Entry:
        kind, detail, stamp, size = kind_of_inode(inode), b"-", b"-", 0
        if kind is Kind.FILE:
            size = inode.file_size
            detail, stamp = self._content(path, place, inode)
        elif kind is Kind.LINK:
            detail = inode._symlink  # noqa: SLF001 - its property wants UTF-8
            size = len(detail)
            if not detail or b"\0" in detail:
                raise MalformedError("a link's target can't be")
        elif kind in (Kind.BLOCK_DEVICE, Kind.CHARACTER_DEVICE):
            number = inode.rdev  # as Linux packs it: new_decode_dev
            major, minor = (number & 0xFFF00) >> 8, (number & 0xFF) | ((number >> 12) & 0xFFF00)
            detail = f"{major}:{minor}".encode("ascii")
        return Entry(
            path=path,
            kind=kind,
            mode=stat.S_IMODE(inode.mode),
            detail=detail,
            size=size,
            owner=f"{inode.uid}:{inode.gid}",
            time=inode.time,
            attributes=self._attributes.digest(inode.xattr),
            stamp=stamp,
        )

    def _content(self, path: bytes, place: Place, inode: Any) -> tuple[bytes, bytes]:
        """Return the SHA-256 of a file and its build date; a second name costs nothing."""
        if path == LABELS_PATH and inode.file_size <= MAX_LABELS_BYTES:
            data, stamp = without_build_date(b"".join(self._blocks(inode)))
            return hashlib.sha256(data).hexdigest().encode("ascii"), stamp
        if place not in self._contents:
            digest = hashlib.sha256()
            for block in self._blocks(inode):
                digest.update(block)
            known = digest.hexdigest().encode("ascii"), b"-"
            if getattr(inode, "nlink", 1) == 1:
                return known
            self._contents[place] = known
        return self._contents[place]

    def _blocks(self, inode: Any) -> Iterator[bytes]:
        """Yield a file's content, block by block, each of the length that it has to have."""
        block_size: int = self._sblk.block_size
        left: int = inode.file_size
        at, zeros = inode.start, bytes(block_size)
        start, offset, missing = inode.block_start, inode.block_offset, inode.blocks
        while missing:
            some = min(missing, _BLOCKS_AT_ONCE)
            data, start, offset = self._read_inode_data(start, offset, 4 * some)
            missing -= some
            for (size,) in struct.iter_unpack("<I", data):
                wanted = min(block_size, left)
                if size:
                    block = self._data_block(at, size)
                    at += size & ~RAW_BLOCK
                else:  # a hole
                    block = zeros[:wanted]
                if len(block) != wanted:
                    raise MalformedError("a block of a file is not as long as it has to be")
                left -= wanted
                yield block
        if inode.fragment != SQUASHFS_INVALID_FRAG:
            block = self._fragment(*self._read_fragment(inode.fragment))
            end = inode.offset + left
            if end > len(block):
                raise MalformedError("the end of a file lies outside of its block")
            yield block[inode.offset : end]
        elif left:
            raise MalformedError("a file has too few blocks")

    def _children(self, inode: Any, prefix: bytes) -> Iterator[tuple[bytes, Place, int]]:
        """Yield a folder's entries by the bytes of their names: path, place, kind."""
        found: dict[bytes, tuple[Place, int]] = {}
        start, offset = self._sblk.directory_table_start + inode.start, inode.offset
        left = inode.data - 3  # what counts the two entries that are not written down
        while left > 0:
            data, start, offset = self._read_directory_data(start, offset, 12)
            header = DirHeader.from_bytes(data)
            left -= 12
            if header.count >= _MAX_ENTRIES_OF_HEADER:
                raise MalformedError("a folder's list is not valid")
            for _ in range(header.count + 1):
                data, start, offset = self._read_directory_data(start, offset, 8)
                one = DirEntry.from_bytes(data)
                name, start, offset = self._read_directory_data(start, offset, one.size + 1)
                left -= 8 + len(name)
                if left < 0 or not _is_name(name) or name in found:
                    raise MalformedError("a folder's list is not valid")
                if len(prefix) + len(name) > MAX_PATH_BYTES or len(found) >= MAX_ENTRIES:
                    raise MalformedError("its folders are too deep or too long")
                found[name] = ((header.start_block, one.offset), int(one.type))
        if left < 0:
            raise MalformedError("a folder's list is not valid")
        for name in sorted(found):
            yield (prefix + name, *found[name])


_KIND_NUMBERS: Final = {
    Kind.FOLDER: 1,
    Kind.FILE: 2,
    Kind.LINK: 3,
    Kind.BLOCK_DEVICE: 4,
    Kind.CHARACTER_DEVICE: 5,
    Kind.PIPE: 6,
    Kind.SOCKET: 7,
}


def kind_of_inode(inode: Any) -> Kind:
    """Return what an inode is. Raises `KeyError` if it is nothing known."""
    return KINDS[stat.S_IFMT(inode.mode)]


def _is_name(name: bytes) -> bool:
    """Whether these bytes can be the name of a file."""
    return len(name) <= _MAX_NAME and name not in (b".", b"..") and not set(name) & {0, 0x2F}
