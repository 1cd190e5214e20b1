"""Notices as files: their names, and the notices that a file holds.

A file may hold several, one after the other, as `cat` puts them together: clear-signed blocks and
Sigstore bundles, and between them remarks, lines that begin with `#`. Each notice is then taken
apart strictly and by itself. Nothing is checked here.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError
from repro_sign.fingerprint import SignerId
from repro_sign.openpgp import clearsign
from repro_sign.statements.notice import Notice, NoticeKind, from_bytes
from repro_sign.statements.signed_file import OPENPGP_ENDING, PEM_ENDING, SignedFile, take_apart
from repro_sign.strict_json import end_of_object
from repro_sign.values import dataclass

MAX_NOTICES: Final = 10_000
"""What one run heeds at most."""
_KINDS: Final = "|".join(one.value for one in NoticeKind)
_ENDINGS: Final = "|".join(map(re.escape, (OPENPGP_ENDING, PEM_ENDING)))
_ENDING: Final = re.compile(rf"\.[0-9A-Fa-f]{{16}}\.({_KINDS})({_ENDINGS})\Z")
_END_OF_BLOCK: Final = re.compile(rb"^-----END PGP SIGNATURE-----\r?(\n|\Z)", re.MULTILINE)
_BETWEEN: Final = re.compile(rb"(?:[ \t\r\n]|#[^\n]*(?:\n|\Z))*+")


@dataclass(frozen=True, slots=True)
class NoticeFile:
    """A notice taken apart. All that it says is a claim until its signature is checked.

    `name` says where it was found; `data` are its own bytes.
    """

    name: str
    data: bytes
    file: SignedFile
    notice: Notice


def notice_name(image: str, kind: NoticeKind, signer: SignerId, ending: str) -> str:
    """Return the name of a signer's notice about an image's file."""
    return f"{image}.{signer.key_id}.{kind.value}{ending}"


def is_notice_name(name: str) -> bool:
    """Whether this is the name of a notice about some image."""
    return _ENDING.search(name) is not None


def image_of(name: str) -> str:
    """Return the name of the image's file that a notice is about, by the notice's name."""
    return _ENDING.sub("", name)


def parse(name: str, data: bytes) -> tuple[NoticeFile, ...]:
    """Take all notices in a file apart.

    Raises `MalformedError` if anything else is in it, or nothing at all: an upload that failed
    looks like that. A file without notices yet has a remark.
    """
    if not data.strip():
        raise MalformedError("it is empty")
    pieces = list(_pieces(data))
    return tuple(
        _parse_one(name if len(pieces) == 1 else f"{name} ({number})", piece)
        for number, piece in enumerate(pieces, start=1)
    )


def _parse_one(name: str, data: bytes) -> NoticeFile:
    file = take_apart(Path(name), data, bundle=data.startswith(b"{"))
    return NoticeFile(name, data, file, from_bytes(file.text))


def _pieces(data: bytes) -> Iterator[bytes]:
    """Split a file where one notice ends and the next begins."""
    start = _next(data, 0)
    count = 0
    while start < len(data):
        if data.startswith(clearsign.BEGIN, start):
            found = _END_OF_BLOCK.search(data, start)
            if found is None:
                raise MalformedError("the clear-signed block is incomplete")
            end = found.end()
        elif data.startswith(b"{", start):
            end = end_of_object(data, start, "the Sigstore bundle")
        else:
            raise MalformedError(f"what stands at byte {start} is neither block nor bundle")
        count += 1
        if count > MAX_NOTICES:
            raise MalformedError(f"it holds more than {MAX_NOTICES} notices", code="too-large")
        yield data[start:end]
        start = _next(data, end)


def _next(data: bytes, start: int) -> int:
    """Return where the next notice begins, or where the file ends."""
    found = _BETWEEN.match(data, start)
    return found.end() if found else start
