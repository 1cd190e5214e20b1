"""Decompression with an end: no block of a squashfs may become larger than the format allows.

PySquashfsImage's own decompressors have no limit (260 kB become 256 MB), and the one for LZ4 reads
another form of it than squashfs has. These take their places.
"""

import lzma
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from PySquashfsImage.compressor import Compressor
from PySquashfsImage.const import Compression

from repro_sign.errors import MalformedError, NoAnswerError


class _Bounded(Compressor, ABC):  # type: ignore[misc]  # PySquashfsImage has no types
    """What all have in common: no more bytes come out than the caller said."""

    def uncompress(self, src: bytes, size: int, outsize: int) -> bytes:
        """Return the decompressed block. Raises `MalformedError` if it is too long."""
        del size
        data = self._decompress(src, outsize + 1)
        if len(data) > outsize:
            raise MalformedError("a block is larger than blocks of this file system are")
        return data

    @abstractmethod
    def _decompress(self, source: bytes, limit: int) -> bytes:
        """Return the block; of one that is too long, no more than `limit` bytes."""


def _read_through(one: Any, source: bytes, limit: int) -> bytes:
    """Let a decompressor of the standard library read a block; `zlib` does not name its type."""
    data: bytes = one.decompress(source, limit)
    if len(data) < limit and not one.eof:
        raise MalformedError("a block is cut short")
    return data


class _Zlib(_Bounded):
    name = "gzip"

    def _decompress(self, source: bytes, limit: int) -> bytes:
        return _read_through(zlib.decompressobj(), source, limit)


class _Xz(_Bounded):
    name = "xz"

    def _decompress(self, source: bytes, limit: int) -> bytes:
        one = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        return _read_through(one, source, limit)


class _Zstd(_Bounded):
    name = "zstd"

    def __init__(self) -> None:
        import zstandard

        self._size_of = zstandard.frame_content_size
        self._zstd = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)

    def _decompress(self, source: bytes, limit: int) -> bytes:
        if self._size_of(source) > limit:  # it would be allocated, whatever limit is given
            raise MalformedError("a block is larger than blocks of this file system are")
        return self._zstd.decompress(source, max_output_size=limit)


class _Lz4(_Bounded):
    name = "lz4"

    def __init__(self) -> None:
        import lz4.block

        self._lz4 = lz4.block

    def _decompress(self, source: bytes, limit: int) -> bytes:
        data: bytes = self._lz4.decompress(source, uncompressed_size=limit)
        return data


_XZ_MEMORY: Final = 64 << 20
_ZSTD_WINDOW: Final = 8 << 20
"""Blocks have at most 1 MiB, so honest ones need less."""
_KINDS: Final[Mapping[int, Callable[[], Any]]] = {
    Compression.ZLIB: _Zlib,
    Compression.XZ: _Xz,
    Compression.ZSTD: _Zstd,
    Compression.LZ4: _Lz4,
}


def decompressor(number: int) -> Any:
    """Return the decompressor of a squashfs, by the number in its superblock.

    Raises `NoAnswerError` if this installation has none for it.
    """
    kind = _KINDS.get(number)
    if kind is None:
        name = Compression(number).name.lower() if number in set(Compression) else str(number)
        raise NoAnswerError(f"its compression ({name}) can't be read here")
    try:
        return kind()
    except ImportError as error:
        raise NoAnswerError(
            f"its compression ({error.name}) needs another library:"
            " pip install 'repro-sign[compression]'"
        ) from error
