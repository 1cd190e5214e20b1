"""Use case: sign an image, check the result, write the signed manifest beside it.

Whatever goes wrong, the image is well-formed and either as it was or completely signed, and
running `sign` again completes what is missing and adds nothing that is there.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign import apptainer, beside, integrity, manifest
from repro_sign.digest import Digest
from repro_sign.durable import write_file
from repro_sign.errors import MalformedError, RefusedError, UnreadableError, UsageError
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.hashing import FileDigests, Progress
from repro_sign.openpgp.book import CertificateBook
from repro_sign.sealing import Sealer
from repro_sign.second_opinion import ask, opinion
from repro_sign.sif import append, layout
from repro_sign.sif.metadata import identity
from repro_sign.sif.reader import OpenImage, open_regular
from repro_sign.times import utc_now
from repro_sign.trust.evidence import ManifestEvidence, Match, Prediction, SignatureEvidence

_NOT_WRITABLE: Final = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ETXTBSY)


@dataclass(frozen=True, slots=True)
class SignRequest:
    """How to sign. `companions` are other files that the manifest names."""

    companions: tuple[Path, ...] = ()
    write_manifest: bool = True
    touch_image: bool = True
    again: bool = False
    progress: Progress | None = None
    now: Callable[[], datetime] = utc_now
    waiting: Callable[[Path], None] = field(default=lambda _: None)
    """Called when somebody else has the image locked, before waiting for them."""


@dataclass(frozen=True, slots=True)
class SignReport:
    """What was done: ids of signature objects added, the manifest, digests of the signed file."""

    path: Path
    added: tuple[int, ...]
    manifest: Path | None
    manifest_written: bool
    sha256: Digest
    identity: Digest


def sign_image(path: Path, sealer: Sealer, request: SignRequest) -> SignReport:
    """Sign one image with a key that is ready.

    Raises `MalformedError` if it is no sound SIF file, `UnreadableError` or `RefusedError` if it
    can't be signed; the image is then as it was.
    """
    if not request.touch_image and not request.write_manifest:
        raise UsageError("neither the image nor a manifest is to be signed: nothing to do")
    with _open_for_signing(path, request) as image:
        if not image.groups:
            raise RefusedError(f"{printable(str(path))} holds no objects that could be signed")
        added = _sign_inside(image, sealer, request) if request.touch_image else ()
        signed = OpenImage(path, image.fd) if added else image
        digests, evidence = _check(signed, sealer, request)
        if request.touch_image:
            _demand_complete(signed, evidence, sealer)
            _ask_apptainer(signed, evidence, sealer, request)
        where, written = _write_manifest(signed, digests, sealer, request)
    return SignReport(
        path=path,
        added=added,
        manifest=where,
        manifest_written=written,
        sha256=digests.whole["sha256"],
        identity=identity(signed, digests.ranges),
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
    if image.signatures or sealer.key.secret is None:
        digests, evidence = _check(image, sealer, request)
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


def _check(
    image: OpenImage, sealer: Sealer, request: SignRequest
) -> tuple[FileDigests, tuple[SignatureEvidence, ...]]:
    """Examine the image natively, knowing this key's certificate only."""
    signatures = integrity.read_signatures(image)
    digests = integrity.hash_image(image, signatures, progress=request.progress)
    book = _own_book(sealer)
    return digests, integrity.examine(image, signatures, digests.ranges, book, request.now())


def _check_new(
    image: OpenImage, new: append.NewSignature, sealer: Sealer, request: SignRequest
) -> None:
    """Let nothing into the image but a good signature over the bytes that were meant."""
    problem = integrity.check_block(new.data, _own_book(sealer), request.now())
    if problem or new.group not in image.groups:
        raise RefusedError(
            f"the new signature is not good and was not added: {problem or 'wrong group'}",
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
    if one.finding is not Finding.GOOD or one.signer != sealer.key.fingerprint or not one.group:
        return False
    return one.covers == {member.id for member in image.groups.get(one.group, ())}


def _ask_apptainer(
    image: OpenImage,
    evidence: Sequence[SignatureEvidence],
    sealer: Sealer,
    request: SignRequest,
) -> None:
    """Where Apptainer is installed it has to accept, unless others' signatures bar it."""
    if not apptainer.installed():
        return
    groups = {g: frozenset(one.id for one in members) for g, members in image.groups.items()}
    answer = ask(image, [sealer.key.certificate])
    said = opinion(answer, evidence, groups, _own_book(sealer), request.now())
    if said.accepted is False and said.predicted is Prediction.ACCEPTS:
        raise RefusedError(
            f"apptainer verify does not accept the signed image: {printable(said.words)}",
            hint="the signature is good by the native check; please report this",
        )


def _own_book(sealer: Sealer) -> CertificateBook:
    book = CertificateBook()
    book.add([sealer.key.certificate], "signer")
    return book


def _write_manifest(
    image: OpenImage, digests: FileDigests, sealer: Sealer, request: SignRequest
) -> tuple[Path | None, bool]:
    """Write the manifest unless one that says the same is there; return its path."""
    if not request.write_manifest:
        return None, False
    facts = beside.facts_of(
        image,
        lambda number: digests.ranges[number, "sha256"],
        (digests.whole["sha256"], digests.whole["blake3"]),
        identity(image, digests.ranges),
    )
    companions = tuple(_companion(path, facts.folder) for path in request.companions)
    path = _manifest_path(image.path, sealer)
    if os.path.lexists(path):
        known = _own_manifest(path, facts, sealer, request)
        if not request.again and _says_the_same(known, companions):
            return path, False
    statement = _statement(facts, companions, sealer, request.now())
    text = manifest.to_bytes(statement)
    block = sealer.clear_sign(text)
    checked = integrity.check_block(block, _own_book(sealer), request.now(), text)
    if checked:
        raise RefusedError(f"the manifest's signature is not good, nothing written: {checked}")
    write_file(path, block)
    return path, True


def _statement(
    facts: beside.ImageFacts,
    companions: tuple[manifest.Subject, ...],
    sealer: Sealer,
    now: datetime,
) -> manifest.Manifest:
    certificate = sealer.key.certificate
    subject = manifest.Subject(_image_name(facts.name), facts.sha256, facts.blake3)
    signer = manifest.SignerRecord(
        certificate.fingerprint, certificate.user_id, certificate.armored
    )
    return manifest.Manifest((subject, *companions), facts.record, signer, now)


def _image_name(name: str) -> str:
    try:
        return manifest.check_name(name)
    except ValueError as error:
        raise RefusedError(
            f"{printable(name)} is no name that a manifest may carry",
            hint="rename the image: no back-slashes or invisible characters",
        ) from error


def _companion(path: Path, folder: Path) -> manifest.Subject:
    """Describe a `--with` file by its name relative to the image's folder, or its own name."""
    absolute, base = path.resolve(), folder.resolve()
    relative = absolute.relative_to(base) if absolute.is_relative_to(base) else Path(path.name)
    sha256, blake3 = beside.digest_companion(path)
    return manifest.Subject(_image_name(relative.as_posix()), sha256, blake3)


def _manifest_path(image: Path, sealer: Sealer) -> Path:
    """Return where this signer's manifest belongs: the first one's place, unless another has it."""
    there = beside.find_manifests(image)
    own = beside.by_signer(there, sealer.key.fingerprint)
    if own is not None:
        return own
    first = beside.first_manifest_path(image)
    return beside.later_manifest_path(image, sealer.key.fingerprint) if first in there else first


def _own_manifest(
    path: Path, facts: beside.ImageFacts, sealer: Sealer, request: SignRequest
) -> ManifestEvidence | None:
    """Examine the manifest that is there, which must not be somebody else's file."""
    try:
        file = beside.read_manifest(path)
    except MalformedError:
        return None
    return beside.examine_manifest(file, facts, _own_book(sealer), request.now())


def _says_the_same(
    known: ManifestEvidence | None, companions: tuple[manifest.Subject, ...]
) -> bool:
    return (
        known is not None
        and known.match is Match.EXACT
        and known.manifest is not None
        and known.manifest.subjects[1:] == companions
    )
