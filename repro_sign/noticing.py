"""Use case: say, signed, that an image is withdrawn, or that another one came in its place."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.examining import beside, comparison, integrity, noticed
from repro_sign.examining.comparison import ImageFacts
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.hashing import Progress
from repro_sign.known_keys import KnownKeys
from repro_sign.sealing import Sealer
from repro_sign.sif.metadata import group_digests
from repro_sign.sif.reader import OpenImage, named_error, open_image
from repro_sign.statements import notice_files
from repro_sign.statements.notice import (
    MAX_REASON_LINES,
    Notice,
    NoticeKind,
    Successor,
    to_bytes,
)
from repro_sign.statements.statement import Subject, check_name
from repro_sign.statements.statement_writing import seal, signer_record
from repro_sign.system.durable import locked_folder, write_file
from repro_sign.system.files import read_if_there
from repro_sign.times import utc_now
from repro_sign.trust.evidence import ImageEvidence
from repro_sign.trust.judge import judge
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.voices import voices_by_object
from repro_sign.values import dataclass

MAX_REASON_LINE: Final = 2000
"""So many characters of a line are shown to readers."""


@dataclass(frozen=True, slots=True)
class NoticeRequest:
    """What to say. `reason` is lines of text; with a `successor` the image is superseded by it.

    The notice is written into `folder`, or beside the image. `confirm` is called with what is
    about to be signed, and may raise.
    """

    reason: tuple[str, ...] = ()
    successor: Path | None = None
    folder: Path | None = None
    confirm: Callable[[Notice], None] = lambda _: None
    progress: Progress | None = None
    now: Callable[[], datetime] = utc_now

    @property
    def kind(self) -> NoticeKind:
        """What it says of the image."""
        return NoticeKind.SUPERSEDED if self.successor else NoticeKind.WITHDRAWN


@dataclass(frozen=True, slots=True)
class NoticeReport:
    """What was done: the notice, its file, and False where that said the same before."""

    path: Path
    notice: Notice
    file: Path
    written: bool


@dataclass(frozen=True, slots=True)
class _Examined:
    """An image that the signer has signed, and what there is to say of it."""

    facts: ImageFacts
    groups: tuple[Digest, ...]
    evidence: ImageEvidence

    @property
    def identity(self) -> Digest:
        return self.facts.record.identity

    @property
    def subject(self) -> Subject:
        return Subject(self.facts.name, self.facts.sha256, self.facts.blake3)


def write_notice(path: Path, sealer: Sealer, request: NoticeRequest) -> NoticeReport:
    """Write a signed notice about an image, unless one that says the same is there.

    A file that holds other notices keeps them: the new one is put after them. Raises
    `RefusedError` where the notice would have no force, or can't be written, `UsageError` for a
    reason that can't be.
    """
    reason = check_reason(request.reason, request.kind)
    old = _examine(path, sealer, request)
    notice = Notice(
        subject=old.subject,
        kind=request.kind,
        identity=old.identity,
        groups=old.groups,
        reason=reason,
        successor=_successor(path, old, sealer, request),
        signer=signer_record(sealer),
        created=request.now(),
    )
    name = notice_files.notice_name(path.name, notice.kind, sealer.signer, sealer.ending)
    file = (request.folder or path.parent) / name
    if any(_says_the_same(one, notice) for one in _there(file, sealer.known, request.now())):
        return NoticeReport(path, notice, file, written=False)
    request.confirm(notice)
    block = seal(file, to_bytes(notice), sealer, request.now, "notice")
    with locked_folder(file.parent):
        before = read_if_there(file, noticed.MAX_NOTICE_FILE_BYTES, "set of notices") or b""
        between = b"\n" if before and not before.endswith(b"\n") else b""
        write_file(file, before + between + block)
    return NoticeReport(path, notice, file, written=True)


def check_reason(lines: tuple[str, ...], kind: NoticeKind) -> tuple[str, ...]:
    """Return a reason without blank lines around it and blanks at the ends of its lines.

    Raises `UsageError` for one that says nothing, or too much to be shown.
    """
    stripped = "\n".join(line.rstrip() for line in lines).strip("\n")
    reason = tuple(stripped.split("\n")) if stripped else ()
    if not reason and kind is NoticeKind.WITHDRAWN:
        raise UsageError(
            "the reason is empty", hint="say in your own words why nobody should use the image"
        )
    if len(reason) > MAX_REASON_LINES or any(len(line) > MAX_REASON_LINE for line in reason):
        raise UsageError(
            f"a reason has at most {MAX_REASON_LINES} lines of {MAX_REASON_LINE} characters",
            hint="say the main thing, and where readers find the rest",
        )
    return reason


def _examine(path: Path, sealer: Sealer, request: NoticeRequest) -> _Examined:
    """Read an image that this key has signed, as it was signed."""
    try:
        check_name(path.name)
    except ValueError as error:
        raise RefusedError(
            f"{printable(path.name)} is no name that a notice may carry",
            hint="rename the file: no back-slashes or invisible characters",
        ) from error
    try:
        with open_image(path) as image:
            return _examine_open(image, sealer, request)
    except MalformedError as error:
        raise named_error(path, error) from error


def _examine_open(image: OpenImage, sealer: Sealer, request: NoticeRequest) -> _Examined:
    signatures = integrity.read_signatures(image)
    digests = integrity.hash_image(image, signatures, progress=request.progress)
    facts, groups = comparison.facts_of(image, digests), group_digests(image, digests.ranges)
    known, now = sealer.known, request.now()
    evidence = ImageEvidence(
        name=image.path.name,
        objects=frozenset(one.id for one in image.objects if one.group),
        signatures=integrity.examine(image, signatures, digests.ranges, known, now),
        manifests=tuple(
            beside.examine_manifest(file, facts, known, now)
            for file in beside.read_manifests(image.path)
        ),
        notices=tuple(
            noticed.examine(one, known, now)
            for one in noticed.about(facts.record.identity, groups, noticed.read_beside(image.path))
        ),
        digests=digests.whole,
        identity=facts.record.identity,
    )
    _demand_signed(image.path, evidence, sealer.signer)
    return _Examined(facts, groups, evidence)


def _demand_signed(path: Path, evidence: ImageEvidence, signer: SignerId) -> None:
    """Refuse an image that this key has not signed, or one that was changed since."""
    shown = printable(str(path))
    for one in evidence.signatures:
        if one.signer == signer and one.finding.disagrees:
            raise RefusedError(
                f"{shown} bears your signature {one.object_id}, which does not hold: {one.message}",
                hint="a notice about this file would miss the one that you signed: take that one",
            )
    if signer not in {one.signer for voices in voices_by_object(evidence) for one in voices}:
        raise RefusedError(
            f"{shown} is not signed by {signer.grouped()}, so a notice by this key has no force",
            hint=f"name the key that signed it (--key), or sign it first: repro-sign sign {shown}",
        )


def _successor(
    path: Path, old: _Examined, sealer: Sealer, request: NoticeRequest
) -> Successor | None:
    if request.successor is None:
        return None
    new, shown = _examine(request.successor, sealer, request), printable(str(request.successor))
    if new.identity == old.identity:
        raise RefusedError(
            f"{shown} and {printable(str(path))} are one image: they differ in signatures at most",
            hint="name the image that came in its place",
        )
    verdict = judge(new.evidence, TrustPolicy({sealer.signer: "it signs the notice"}))
    if not verdict:
        raise RefusedError(
            f"{shown} is no successor, readers would find it {verdict.word}:"
            f" {printable(verdict.reasons[0].message)}",
            hint=f"mend that first; to see all of it: repro-sign verify {shown}",
        )
    return Successor(new.facts.name, new.identity, new.facts.sha256)


def _there(file: Path, known: KnownKeys, now: datetime) -> list[Notice]:
    """Return this key's own good notices in a file, if there is one."""
    shown = printable(str(file))
    try:
        data = read_if_there(file, noticed.MAX_NOTICE_FILE_BYTES, "set of notices")
        found = notice_files.parse(file.name, data) if data is not None else ()
    except MalformedError as error:
        raise RefusedError(
            f"{shown} is there and is no notice: {error}", hint="look at it, and move it away"
        ) from error
    good = (one for one in found if noticed.examine(one, known, now).finding is Finding.GOOD)
    return [one.notice for one in good]


def _says_the_same(there: Notice, notice: Notice) -> bool:
    """Whether two notices differ in nothing but their time, and the file as it was then."""
    return (
        replace(there, subject=notice.subject, signer=notice.signer, created=notice.created)
        == notice
    )
