"""The digests by which git names what it keeps: of a kind, a length and the content (gitformat)."""

import hashlib
import os
from pathlib import Path
from typing import Final

from repro_sign.system.files import open_regular

_PIECE: Final = 1 << 20


def object_digest(kind: bytes, content: bytes, algorithm: str = "sha1") -> bytes:
    """Return the digest that names an object of a kind (`blob`, `tree`, `commit`)."""
    head = b"%s %d\0" % (kind, len(content))
    return hashlib.new(algorithm, head + content, usedforsecurity=False).digest()


def file_digest(path: Path, algorithm: str = "sha1") -> bytes:
    """Return the digest that names a regular file's content; a link is not followed.

    Raises `UnreadableError` or `OSError`.
    """
    descriptor = open_regular(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with open(descriptor, "rb") as file:
        digest = GrowingDigest(os.fstat(descriptor).st_size, algorithm)
        while piece := file.read(_PIECE):
            digest.update(piece)
    return bytes.fromhex(digest.hex())


class GrowingDigest:
    """The digest that names a file's content, of which the size is known before."""

    def __init__(self, size: int, algorithm: str = "sha1") -> None:
        self._digest = hashlib.new(algorithm, b"blob %d\0" % size, usedforsecurity=False)

    def update(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(piece)

    def hex(self) -> str:
        """Return the digest of all that came."""
        return self._digest.hexdigest()
