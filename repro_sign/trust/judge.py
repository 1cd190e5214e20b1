"""Decide: evidence and policy in, verdict out. Reads no file and no clock, prints nothing.

In this order (design, section 3; the truth table in `tests/truth_table.toml` drives the tests):

 1. anything that speaks against the image makes it `failed`
 2. a second opinion that was demanded and is missing makes it `unknown`, and so do a key server
    that was to be asked and gave no answer, notices that were to be read and could not be, and
    a comparison with this machine, a checkout or results that was demanded and not possible
 3. if enough trusted people vouch for every object, it is `verified`
 4. somebody trusted, but too few people, or not those asked for: `untrusted`
 5. signed completely, by nobody trusted: `untrusted`
 6. signed by unknown keys that say something else than the image is: `failed`
 7. signed completely by unknown keys that agree with the image: `untrusted`
 8. what is left is not, or not completely, signed: `unsigned`
"""

from collections.abc import Iterator

from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.times import readable
from repro_sign.trust import revealed, surroundings
from repro_sign.trust.against import against
from repro_sign.trust.evidence import ImageEvidence, ManifestEvidence, SignatureEvidence
from repro_sign.trust.notes import disagreement, notes
from repro_sign.trust.policy import Demand, TrustPolicy
from repro_sign.trust.verdict import Reason, Verdict, VerdictWord
from repro_sign.trust.voices import (
    counted,
    good_signatures,
    supporters,
    unchecked,
    unmet,
    untimely,
    usable_manifests,
)


def judge(evidence: ImageEvidence, policy: TrustPolicy) -> Verdict:
    """Decide whether `evidence` satisfies `policy`."""
    policy = revealed.believed(policy, evidence.reveals, evidence.identity)
    word, reasons = _decide(evidence, policy)
    said = {reason.message for reason in reasons}
    others = tuple(note for note in notes(evidence, policy) if note.message not in said)
    return Verdict(word, reasons, others)


_Decision = tuple[VerdictWord, tuple[Reason, ...]]


def _decide(evidence: ImageEvidence, policy: TrustPolicy) -> _Decision:
    speaking_against = tuple(against(evidence, policy))
    if speaking_against:  # 1
        return VerdictWord.FAILED, speaking_against
    opinion = evidence.second_opinion
    if policy.second_opinion and (opinion is None or opinion.accepted is None):  # 2
        words = opinion.words if opinion else "it was not asked"
        reason = Reason("no-second-opinion", f"apptainer verify gave no answer: {words}")
        return VerdictWord.UNKNOWN, (reason,)
    if evidence.key_server.trouble:  # 2
        reason = Reason("key-server-unanswered", evidence.key_server.trouble)
        return VerdictWord.UNKNOWN, (reason,)
    if evidence.unread:  # 2
        return VerdictWord.UNKNOWN, tuple(Reason("not-read", one) for one in evidence.unread)
    not_known = tuple(surroundings.unanswered(evidence, policy))
    if not_known:  # 2
        return VerdictWord.UNKNOWN, not_known
    missing = unmet(evidence, policy)
    if not missing:  # 3
        return VerdictWord.VERIFIED, tuple(_support(evidence, policy))
    word, reasons = _not_verified(evidence, policy, missing)
    return word, (*reasons, *_untimely(evidence, policy))


def _not_verified(
    evidence: ImageEvidence, policy: TrustPolicy, missing: tuple[Demand, ...]
) -> _Decision:
    good = [one for one in evidence.signatures if one.finding is Finding.GOOD]
    unproven = [one for one in evidence.signatures if unchecked(one)]
    disagreeing = [
        one
        for one in evidence.signatures
        if one.finding.disagrees or (unchecked(one) and not one.agrees)
    ]
    if all(supporters(evidence, policy)):  # 4
        return VerdictWord.UNTRUSTED, tuple(_too_few(evidence, policy, missing))
    if _complete(evidence, good):  # 5
        message = "intact, but by nobody that you said you trust: who made it is unproven"
        return VerdictWord.UNTRUSTED, (Reason("signer-not-trusted", message),)
    if disagreeing:  # 6
        return VerdictWord.FAILED, tuple(disagreement(one) for one in disagreeing)
    if _complete(evidence, good + unproven):  # 7
        message = (
            "signed only by keys that are not at hand or not supported: what they say agrees"
            " with the image, but can't be checked"
        )
        return VerdictWord.UNTRUSTED, (Reason("unknown-key", message),)
    return VerdictWord.UNSIGNED, tuple(_unsigned(evidence, good + unproven))  # 8


def _too_few(
    evidence: ImageEvidence, policy: TrustPolicy, missing: tuple[Demand, ...]
) -> Iterator[Reason]:
    """Say of each demand that is not met who is there, and who could have been."""
    people = supporters(evidence, policy)
    for demand in missing:
        if not demand.words:
            fewest = min(len(counted(one, demand)) for one in people)
            message = f"signed by {fewest} of the {demand.count} different people required"
            yield Reason("too-few-signers", message)
            continue
        there = frozenset.intersection(*(counted(one, demand) for one in people))
        absent = sorted((demand.people or frozenset()) - there)
        message = (
            f"{policy.rule} asks for {demand.words}: "
            f"{', '.join(sorted(there)) or 'nobody'} signed, not {', '.join(absent)}"
        )
        yield Reason("rule-not-met", message)


def _untimely(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    for which, limit in untimely(evidence, policy):
        if limit:
            message = f"{which} does not count: its signer's delegation ended on {readable(limit)}"
            yield Reason("delegation-ended", message)
        else:
            message = f"{which} does not count: no trusted timestamp from when its key was fit"
            yield Reason("no-timestamp", message)


def _support(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Say who vouches for a verified image, each key once, and which rule that meets."""
    by: dict[SignerId, str] = {}
    voices: list[SignatureEvidence | ManifestEvidence] = []
    voices += good_signatures(evidence, policy)
    voices += usable_manifests(evidence, policy)
    for one in voices:
        if one.signer is not None:
            by.setdefault(one.signer, one.user_id or one.signer.grouped())
    for signer, name in by.items():
        yield Reason("signed-by-trusted", f"signed by {name} (trusted: {policy.why(signer)})")
    everybody = frozenset.union(*supporters(evidence, policy))
    for demand in policy.demands:
        there = ", ".join(sorted(counted(everybody, demand)))
        yield Reason("rule-met", f"{policy.rule} asks for {demand.words}: {there} signed")


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
