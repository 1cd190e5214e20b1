"""Use case: gather the evidence about an image, judge it, report. Writes and prints nothing."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from repro_sign import apptainer, beside, comparison, integrity
from repro_sign.beside import ManifestFile
from repro_sign.durable import TEMPORARY_MARK
from repro_sign.errors import MalformedError, NoAnswerError, RefusedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.hashing import Progress
from repro_sign.known_keys import Keys, KnownKeys
from repro_sign.legacy import describe_legacy
from repro_sign.locations import Locations, find_locations
from repro_sign.pem.checked_chain import CheckedChain
from repro_sign.second_opinion import Question, ask, opinion, question_for
from repro_sign.sif.reader import OpenImage, looks_like_sif, open_image
from repro_sign.signature_object import SignatureObject
from repro_sign.stores.certificates import gather
from repro_sign.times import utc_now
from repro_sign.trust.evidence import (
    ImageEvidence,
    ManifestEvidence,
    Prediction,
    Problem,
    SecondOpinion,
    SignatureEvidence,
)
from repro_sign.trust.judge import Reason, Verdict, VerdictWord, judge
from repro_sign.trust.policy import TrustPolicy

_MAX_GAP_BYTES: Final = 4 << 20
"""What is read of the gaps between objects, which align them to 4,096 bytes; honest images have
less, and more is remarkable whatever is in it."""
_FROM_MANIFEST: Final = "manifest"
_NOT_INSTALLED: Final = SecondOpinion(None, "it is not installed", Prediction.EITHER, "")
_Evidence = TypeVar("_Evidence", SignatureEvidence, ManifestEvidence)


class Engine(StrEnum):
    """Who examines: the native engine always does; Apptainer may be asked as well."""

    AUTO = "auto"
    """Native; `apptainer verify` too where it is installed."""
    NATIVE = "native"
    APPTAINER = "apptainer"
    """As `both`: Apptainer's answer alone would prove too little."""
    BOTH = "both"

    @property
    def demands_apptainer(self) -> bool:
        """Whether no answer from Apptainer means no answer at all."""
        return self in (Engine.BOTH, Engine.APPTAINER)


@dataclass(frozen=True, slots=True)
class ImageReport:
    """All there is to say about one image. True if, and only if, it is verified."""

    path: Path
    verdict: Verdict
    evidence: ImageEvidence
    policy: TrustPolicy

    def __bool__(self) -> bool:
        return bool(self.verdict)

    def require(self) -> None:
        """Raise `NotVerifiedError` unless the image is verified."""
        if not self:
            raise NotVerifiedError(self)


class NotVerifiedError(RefusedError):
    """An image is not verified; `report` says why."""

    def __init__(self, report: ImageReport) -> None:
        reason = report.verdict.reasons[0].message
        name = printable(str(report.path))
        super().__init__(f"{name} is not verified ({report.verdict.word}): {printable(reason)}")
        self.report = report


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """How to verify: the policy, and where keys and the second opinion come from.

    `chains` are X.509 certificates that the caller hands over, checked; `legacy` asks what old
    signatures would say, which changes no verdict.
    """

    policy: TrustPolicy
    given: Keys = field(default_factory=Keys)
    chains: tuple[CheckedChain, ...] = ()
    legacy: bool = False
    engine: Engine = Engine.AUTO
    where: Locations = field(default_factory=find_locations)
    progress: Progress | None = None
    now: Callable[[], datetime] = utc_now


def verify_image(path: Path, request: VerifyRequest) -> ImageReport:
    """Verify one image with what lies beside it.

    Never raises for what is wrong with the image: a file that can't be read gives the verdict
    `unknown`, one that is malformed `failed`.
    """
    policy = replace(request.policy, second_opinion=request.engine.demands_apptainer)
    try:
        evidence = _gather_evidence(path, request, policy)
    except MalformedError as error:
        evidence = ImageEvidence(path.name, Problem(error.code, str(error)))
    except NoAnswerError as error:
        reason = Reason("unreadable", str(error))
        verdict = Verdict(VerdictWord.UNKNOWN, (reason,))
        return ImageReport(path, verdict, ImageEvidence(path.name), policy)
    return ImageReport(path, judge(evidence, policy), evidence, policy)


def find_images(path: Path) -> Iterator[Path]:
    """Yield the images that a path stands for: itself, a manifest's image, a folder's images.

    Raises `UnreadableError` if a folder can't be read or holds no image.
    """
    if path.is_dir():
        yield from _images_in(path)
    elif beside.is_manifest_name(path) and path.exists():
        yield beside.image_of(path)
    else:
        yield path


def _images_in(folder: Path) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        raise UnreadableError(f"{printable(str(error.filename))}: {error.strerror}") from error

    found = False
    for current, folders, names in os.walk(folder, onerror=failed):
        folders.sort()
        for name in sorted(names):
            path = Path(current, name)
            if TEMPORARY_MARK in name or not path.is_file():
                continue
            if name.lower().endswith(".sif") or looks_like_sif(path):
                found = True
                yield path
    if not found:
        raise UnreadableError(
            f"{printable(str(folder))} holds no image",
            hint="name an image or a folder that has .sif files in it",
        )


def _gather_evidence(path: Path, request: VerifyRequest, policy: TrustPolicy) -> ImageEvidence:
    now = request.now()
    with open_image(path) as image:
        signatures = integrity.read_signatures(image)
        files = beside.read_manifests(path)
        known = _known_keys(image, signatures, files, request)
        question = question_for(signatures, known)
        with _second_opinion(image, question, request) as answer:
            digests = integrity.hash_image(image, signatures, progress=request.progress)
            examined = tuple(
                _named(_bounded_by(request.chains, one), known, policy)
                for one in integrity.examine(image, signatures, digests.ranges, known, now)
            )
            if request.legacy:
                examined = tuple(_with_legacy(image, one, known, now) for one in examined)
            said = answer.result() if answer else None
        second = None
        if said is not None:
            second = opinion(said, question, image, examined, known, now)
        elif policy.second_opinion:
            second = _NOT_INSTALLED
        facts = comparison.facts_of(image, digests)
        manifests = _manifests(files, facts, known, now, request)
        evidence = ImageEvidence(
            name=path.name,
            objects=frozenset(one.id for one in image.objects if one.group),
            signatures=examined,
            manifests=manifests,
            second_opinion=second,
            digests=digests.whole,
            identity=facts.record.identity,
            warnings=tuple(_warnings(image, request)),
        )
        if not image.unchanged():
            raise UnreadableError(
                f"{printable(str(path))} was changed by somebody while it was verified",
                hint="wait until nobody writes to it, and verify again",
            )
        return evidence


def _known_keys(
    image: OpenImage,
    signatures: Iterable[SignatureObject],
    files: Iterable[ManifestFile],
    request: VerifyRequest,
) -> KnownKeys:
    files = tuple(files)
    issuers = {issuer for one in signatures for issuer in one.issuers}
    issuers |= {issuer for one in files for issuer in one.issuers}
    known = gather(request.where, issuers, image.path.parent, request.given)
    for file in files:
        known.add(file.keys, _FROM_MANIFEST)
    return known


def _named(one: _Evidence, known: KnownKeys, policy: TrustPolicy) -> _Evidence:
    """Drop a stranger's name that only a manifest brought along: anybody can write any name."""
    if one.signer is None or policy.why(one.signer):
        return one
    return replace(one, user_id=None) if known.origins(one.signer) == {_FROM_MANIFEST} else one


@contextmanager
def _second_opinion(
    image: OpenImage, question: Question, request: VerifyRequest
) -> Iterator[Future[apptainer.Answer] | None]:
    """Ask Apptainer in the meantime, if it is there or demanded."""
    wanted = request.engine is not Engine.NATIVE and apptainer.installed()
    if not wanted:
        yield None
        return
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(ask, image, question)


def _manifests(
    files: Iterable[ManifestFile],
    facts: comparison.ImageFacts,
    known: KnownKeys,
    now: datetime,
    request: VerifyRequest,
) -> tuple[ManifestEvidence, ...]:
    examined = []
    for file in files:
        policy = request.policy
        one = _bounded_by(request.chains, beside.examine_manifest(file, facts, known, now))
        if one.finding is Finding.GOOD and policy.why(one.signer):
            one = comparison.check_companions(one, facts.folder, comparison.digest_companion)
        examined.append(_named(one, known, policy))
    return tuple(examined)


def _bounded_by(chains: Iterable[CheckedChain], one: _Evidence) -> _Evidence:
    """Let a certificate's own limits speak where a signature by its key is good otherwise."""
    for chain in chains:
        if chain.unfit and chain.key.fingerprint == one.signer and one.finding is Finding.GOOD:
            finding, message = chain.unfit
            return replace(one, finding=finding, message=message)
    return one


def _with_legacy(
    image: OpenImage, one: SignatureEvidence, known: KnownKeys, now: datetime
) -> SignatureEvidence:
    """Add to an old signature what it would say."""
    if one.finding is not Finding.LEGACY:
        return one
    (descriptor,) = [each for each in image.signatures if each.id == one.object_id]
    return replace(one, message=describe_legacy(image, descriptor, known, now))


def _warnings(image: OpenImage, request: VerifyRequest) -> Iterator[str]:
    """What the reader should know besides what was found."""
    yield from (chain.unproven for chain in request.chains if chain.unproven)
    tail = image.size - image.data_end
    if tail:
        what = "byte" if tail == 1 else "bytes"
        yield f"{tail} {what} after its last object: covered by no signature in the image"
    room = _MAX_GAP_BYTES
    for start, length in image.gaps():
        if length > room:
            yield f"{length} bytes at offset {start} belong to no object"
            return
        room -= length
        if any(image.read_at(start, length, "a gap")):
            yield f"{length} bytes at offset {start} belong to no object and are not all zero"
