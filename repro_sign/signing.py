"""Use case: sign an image, check the result, write the signed manifest beside it.

Whatever goes wrong, the image is well-formed and either as it was or completely signed, and
running `sign` again completes what is missing and adds nothing that is there.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign import apptainer, stamping
from repro_sign.contents.digest import image_content, tree_digests
from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, RefusedError, UnreadableError, UsageError
from repro_sign.escaping import printable
from repro_sign.examining import comparison, integrity
from repro_sign.examining.second_opinion import Question, ask, opinion, question_for
from repro_sign.examining.signature_object import check, take_apart
from repro_sign.finding import Finding
from repro_sign.hashing import FileDigests, Progress
from repro_sign.manifest_writing import check_names, write_manifest
from repro_sign.provenance.parts import Provenance, Told
from repro_sign.sealing import Sealer
from repro_sign.sif import append, layout
from repro_sign.sif.reader import OpenImage, named_error
from repro_sign.stamping import NoTimestampError
from repro_sign.system.files import open_regular
from repro_sign.times import utc_now
from repro_sign.trust.evidence import SignatureEvidence
from repro_sign.values import dataclass

_NOT_WRITABLE: Final = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ETXTBSY)


@dataclass(frozen=True, slots=True)
class SignRequest:
    """How to sign. `companions` are other files that the manifest names.

    `timestamp_url` is the address of a time-stamping authority that is asked about the manifest.
    With `content_digest` the manifest holds the content digest (docs/format.md). `provenance` is
    what the manifest says the image was made from; parts that are not `asked_for` by name do not
    replace what an earlier manifest of it says (`provenance.capture`).
    """

    companions: tuple[Path, ...] = ()
    content_digest: bool = False
    write_manifest: bool = True
    touch_image: bool = True
    again: bool = False
    provenance: Provenance = field(default_factory=dict)
    asked_for: frozenset[str] = frozenset()
    timestamp_url: str | None = None
    progress: Progress | None = None
    now: Callable[[], datetime] = utc_now
    waiting: Callable[[Path], None] = field(default=lambda _: None)
    """Called when somebody else has the image locked, before waiting for them."""


@dataclass(frozen=True, slots=True)
class SignReport:
    """What was done: ids of signature objects added, the manifest, digests of the signed file.

    `timestamp_problem` is set where a timestamp was asked for and there is none: all else is done.
    """

    path: Path
    added: tuple[int, ...]
    manifest: Path | None
    manifest_written: bool
    image_left_alone: bool
    sha256: Digest
    identity: Digest
    timestamp: Path | None = None
    timestamp_written: bool = False
    timestamp_problem: NoTimestampError | None = None
    content: Digest | None = None
    """The content digest, where it was asked for."""


def sign_image(path: Path, sealer: Sealer, request: SignRequest) -> SignReport:
    """Sign one image with a key that is ready.

    Raises `MalformedError` if it is no sound SIF file, `UnreadableError` or `RefusedError` if it
    can't be signed; the image is then as it was. An authority that gives no timestamp is no error
    here: `timestamp_problem` of the report says so.
    """
    if not request.touch_image and not request.write_manifest:
        raise UsageError("neither the image nor a manifest is to be signed: nothing to do")
    if request.timestamp_url is not None:
        if not request.write_manifest:
            raise UsageError("a timestamp is of a manifest, and none is to be written")
        stamping.check_request(request.timestamp_url)
    if request.content_digest and not request.write_manifest:
        raise UsageError("a content digest needs a manifest to stand in")
    if request.write_manifest:
        check_names(path, request.companions)
    try:
        return _with_timestamp(_sign(path, sealer, request), request)
    except MalformedError as error:
        raise named_error(path, error) from error


def _with_timestamp(report: SignReport, request: SignRequest) -> SignReport:
    """Let the authority vouch for the date; the image is not locked while it is asked."""
    if request.timestamp_url is None or report.manifest is None:
        return report
    try:
        path, written = stamping.stamp(report.manifest, request.timestamp_url, request.now)
    except NoTimestampError as error:
        return replace(report, timestamp_problem=error)
    return replace(report, timestamp=path, timestamp_written=written)


def _sign(path: Path, sealer: Sealer, request: SignRequest) -> SignReport:
    with _open_for_signing(path, request) as image:
        if not image.groups:
            raise RefusedError(f"{printable(str(path))} holds no objects that could be signed")
        # before anything is changed: a file system that can't be read is refused here
        trees = tree_digests(image) if request.content_digest else None
        added = _sign_inside(image, sealer, request) if request.touch_image else ()
        signed = OpenImage(path, image.fd) if added else image
        with _asked(signed, sealer, request) as asked:
            digests, evidence = _check(signed, sealer, request)
            if request.touch_image:
                _demand_complete(signed, evidence, sealer)
            if asked:
                _heed(*asked, signed, evidence, sealer, request)
        facts = comparison.facts_of(signed, digests)
        if trees is not None:
            content = image_content(signed, trees, digests.ranges)
            facts = replace(facts, record=replace(facts.record, content=content))
        where, written = None, False
        if request.write_manifest:
            where, written = write_manifest(
                path,
                facts,
                request.companions,
                sealer,
                request.now,
                again=request.again,
                told=Told(request.provenance, request.asked_for),
            )
    return SignReport(
        path=path,
        added=added,
        manifest=where,
        manifest_written=written,
        image_left_alone=not request.touch_image,
        sha256=facts.sha256,
        identity=facts.record.identity,
        content=facts.record.content.digest if facts.record.content else None,
    )


@contextmanager
def _open_for_signing(path: Path, request: SignRequest) -> Iterator[OpenImage]:
    flags = os.O_RDWR if request.touch_image else os.O_RDONLY
    try:
        descriptor = open_regular(path, flags)
    except UnreadableError as error:
        cause = error.__cause__
        if request.touch_image and isinstance(cause, OSError) and cause.errno in _NOT_WRITABLE:
            hint = "make it writable, or countersign it as it is: --manifest-only"
            raise RefusedError(str(error), hint=hint) from error
        raise
    try:
        _lock(descriptor, path, request)
        yield OpenImage(path, descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, request: SignRequest) -> None:
    """Keep other runs of `sign` away from this image; wait for one that is at work."""
    import fcntl  # POSIX only, as is signing

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        request.waiting(path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:  # a file system without locks: nothing can be held there
        return


def _sign_inside(image: OpenImage, sealer: Sealer, request: SignRequest) -> tuple[int, ...]:
    """Add what is missing: one signature for each group that has no good one by this key."""
    digests = None
    missing = list(image.groups)
    if sealer.needs_digests or _bears_own(image, sealer, request):
        digests, evidence = _check(image, sealer, request, whole=())
        _demand_own_hold(image, evidence, sealer)
        if not request.again:
            done = {one.group for one in evidence if _is_complete(one, image, sealer)}
            missing = [group for group in image.groups if group not in done]
    if not missing:
        append.complete_counters(image, request.now())
        return ()
    _check_room(image, len(missing))
    object_digests = digests.ranges if digests else None
    added = []
    for new in sealer.sign_groups(image, missing, object_digests):
        _check_new(image, new, sealer, request)
        added.append(append.add_signature(image, new, request.now()))
        image = OpenImage(image.path, image.fd)
    return tuple(added)


def _demand_own_hold(
    image: OpenImage, evidence: Sequence[SignatureEvidence], sealer: Sealer
) -> None:
    """Refuse an image that was changed under this key's own signature: it would still fail."""
    for one in evidence:
        if one.signer == sealer.signer and (one.finding.disagrees or one.finding.spoils):
            shown = printable(str(image.path))
            raise RefusedError(
                f"{shown} bears your signature {one.object_id}, which does not hold: {one.message}",
                hint="a new one beside it would not mend that; if the change was yours, remove the"
                f" old one (siftool del {one.object_id} {shown}) and sign again",
            )


def _check_room(image: OpenImage, signatures: int) -> None:
    """Refuse early where the image or its disk has no room for the signatures."""
    append.free_slot(image)
    free = image.header.descriptors_total - len(image.objects)
    if free < signatures:
        raise RefusedError(
            f"{printable(str(image.path))} has {free} free descriptors, {signatures} are needed",
            hint="countersign without touching the image: repro-sign sign --manifest-only",
        )
    room = shutil.disk_usage(image.path.resolve().parent).free
    if room < layout.MAX_SIGNATURE_BYTES:
        raise RefusedError(
            f"{printable(str(image.path.parent))} has {room} bytes left, too few to sign safely",
            hint="make room on that disk; nothing was changed",
        )


def _bears_own(image: OpenImage, sealer: Sealer, request: SignRequest) -> bool:
    """Whether a signature in the image is by this key: if not, it is not read for their sake."""
    signatures = integrity.read_signatures(image)
    checked = integrity.check_signatures(signatures, sealer.known, request.now())
    return any(one.signer == sealer.signer for _, one in checked)


def _check(
    image: OpenImage,
    sealer: Sealer,
    request: SignRequest,
    *,
    whole: Sequence[str] = integrity.WHOLE_FILE,
) -> tuple[FileDigests, tuple[SignatureEvidence, ...]]:
    """Examine the image natively, knowing this key's certificate only."""
    signatures = integrity.read_signatures(image)
    digests = integrity.hash_image(image, signatures, whole=whole, progress=request.progress)
    evidence = integrity.examine(image, signatures, digests.ranges, sealer.known, request.now())
    return digests, evidence


def _check_new(
    image: OpenImage, new: append.NewSignature, sealer: Sealer, request: SignRequest
) -> None:
    """Let nothing into the image but a good signature over the bytes that were meant."""
    parsed = take_apart(append.describe(image, new, request.now()), new.data)
    (checked,) = check(parsed, sealer.known, request.now())
    if checked.finding is not Finding.GOOD or parsed.metadata is None:
        problem = parsed.metadata_problem or checked.message
        raise RefusedError(
            f"the new signature is not good and was not added: {problem}",
            hint="the image is as it was",
        )


def _demand_complete(
    image: OpenImage, evidence: Sequence[SignatureEvidence], sealer: Sealer
) -> None:
    """Every group has a good signature by this key now."""
    done = {one.group for one in evidence if _is_complete(one, image, sealer)}
    missing = [group for group in image.groups if group not in done]
    if missing:
        raise RefusedError(
            f"{printable(str(image.path))}: group {missing[0]} is not completely signed after all",
            hint="was the image changed meanwhile? run repro-sign verify to see",
        )


def _is_complete(one: SignatureEvidence, image: OpenImage, sealer: Sealer) -> bool:
    if one.finding is not Finding.GOOD or one.signer != sealer.signer or not one.group:
        return False
    return one.covers == {member.id for member in image.groups.get(one.group, ())}


@contextmanager
def _asked(
    image: OpenImage, sealer: Sealer, request: SignRequest
) -> Iterator[tuple[Question, Future[apptainer.Answer]] | None]:
    """Ask Apptainer about the signed image, where it is installed, while we check it ourselves."""
    if not request.touch_image or not apptainer.installed():
        yield None
        return
    question = question_for(integrity.read_signatures(image), sealer.known)
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield question, pool.submit(ask, image, question)


def _heed(
    question: Question,
    answer: Future[apptainer.Answer],
    image: OpenImage,
    evidence: Sequence[SignatureEvidence],
    sealer: Sealer,
    request: SignRequest,
) -> None:
    """Apptainer has to accept the image, unless others' signatures bar it."""
    said = opinion(answer.result(), question, image, evidence, sealer.known, request.now())
    if said.unexpected:
        raise RefusedError(
            f"apptainer verify does not accept the signed image: {printable(said.words)}",
            hint="the signature is good by the native check; please report this",
        )
