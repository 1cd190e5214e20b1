"""Use case: gather the evidence about an image, judge it, report.

Prints nothing, and writes nothing but the memory, where the policy asks to remember.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from repro_sign.errors import MalformedError, NoAnswerError, RefusedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.examining import (
    beside,
    certified,
    comparison,
    dating,
    integrity,
    noticed,
    proving,
    revealed,
)
from repro_sign.examining.integrity import WHOLE_FILE
from repro_sign.examining.legacy import with_legacy
from repro_sign.examining.noticed import Notices
from repro_sign.examining.second_opinion import NOT_INSTALLED, asking, opinion, question_for
from repro_sign.examining.signature_object import SignatureObject
from repro_sign.examining.surroundings import Surroundings
from repro_sign.finding import Finding
from repro_sign.hashing import Progress
from repro_sign.key_sources.consulting import FROM_KEY_SERVER, KeyLookup, consult
from repro_sign.known_keys import Keys, KnownKeys
from repro_sign.pem.checked_chain import CheckedChain
from repro_sign.remembering import Remembering, judge_and_remember
from repro_sign.sif.reader import OpenImage, open_image
from repro_sign.sif.uncovered import uncovered
from repro_sign.statements.notice_files import NoticeFile
from repro_sign.statements.signed_file import SignedFile
from repro_sign.stores.certificates import Lately, brought_along, gather
from repro_sign.system.locations import Locations, find_locations
from repro_sign.times import utc_now
from repro_sign.timestamps.proof import Authorities
from repro_sign.trust import revealed as trust_revealed
from repro_sign.trust.evidence import (
    ImageEvidence,
    KeyServerReply,
    ManifestEvidence,
    NoticeEvidence,
    Problem,
    SignatureEvidence,
)
from repro_sign.trust.judge import judge
from repro_sign.trust.pinned import Pinned
from repro_sign.trust.policy import Policies, TrustPolicy
from repro_sign.trust.verdict import Reason, Verdict, VerdictWord
from repro_sign.trust.voices import usable_manifests, vouches
from repro_sign.values import dataclass

_BROUGHT_ALONG: Final = "statement"
"""Where keys come from that manifests and notices bring along."""
_Evidence = TypeVar("_Evidence", SignatureEvidence, ManifestEvidence, NoticeEvidence)


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
    """All there is to say about one image. True if, and only if, it is verified.

    `remembering` is there where the policy asks to remember, `pinned` where the image is held
    against a lock file.
    """

    path: Path
    verdict: Verdict
    evidence: ImageEvidence
    policy: TrustPolicy
    remembering: Remembering | None = None
    pinned: Pinned | None = None

    def __bool__(self) -> bool:
        return bool(self.verdict)

    @property
    def examined(self) -> bool:
        """Whether the image could be read, if only to find it malformed."""
        return bool(self.evidence.digests) or self.evidence.problem is not None

    @property
    def believed(self) -> tuple[ManifestEvidence, ...]:
        """The manifests whose content may be shown and used: those that vouch for this image.

        Of an image that failed there are none: nobody knows which of its parts to believe.
        """
        if self.verdict.word in (VerdictWord.FAILED, VerdictWord.UNKNOWN):
            return ()
        return tuple(one for one in usable_manifests(self.evidence, self.policy) if one.manifest)

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

    `chains` are X.509 certificates that the caller hands over, checked; `authorities` are those
    whose timestamps count; `legacy` asks what old signatures would say, which changes no verdict.
    `notices` are heeded as those beside the image are; where one of them could not be read, there
    is no answer. `key_server` is asked for the keys that signatures name. `surroundings` are a
    checkout, results and the network, to be held against what trusted manifests say. Without
    `key_server` and `surroundings.online` the network is not touched. `deep` computes every digest,
    also those that a trusted signer's manifest tells. `busy_cores` are left to others. What was
    found of keys `lately` is not looked for again.
    """

    policy: Policies
    given: Keys = field(default_factory=Keys)
    chains: tuple[CheckedChain, ...] = ()
    authorities: Authorities | None = None
    legacy: bool = False
    deep: bool = False
    busy_cores: int = 0
    lately: Lately | None = None
    notices: Notices = field(default_factory=Notices)
    engine: Engine = Engine.AUTO
    key_server: KeyLookup | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)
    where: Locations = field(default_factory=find_locations)
    progress: Progress | None = None
    now: Callable[[], datetime] = utc_now


def verify_image(path: Path, request: VerifyRequest) -> ImageReport:
    """Verify one image with what lies beside it.

    Never raises for what is wrong with the image: a file that can't be read gives the verdict
    `unknown`, one that is malformed `failed`.
    """
    return remembered(examine_image(path, request), request)


def examine_image(path: Path, request: VerifyRequest) -> ImageReport:
    """Verify one image without the memory: nothing is written."""
    rules = request.policy.for_image(path.name)
    policy = replace(
        request.surroundings.demanded(rules), second_opinion=request.engine.demands_apptainer
    )
    try:
        evidence, policy = _gather_evidence(path, request, policy)
    except MalformedError as error:
        evidence = ImageEvidence(path.name, Problem(error.code, str(error)))
    except NoAnswerError as error:
        reason = Reason("unreadable", str(error))
        verdict = Verdict(VerdictWord.UNKNOWN, (reason,))
        return ImageReport(path, verdict, ImageEvidence(path.name), policy)
    return ImageReport(path, judge(evidence, policy), evidence, policy)


def remembered(report: ImageReport, request: VerifyRequest) -> ImageReport:
    """Judge an image that was examined by the memory too, where its policy says so."""
    policy = report.policy
    if not policy.remember or not report.examined:
        return report
    judged = judge_and_remember(report.evidence, policy, request.where, request.now)
    return replace(
        report,
        verdict=judged.verdict,
        evidence=judged.evidence,
        remembering=judged.remembering,
    )


def _gather_evidence(
    path: Path, request: VerifyRequest, policy: TrustPolicy
) -> tuple[ImageEvidence, TrustPolicy]:
    """Return what was found out, and whom the caller believes in the light of it."""
    now = request.now()
    with open_image(path) as image:
        signatures = integrity.read_signatures(image)
        files, nearby = beside.read_manifests(path), noticed.read_beside(path)
        halves = revealed.read_beside(path)
        known, reply = _known_keys(image, signatures, (*files, *halves), request, policy)
        for notice in nearby.found:
            known.add(notice.file.keys, _BROUGHT_ALONG)
        question = question_for(signatures, known)
        with asking(image, question, wanted=request.engine is not Engine.NATIVE) as answer:
            proof = proving.prove(
                image,
                integrity.check_signatures(signatures, known, now),
                tuple(_manifests(files, known, now, request)),
                partial(_may_rely, request, policy),
                asked=proving.expected_by(policy).union(WHOLE_FILE if request.deep else ()),
                busy_cores=request.busy_cores + (1 if answer else 0),
                progress=request.progress,
            )
            manifests = proof.manifests
            found = dating.date_signatures(proof.signatures, manifests)
            policy = certified.believed(policy, request.chains, (*found, *manifests))
            reveals = revealed.examine(halves, known, now)
            policy = trust_revealed.believed(policy, reveals, proof.identity)
            examined = tuple(
                _named(certified.bounded(request.chains, one), known, policy) for one in found
            )
            if request.legacy:
                examined = tuple(with_legacy(image, one, known, now) for one in examined)
            said = answer.result() if answer else None
        second = None
        if said is not None:
            second = opinion(said, question, image, examined, known, now)
        elif policy.second_opinion:
            second = NOT_INSTALLED
        bounded = [certified.bounded(request.chains, one) for one in manifests]
        heeded = noticed.about(proof.identity, proof.groups, nearby, request.notices)
        unproven = [chain.unproven for chain in request.chains if chain.unproven]
        evidence = ImageEvidence(
            name=path.name,
            objects=frozenset(one.id for one in image.objects if one.group),
            signatures=examined,
            manifests=tuple(_trusted(one, path, known, policy, request) for one in bounded),
            notices=_notices(heeded, known, now, request, policy),
            reveals=reveals,
            unread=request.notices.problems,
            second_opinion=second,
            key_server=reply,
            digests=proof.digests,
            identity=proof.identity,
            size=image.size,
            warnings=(*nearby.problems, *unproven, *uncovered(image)),
        )
        if not image.unchanged():
            raise UnreadableError(
                f"{printable(str(path))} was changed by somebody while it was verified",
                hint="wait until nobody writes to it, and verify again",
            )
        return evidence, policy


def _known_keys(
    image: OpenImage,
    signatures: Iterable[SignatureObject],
    files: Iterable[SignedFile],
    request: VerifyRequest,
    policy: TrustPolicy,
) -> tuple[KnownKeys, KeyServerReply]:
    files = tuple(files)
    issuers = {issuer for one in signatures for issuer in one.issuers}
    issuers |= {issuer for one in files for issuer in one.issuers}
    known = gather(request.where, issuers, image.path.parent, request.given, request.lately)
    for file in files:
        known.add(brought_along(file, request.lately), _BROUGHT_ALONG)
    server = request.key_server
    if server is None:
        return known, KeyServerReply()
    return known, consult(server, issuers, known, policy.trusted)


def _named(one: _Evidence, known: KnownKeys, policy: TrustPolicy) -> _Evidence:
    """Drop a stranger's name that only a statement or server told: anybody can write any name."""
    if one.signer is None or policy.why(one.signer):
        return one
    told = known.origins(one.signer) <= {_BROUGHT_ALONG, FROM_KEY_SERVER}
    return replace(one, user_id=None) if told else one


def _manifests(
    files: Iterable[SignedFile],
    known: KnownKeys,
    now: datetime,
    request: VerifyRequest,
) -> Iterator[ManifestEvidence]:
    """Check the manifests' signatures: that needs nothing of the image."""
    for file in files:
        one = beside.check_manifest(file, known, now)
        yield dating.date_manifest(one, file, request.authorities, now)


def _may_rely(request: VerifyRequest, policy: TrustPolicy, one: ManifestEvidence) -> bool:
    """Whether a manifest will count as one by somebody trusted.

    What `certified.believed` adds to the policy later does not matter: it believes more, not less.
    """
    limited = certified.bounded(request.chains, one)
    return limited.finding is Finding.GOOD and vouches(limited, policy)


def _trusted(
    one: ManifestEvidence,
    image: Path,
    known: KnownKeys,
    policy: TrustPolicy,
    request: VerifyRequest,
) -> ManifestEvidence:
    """Hold against a trusted manifest what lies beside the image and around it."""
    if one.finding is Finding.GOOD and policy.why(one.signer):
        one = comparison.check_companions(one, image.parent, comparison.digest_companion)
        one = request.surroundings.held_against(one, policy, image)
    return _named(one, known, policy)


def _notices(
    heeded: Sequence[NoticeFile],
    known: KnownKeys,
    now: datetime,
    request: VerifyRequest,
    policy: TrustPolicy,
) -> tuple[NoticeEvidence, ...]:
    """Check notices last: only keys that signed the image count, and those are known by now."""
    for one in heeded:
        known.add(one.file.keys, _BROUGHT_ALONG)
    examined = (
        certified.bounded_notice(request.chains, noticed.examine(one, known, now)) for one in heeded
    )
    return tuple(_named(one, known, policy) for one in examined)
