"""The superblock, the tables and the inodes of a squashfs, with bounds.

PySquashfsImage knows the structures and reads honest images. Here its caches and its reading of
blocks are replaced by ones that end, and that refuse what Linux refuses. Only the child process
(`child`) may import this module.
"""

import stat
from functools import lru_cache
from typing import Any, Final

from PySquashfsImage import SquashFsImage
from PySquashfsImage.const import SQUASHFS_MAGIC, SQUASHFS_METADATA_SIZE
from PySquashfsImage.structure import Superblock

from repro_sign.contents.decompression import decompressor
from repro_sign.contents.listing import Kind
from repro_sign.contents.window import Window
from repro_sign.errors import MalformedError

KINDS: Final = {
    stat.S_IFDIR: Kind.FOLDER,
    stat.S_IFREG: Kind.FILE,
    stat.S_IFLNK: Kind.LINK,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFIFO: Kind.PIPE,
    stat.S_IFSOCK: Kind.SOCKET,
}
RAW_BLOCK: Final = 1 << 24
"""Set in a data block's size where the block is not compressed."""
_MIN_BLOCK: Final = 4 << 10
_MAX_BLOCK: Final = 1 << 20
_MAX_READ: Final = 64 << 10
"""What is read of the metadata at once: names and targets of links are shorter."""
_METADATA_BLOCKS: Final = 8192
"""Kept decompressed: 64 MiB, more than the tables of most images have."""

Place = tuple[int, int]
"""Where an inode lies: the block in the inode table, and the offset in it."""


class SquashfsMetadata(SquashFsImage):  # type: ignore[misc]  # PySquashfsImage has no types
    """A squashfs without a walk over its tree. Raises all kinds of exceptions."""

    def __init__(self, window: Window) -> None:
        self._metadata = lru_cache(maxsize=_METADATA_BLOCKS)(self._read_block)
        super().__init__(window, closefd=False)

    def _inode(self, place: Place) -> Any:
        inode = self._read_inode(*place)
        if inode.header.mode & ~0o7777:
            raise MalformedError("an entry's mode is not valid")
        return inode

    def _data_block(self, start: int, size: int) -> bytes:
        """Return a block of files' content; `size` is as its table has it."""
        length = size & ~RAW_BLOCK
        if not 0 < length <= self._sblk.block_size:
            raise MalformedError("a block is larger than blocks of this file system are")
        self._fd.seek(start)
        data: bytes = self._fd.read(length)
        if size & RAW_BLOCK:
            return data
        unpacked: bytes = self._comp.uncompress(data, length, self._sblk.block_size)
        return unpacked

    # What follows takes the place of PySquashfsImage's own.

    def _initialize(self) -> None:
        self._fd.seek(0)
        one = self._sblk = Superblock.from_fd(self._fd)
        if (one.s_magic, one.s_major, one.s_minor) != (SQUASHFS_MAGIC, 4, 0):
            raise MalformedError("it is no squashfs of version 4.0")
        agree = one.block_size == 1 << min(one.block_log, 32)
        if not (agree and _MIN_BLOCK <= one.block_size <= _MAX_BLOCK):
            raise MalformedError("its block size is not valid")
        self._comp = decompressor(one.compression)
        self._read_uids_guids()
        self._read_fragment_table()

    def _read_block(self, start: int, expected: int = SQUASHFS_METADATA_SIZE) -> tuple[bytes, int]:
        """Return a block of metadata and the start of the next; none is longer than 8 KiB."""
        del expected  # 0 for a table that ends with a full block: PySquashfsImage's mistake
        data, after = super()._read_block(start, SQUASHFS_METADATA_SIZE)
        if not 0 < len(data) <= SQUASHFS_METADATA_SIZE:
            raise MalformedError("a block of metadata has a size that can't be")
        return data, after

    def _read_metadata(
        self, hash_table: Any, block: int, offset: int, length: int
    ) -> tuple[bytes, int, int]:
        """Read across blocks of metadata; return the bytes, and where they end."""
        del hash_table
        if length > _MAX_READ:
            raise MalformedError("a name, a link's target or an attribute is too long")
        parts = []
        while True:
            data, following = self._metadata(block)
            if offset > len(data):
                raise MalformedError("it points outside of a block")
            part = data[offset : offset + length]
            parts.append(part)
            length -= len(part)
            if not length:
                return b"".join(parts), block, offset + len(part)
            block, offset = following, 0
