"""Gather notices about images: those beside an image, and those that the caller names.

Which image a notice is about is read before its signature is checked, since that only decides
whether it has to be checked. What it says of that image is used after that, and only if the
holder of the key made it.
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, NoAnswerError, RefusedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.known_keys import KnownKeys
from repro_sign.statements import notice_files, signed_file
from repro_sign.statements.notice_files import MAX_NOTICES, NoticeFile
from repro_sign.system.files import read_small
from repro_sign.system.folder_names import names_in, names_that_begin
from repro_sign.trust.evidence import NoticeEvidence
from repro_sign.values import dataclass

MAX_NOTICE_FILE_BYTES: Final = 32 << 20
"""What is read of all that the caller names together: 10,000 notices of usual size."""
_MAX_BESIDE_BYTES: Final = 8 << 20
"""What is read of all notices beside an image: whoever hosts it can put files there."""
_MAX_BESIDE: Final = 64
_WHAT: Final = "set of notices"


@dataclass(frozen=True, slots=True)
class Notices:
    """Notices that were found, about any image; `problems` says what could not be read."""

    found: tuple[NoticeFile, ...] = ()
    problems: tuple[str, ...] = ()


def about(identity: Digest, groups: Collection[Digest], *sets: Notices) -> tuple[NoticeFile, ...]:
    """Return the notices that say that they are about an image, each once."""
    return _each_once(
        one for notices in sets for one in notices.found if one.notice.is_about(identity, groups)
    )


class _Reading:
    """Reads notices until there are too many, or too many bytes of them."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = self._room = max_bytes
        self._found: list[NoticeFile] = []
        self._problems: list[str] = []

    @property
    def result(self) -> Notices:
        """All that was read so far, and what could not be."""
        return Notices(_each_once(self._found), tuple(self._problems))

    def unread(self, message: str) -> None:
        """Note what could not be read."""
        self._problems.append(f"notices can't be read: {message}")

    def source(self, source: str) -> None:
        """Read a file, a folder, or what an address gives."""
        if "://" in source:
            from repro_sign import web  # only who names an address waits for it

            self._read(source, lambda room: web.get(source, "the notices", room))
        elif os.path.isdir(source):
            self.folder(Path(source))
        else:
            self.file(Path(source), source)

    def folder(self, folder: Path) -> None:
        """Read all files in a folder that have a notice's name."""
        try:
            names = [name for name in names_in(folder) if notice_files.is_notice_name(name)]
        except UnreadableError as error:
            self.unread(str(error))
            return
        self.files(folder, names, MAX_NOTICES)

    def files(self, folder: Path, names: Sequence[str], limit: int) -> None:
        """Read some of the files in a folder."""
        for name in names[:limit]:
            self.file(folder / name, name)
        if len(names) > limit:
            self.unread(f"{printable(str(folder))} holds more than {limit}")

    def file(self, path: Path, name: str) -> None:
        """Read a file; `name` is what the notices in it are called."""
        self._read(name, lambda room: read_small(path, room, _WHAT))

    def _read(self, name: str, read: Callable[[int], bytes]) -> None:
        try:
            data = read(self._room)
        except (MalformedError, NoAnswerError, RefusedError) as error:
            too_large = isinstance(error, MalformedError) and error.code == "too-large"
            limit = f"{printable(name)}: they are more than {self._max_bytes} bytes together"
            self.unread(limit if too_large else str(error))
            return
        self._room -= len(data)
        try:
            self._found += notice_files.parse(name, data)
        except MalformedError as error:
            self.unread(f"{printable(name)}: {error}")


def read_beside(image: Path) -> Notices:
    """Read the notices beside an image. Raises `UnreadableError` if the folder can't be read."""
    names = [
        name
        for name in names_that_begin(image.parent, image.name)
        if notice_files.is_notice_name(name) and notice_files.image_of(name) == image.name
    ]
    reading = _Reading(_MAX_BESIDE_BYTES)
    reading.files(image.parent, names, _MAX_BESIDE)
    return reading.result


def read_notices(sources: Iterable[str]) -> Notices:
    """Read the notices that the caller names: files, folders, and addresses of such files.

    Never raises for what can't be read: that is among the problems. Raises `UsageError` for an
    address that is never asked.
    """
    reading = _Reading(MAX_NOTICE_FILE_BYTES)
    for source in sources:
        reading.source(source)
    return reading.result


def examine(one: NoticeFile, known: KnownKeys, now: datetime) -> NoticeEvidence:
    """Check a notice's signature with the keys at hand."""
    checked = signed_file.check(one.file, known, now)
    finding, message = checked.finding, checked.message
    if finding.genuine and one.notice.signer.fingerprint != checked.signer:
        finding = Finding.BAD_METADATA
        message = "it names another signer than the key that signed it"
    return NoticeEvidence(
        name=one.name,
        kind=one.notice.kind,
        finding=finding,
        message=message,
        signer=checked.signer,
        claimed=checked.claimed,
        user_id=checked.user_id,
        signed_at=checked.signed_at or (one.notice.created if finding.genuine else None),
        words=one.notice.reason if finding.genuine else (),
        successor=one.notice.successor if finding.genuine else None,
    )


def _each_once(notices: Iterable[NoticeFile]) -> tuple[NoticeFile, ...]:
    return tuple({one.data.strip(): one for one in reversed(tuple(notices))}.values())[::-1]
