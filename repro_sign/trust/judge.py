"""Decide: evidence and policy in, verdict out. Reads no file and no clock, prints nothing.

In this order (design, section 3; the truth table in `tests/truth_table.toml` drives the tests):

 1. anything that speaks against the image makes it `failed`
 2. a second opinion that was demanded and is missing makes it `unknown`
 3. if enough trusted people vouch for every object, it is `verified`
 4. somebody trusted, but too few people: `untrusted`
 5. signed completely, by nobody trusted: `untrusted`
 6. signed by unknown keys that say something else than the image is: `failed`
 7. signed completely by unknown keys that agree with the image: `untrusted`
 8. what is left is not, or not completely, signed: `unsigned`
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.trust.evidence import (
    ImageEvidence,
    ManifestEvidence,
    Match,
    SignatureEvidence,
)
from repro_sign.trust.policy import TrustPolicy


class VerdictWord(StrEnum):
    """The five answers (design, section 2)."""

    VERIFIED = "verified"
    FAILED = "failed"
    UNKNOWN = "unknown"
    UNSIGNED = "unsigned"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a stable code for programs, a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, true only for `verified`; `notes` are what the reader should know besides."""

    word: VerdictWord
    reasons: tuple[Reason, ...]
    notes: tuple[Reason, ...] = ()

    def __bool__(self) -> bool:
        return self.word is VerdictWord.VERIFIED


def judge(evidence: ImageEvidence, policy: TrustPolicy) -> Verdict:
    """Decide whether `evidence` satisfies `policy`."""
    word, reasons = _decide(evidence, policy)
    said = {reason.message for reason in reasons}
    notes = tuple(note for note in _notes(evidence, policy) if note.message not in said)
    return Verdict(word, reasons, notes)


_Decision = tuple[VerdictWord, tuple[Reason, ...]]


def _decide(evidence: ImageEvidence, policy: TrustPolicy) -> _Decision:
    against = tuple(_against(evidence, policy))
    if against:  # 1
        return VerdictWord.FAILED, against
    opinion = evidence.second_opinion
    if policy.second_opinion and (opinion is None or opinion.accepted is None):  # 2
        words = opinion.words if opinion else "it was not asked"
        reason = Reason("no-second-opinion", f"apptainer verify gave no answer: {words}")
        return VerdictWord.UNKNOWN, (reason,)
    people = supporters(evidence, policy)
    if people >= policy.require:  # 3
        return VerdictWord.VERIFIED, tuple(_support(evidence, policy))
    return _not_verified(evidence, policy, people)


def supporters(evidence: ImageEvidence, policy: TrustPolicy) -> int:
    """Count the different trusted people who vouch for every single object.

    A trusted manifest that matches vouches for all of them.
    """
    whole = {one.signer for one in _usable_manifests(evidence, policy)}
    counts = [
        len(whole | {one.signer for one in _good(evidence, policy) if number in one.covers})
        for number in evidence.objects
    ]
    return min(counts, default=len(whole))


def _not_verified(evidence: ImageEvidence, policy: TrustPolicy, people: int) -> _Decision:
    good = [one for one in evidence.signatures if one.finding is Finding.GOOD]
    unchecked = [one for one in evidence.signatures if _unchecked(one)]
    disagreeing = [
        one
        for one in evidence.signatures
        if one.finding.disagrees or (_unchecked(one) and not one.agrees)
    ]
    if people:  # 4
        message = f"signed by {people} of the {policy.require} different people required"
        return VerdictWord.UNTRUSTED, (Reason("too-few-signers", message),)
    if _complete(evidence, good):  # 5
        message = "intact, but by nobody that you said you trust: who made it is unproven"
        return VerdictWord.UNTRUSTED, (Reason("signer-not-trusted", message),)
    if disagreeing:  # 6
        return VerdictWord.FAILED, tuple(_disagreement(one) for one in disagreeing)
    if _complete(evidence, good + unchecked):  # 7
        message = (
            "signed only by keys that are not at hand or not supported: what they say agrees"
            " with the image, but can't be checked"
        )
        return VerdictWord.UNTRUSTED, (Reason("unknown-key", message),)
    return VerdictWord.UNSIGNED, tuple(_unsigned(evidence, good + unchecked))  # 8


def _against(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Everything that makes the image fail, whoever else vouches for it."""
    if evidence.problem:
        yield Reason(evidence.problem.code, evidence.problem.message)
        return
    for one in evidence.signatures:
        where = f"signature {one.object_id}"
        if (
            one.finding is Finding.MALFORMED
            or one.finding.spoils
            or (one.finding.disagrees and policy.why(one.signer))
        ):
            yield Reason(one.finding.value, f"{where}: {one.message}")
    for manifest in evidence.manifests:
        yield from _manifest_against(manifest, policy)
    if policy.require_manifest and not _usable_manifests(evidence, policy):
        yield Reason("no-manifest", "no manifest by a trusted signer lies beside the image")
    yield from _unexpected(evidence, policy)
    opinion = evidence.second_opinion
    if opinion and opinion.unexpected:
        answer = "accepts" if opinion.accepted else f"refuses ({opinion.words})"
        message = f"apptainer verify {answer} what it should not, for: {opinion.because}"
        yield Reason("engines-disagree", message)


def _manifest_against(one: ManifestEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    trusted = policy.why(one.signer) is not None
    always = one.finding in (Finding.MALFORMED, Finding.BAD_SIGNATURE)
    if always or (trusted and (one.finding.spoils or one.finding.disagrees)):
        yield Reason(f"manifest-{one.finding}", f"manifest {one.name}: {one.message}")
    elif trusted and one.match is Match.DIFFERS:
        for difference in one.differences or ("the image is not what it says",):
            yield Reason("manifest-differs", f"manifest {one.name}: {difference}")
    elif trusted and one.match is Match.SIGNATURES_ADDED and policy.exact:
        message = f"manifest {one.name}: the image has gained signatures since"
        yield Reason("manifest-not-exact", message)


def _unexpected(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    for expected in policy.expect:
        if expected.of == "identity":
            found = evidence.identity
        else:
            found = evidence.digests.get(expected.digest.algorithm)
        if found != expected.digest:
            message = f"expected {expected}, found {found or 'no such digest'}"
            yield Reason("not-expected", message)


def _support(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Say who vouches for a verified image, each person once."""
    by: dict[SignerId, str] = {}
    voices: list[SignatureEvidence | ManifestEvidence] = []
    voices += _good(evidence, policy)
    voices += _usable_manifests(evidence, policy)
    for one in voices:
        if one.signer is not None:
            by.setdefault(one.signer, one.user_id or one.signer.grouped())
    for signer, name in by.items():
        yield Reason("signed-by-trusted", f"signed by {name} (trusted: {policy.why(signer)})")


def _notes(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """What is no reason against the image, and must not be passed over in silence."""
    for one in evidence.signatures:
        where = f"signature {one.object_id}"
        if one.finding is Finding.GOOD:
            yield from (Reason("key-since", f"{where}: {note}") for note in one.notes)
            if policy.why(one.signer) is None:
                yield Reason("stranger-signature", f"{where} is by {_name(one)}, not trusted here")
        elif one.finding.disagrees:
            if policy.why(one.signer) is None:
                yield _disagreement(one)
        elif not one.finding.spoils and one.finding is not Finding.MALFORMED:
            yield Reason(one.finding.value, f"{where}: {one.message}")
    for manifest in evidence.manifests:
        yield from _manifest_notes(manifest, evidence, policy)
    opinion = evidence.second_opinion
    if opinion and opinion.accepted is None:
        yield Reason("no-second-opinion", f"apptainer verify gave no answer: {opinion.words}")
    for warning in evidence.warnings:
        yield Reason("warning", warning)


def _manifest_notes(
    one: ManifestEvidence, evidence: ImageEvidence, policy: TrustPolicy
) -> Iterator[Reason]:
    if policy.why(one.signer) is None:
        by = one.signer.grouped() if one.signer else one.claimed or "an unnamed key"
        yield Reason("manifest-not-used", f"manifest {one.name} is by {by}, not trusted: not used")
        return
    if one.finding is not Finding.GOOD and not (one.finding.spoils or one.finding.disagrees):
        yield Reason("manifest-not-used", f"manifest {one.name}: {one.message}")
    for note in one.notes:
        yield Reason("key-since", f"manifest {one.name}: {note}")
    if one.match is not Match.DIFFERS:
        for difference in one.differences:
            yield Reason("manifest-note", f"manifest {one.name}: {difference}")
    usable = one in _usable_manifests(evidence, policy)
    if usable and supporters_inside(evidence, policy) < 1:
        message = "the manifest alone vouches for it: the image itself is not signed completely"
        yield Reason("image-not-signed", f"{message} by anybody trusted")


def supporters_inside(evidence: ImageEvidence, policy: TrustPolicy) -> int:
    """Count as `supporters` does, by the signatures inside the image alone."""
    counts = [
        len({one.signer for one in _good(evidence, policy) if number in one.covers})
        for number in evidence.objects
    ]
    return min(counts, default=0)


def _good(evidence: ImageEvidence, policy: TrustPolicy) -> list[SignatureEvidence]:
    return [
        one for one in evidence.signatures if one.finding is Finding.GOOD and policy.why(one.signer)
    ]


def _usable_manifests(evidence: ImageEvidence, policy: TrustPolicy) -> list[ManifestEvidence]:
    return [
        one
        for one in evidence.manifests
        if one.finding is Finding.GOOD
        and one.match in (Match.EXACT, Match.SIGNATURES_ADDED)
        and policy.why(one.signer)
    ]


def _unchecked(one: SignatureEvidence) -> bool:
    return one.finding in (Finding.UNKNOWN_KEY, Finding.UNSUPPORTED)


def _complete(evidence: ImageEvidence, signatures: list[SignatureEvidence]) -> bool:
    covered = frozenset[int]().union(*(one.covers for one in signatures if one.agrees))
    return bool(evidence.objects) and evidence.objects <= covered


def _unsigned(evidence: ImageEvidence, signatures: list[SignatureEvidence]) -> Iterator[Reason]:
    covered = frozenset[int]().union(*(one.covers for one in signatures))
    missing = sorted(evidence.objects - covered)
    if any(one.finding is Finding.LEGACY for one in evidence.signatures):
        yield Reason("legacy-only", "its signatures are of the old, unsafe form")
    if covered and missing:
        numbers = ", ".join(map(str, missing))
        message = f"only a part is signed: no signature covers object {numbers}"
        yield Reason("partly-signed", message)
    elif not covered:
        yield Reason("unsigned", "nothing in it is signed")


def _disagreement(one: SignatureEvidence) -> Reason:
    """Say what somebody who is not trusted says of the image that is not so."""
    where = f"signature {one.object_id}"
    if _unchecked(one):
        return Reason("claim-disagrees", f"{where}: {one.message}")
    return Reason(one.finding.value, f"{where}, by {_name(one)}, not trusted here: {one.message}")


def _name(one: SignatureEvidence) -> str:
    if one.signer is None:
        return one.claimed or "an unnamed key"
    return f"{one.user_id} ({one.signer.grouped()})" if one.user_id else one.signer.grouped()
