"""Extended attributes of a squashfs, which PySquashfsImage finds and does not read."""

import hashlib
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from PySquashfsImage.const import SQUASHFS_INVALID_BLK, SQUASHFS_INVALID_XATTR

from repro_sign.contents.window import Window
from repro_sign.errors import MalformedError

ReadMetadata = Callable[[None, int, int, int], tuple[bytes, int, int]]
"""Given block, offset and length: the bytes, and block and offset after them."""
_PREFIXES: Final = {0: b"user.", 1: b"trusted.", 2: b"security."}
_ELSEWHERE: Final = 0x100
"""Set in the kind of an attribute whose value is a reference to one that lies elsewhere."""
_MAX_ATTRIBUTES: Final = 4096
_IDS_IN_A_BLOCK: Final = 512


class Attributes:
    """The attribute table of a squashfs; `start` is where its superblock says that it lies."""

    def __init__(self, window: Window, start: int, read: ReadMetadata) -> None:
        self._window = window
        self._read = read
        self._table = start
        self._first, self._count = 0, 0
        self._digest = lru_cache(maxsize=4096)(self._compute)
        if start != SQUASHFS_INVALID_BLK:
            window.seek(start)
            self._first, self._count = struct.unpack("<QI", window.read(12))

    def digest(self, number: int) -> str:
        """Return the SHA-256 of a set of attributes, sorted by name; `-` where there is none."""
        if number == SQUASHFS_INVALID_XATTR or self._table == SQUASHFS_INVALID_BLK:
            return "-"
        return self._digest(number)

    def _compute(self, number: int) -> str:
        block, offset, count = self._list(number)
        found: dict[bytes, bytes] = {}
        for _ in range(count):
            data, block, offset = self._read(None, block, offset, 4)
            kind, length = struct.unpack("<HH", data)
            name, block, offset = self._read(None, block, offset, length)
            value, block, offset = self._value(block, offset)
            if kind & _ELSEWHERE:
                (there,) = struct.unpack("<Q", value)
                value, _, _ = self._value(self._first + (there >> 16), there & 0xFFFF)
            found[_PREFIXES[kind & 0xFF] + name] = value
        digest = hashlib.sha256()
        for name, value in sorted(found.items()):
            digest.update(struct.pack("<II", len(name), len(value)) + name + value)
        return digest.hexdigest()

    def _value(self, block: int, offset: int) -> tuple[bytes, int, int]:
        data, block, offset = self._read(None, block, offset, 4)
        return self._read(None, block, offset, int.from_bytes(data, "little"))

    def _list(self, number: int) -> tuple[int, int, int]:
        """Return the block and offset where a set begins, and how many attributes it has."""
        if number >= self._count:
            raise MalformedError("an entry's attributes are not there")
        self._window.seek(self._table + 16 + 8 * (number // _IDS_IN_A_BLOCK))
        (block,) = struct.unpack("<Q", self._window.read(8))
        data, _, _ = self._read(None, block, 16 * (number % _IDS_IN_A_BLOCK), 16)
        reference, count, _ = struct.unpack("<QII", data)
        if count > _MAX_ATTRIBUTES:
            raise MalformedError("an entry has too many attributes")
        return self._first + (reference >> 16), reference & 0xFFFF, count
