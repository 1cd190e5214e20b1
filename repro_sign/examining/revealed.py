"""Gather the reveals that lie beside an image, and check their signatures."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import KnownKeys
from repro_sign.statements import signed_file
from repro_sign.statements.reveal import from_bytes
from repro_sign.statements.signed_file import OPENPGP_ENDING, PEM_ENDING, SignedFile
from repro_sign.system.folder_names import names_that_begin
from repro_sign.trust.evidence import RevealEvidence

_MAX_BESIDE: Final = 32
_MAX_TOGETHER_BYTES: Final = 4 << 20
"""What is read of all reveals beside an image: whoever hosts it can put files there."""
_WHAT: Final = "reveal"
_ENDING: Final = re.compile(
    rf"\.[0-9A-Fa-f]{{16}}\.reveal({re.escape(OPENPGP_ENDING)}|{re.escape(PEM_ENDING)})\Z"
)


def reveal_path(image: Path, signer: SignerId, ending: str) -> Path:
    """Return where a key's half of a reveal lies."""
    return image.with_name(f"{image.name}.{signer.key_id}.reveal{ending}")


def is_reveal_name(name: str) -> bool:
    """Whether this is the name of a reveal about some image."""
    return _ENDING.search(name) is not None


def image_of(name: str) -> str:
    """Return the name of the image's file that a reveal is about, by the reveal's name."""
    return _ENDING.sub("", name)


def read_beside(image: Path) -> tuple[SignedFile, ...]:
    """Take the reveals beside an image apart, as far as together they stay in bounds.

    Raises `UnreadableError` if the folder, or one of them, can't be read.
    """
    files: list[SignedFile] = []
    room = _MAX_TOGETHER_BYTES
    for name in names_that_begin(image.parent, image.name):
        if not is_reveal_name(name) or image_of(name) != image.name:
            continue
        if room <= 0 or len(files) >= _MAX_BESIDE:
            break
        file = signed_file.read(image.with_name(name), _WHAT)
        room -= len(file.data)
        files.append(file)
    return tuple(files)


def examine(
    files: Iterable[SignedFile], known: KnownKeys, now: datetime
) -> tuple[RevealEvidence, ...]:
    """Check the signatures of reveals with the keys at hand."""
    return tuple(_examine(file, known, now) for file in files)


def _examine(file: SignedFile, known: KnownKeys, now: datetime) -> RevealEvidence:
    checked = signed_file.check(file, known, now)
    evidence = RevealEvidence(
        name=file.path.name,
        finding=checked.finding,
        message=checked.message,
        signer=checked.signer,
        user_id=checked.user_id,
    )
    if checked.finding is not Finding.GOOD:
        return evidence
    try:
        reveal = signed_file.said(file, checked.signer, from_bytes)
    except MalformedError as error:
        return RevealEvidence(file.path.name, Finding.BAD_METADATA, str(error))
    return replace(evidence, identity=reveal.identity, author=reveal.author, review=reveal.review)
