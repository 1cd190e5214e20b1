"""A stretch of an open file as a file by itself: nothing outside of it can be read."""

import os

from repro_sign.errors import MalformedError


class Window:
    """The bytes of a file from `offset` on, `size` of them."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._size = size
        self._position = 0

    def seek(self, position: int) -> None:
        """Go to a position; whether it lies inside is asked when reading."""
        self._position = position

    def read(self, length: int) -> bytes:
        """Return exactly `length` bytes. Raises `MalformedError` if they are not there."""
        start = self._position
        if start < 0 or length < 0 or start + length > self._size:
            raise MalformedError("it points outside of itself")
        self._position += length
        parts = []
        if not hasattr(os, "pread"):
            os.lseek(self._descriptor, self._offset + start, os.SEEK_SET)
        while length:
            if hasattr(os, "pread"):
                at = self._offset + self._position - length
                part = os.pread(self._descriptor, length, at)
            else:
                part = os.read(self._descriptor, length)
            if not part:
                raise MalformedError("it is cut short")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)
