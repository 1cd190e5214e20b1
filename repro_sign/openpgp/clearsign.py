"""The cleartext signature framework (RFC 4880, section 7), framed strictly and by ourselves.

Parsers of other tools accept text before and after the block, further blocks, unknown headers.
Here a block is the whole input, its only header is `Hash`, and the text that is handed on is
exactly the text that was signed.
"""

import re
from collections.abc import Iterable
from typing import Final

from repro_sign.errors import MalformedError
from repro_sign.values import dataclass

BEGIN: Final = b"-----BEGIN PGP SIGNED MESSAGE-----"
_BEGIN_SIGNATURE: Final = b"-----BEGIN PGP SIGNATURE-----"
_END_SIGNATURE: Final = b"-----END PGP SIGNATURE-----"
MAX_LINES: Final = 200_000
"""A manifest of an image with 4,096 objects and 10,000 other files has fewer."""
_TO_LOOK_AT: Final = (b"\n-", b" \n", b"\t\n")
"""Lines that are dash-escaped, or should have been, or end with a blank: most texts have none."""
_HASH_HEADER = re.compile(rb"Hash: [A-Za-z0-9-]+(, ?[A-Za-z0-9-]+)*")


@dataclass(frozen=True, slots=True)
class ClearSigned:
    """A block taken apart: `text` with LF line ends and no final one, `signature` still armored."""

    text: bytes
    signature: bytes

    @property
    def canonical(self) -> bytes:
        """The bytes that a text signature is over: lines joined by CR LF, none after the last."""
        return self.text.replace(b"\n", b"\r\n")


def parse(block: bytes) -> ClearSigned:
    """Take a clear-signed block apart.

    Raises `MalformedError` if the input is anything but one block, from its first byte to its
    last (one final line end is allowed).
    """
    lines = _lines(block)
    if lines[0] != BEGIN:
        raise MalformedError("the clear-signed block does not start with its BEGIN line")
    if lines[-1] == b"":
        lines.pop()
    if lines[-1] != _END_SIGNATURE:
        raise MalformedError("something follows the clear-signed block, or its end is missing")
    try:
        blank = lines.index(b"")
        start = lines.index(_BEGIN_SIGNATURE)
    except ValueError as error:
        raise MalformedError("the clear-signed block is incomplete") from error
    if start < blank:
        raise MalformedError("the clear-signed block has no text")
    for header in lines[1:blank]:
        if not _HASH_HEADER.fullmatch(header):
            raise MalformedError("the clear-signed block has a header other than Hash")
    text = lines[blank + 1 : start]
    if _has_any(b"\n".join([b"", *text, b""]), _TO_LOOK_AT):
        text = [_undo_dash(line) for line in text]
    signature = lines[start:]
    if any(line.startswith(b"-") for line in signature[1:-1]):
        raise MalformedError("the clear-signed block holds more than one signature block")
    return ClearSigned(b"\n".join(text), b"\n".join(signature) + b"\n")


def _lines(block: bytes) -> list[bytes]:
    if block.count(b"\n") > MAX_LINES:
        raise MalformedError(f"the clear-signed block has more than {MAX_LINES} lines")
    block = block.replace(b"\r\n", b"\n")
    if b"\r" in block:
        raise MalformedError("the clear-signed block has a bare carriage return")
    return block.split(b"\n")


def frame(text: bytes, signature: bytes, hash_name: str) -> bytes:
    """Put text and armored text signature together, without a final line end (as upstream does).

    The text may have no trailing blanks on any line: they would not be signed.
    """
    lines = text.split(b"\n")
    if any(line != line.rstrip(b" \t\r") for line in lines):
        raise ValueError("a line of the text ends with a blank")
    escaped = [b"- " + line if line.startswith(b"-") else line for line in lines]
    head = [BEGIN, b"Hash: " + hash_name.encode(), b""]
    return b"\n".join([*head, *escaped, signature.replace(b"\r\n", b"\n").rstrip(b"\n")])


def _has_any(text: bytes, parts: Iterable[bytes]) -> bool:
    return any(part in text for part in parts)


def _undo_dash(line: bytes) -> bytes:
    if line.startswith(b"- "):
        line = line[2:]
    elif line.startswith(b"-"):
        raise MalformedError("the clear-signed text has a line that starts with a bare dash")
    if line != line.rstrip(b" \t"):
        raise MalformedError("the clear-signed text has a line that ends with a blank")
    return line
