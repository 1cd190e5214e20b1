"""Judge an image by what is remembered of its name, and remember this one (`verify --remember`)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from repro_sign.errors import NoAnswerError, ReproSignError
from repro_sign.fingerprint import SignerId
from repro_sign.stores.memory import recall, replace_memory
from repro_sign.system.locations import Locations
from repro_sign.trust.evidence import ImageEvidence
from repro_sign.trust.first_use import to_remember
from repro_sign.trust.judge import judge
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import Reason, Verdict, VerdictWord
from repro_sign.values import dataclass

_REMEMBERED = (VerdictWord.VERIFIED, VerdictWord.UNTRUSTED)
"""Verdicts on images that are signed completely, with nothing against them."""


@dataclass(frozen=True, slots=True)
class Remembering:
    """What is remembered of an image's name after a run.

    `signers` are those pinned to it; `new` says that this run was the first to see the name.
    `problem` is why what is new could not be written, or what is remembered not be read.
    """

    signers: frozenset[SignerId] = frozenset()
    new: bool = False
    problem: ReproSignError | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict that took the memory into account, and what it rests on."""

    evidence: ImageEvidence
    verdict: Verdict
    remembering: Remembering


def judge_and_remember(
    evidence: ImageEvidence, policy: TrustPolicy, where: Locations, now: Callable[[], datetime]
) -> Judged:
    """Judge with the memory of the image's name; then write what is new of it.

    Nothing is written for an image that failed or is not signed completely. If another run
    changes the memory meanwhile, the image is judged again.
    """
    while True:
        try:
            memory = recall(where, evidence.name)
        except NoAnswerError as error:
            return _no_answer(evidence, policy, error)
        known = replace(evidence, memory=memory)
        verdict = judge(known, policy)
        new = to_remember(known, policy) if verdict.word in _REMEMBERED else memory
        if new == memory:
            return Judged(known, verdict, Remembering(memory.signers))
        try:
            if replace_memory(where, evidence.name, memory, new, now()):
                first = not memory.signers
                return Judged(known, verdict, Remembering(new.signers, first))
        except ReproSignError as error:
            return Judged(known, verdict, Remembering(memory.signers, problem=error))


def _no_answer(evidence: ImageEvidence, policy: TrustPolicy, error: NoAnswerError) -> Judged:
    """Say that the memory can't be read, unless the image fails without it."""
    verdict = judge(evidence, policy)
    if verdict.word is not VerdictWord.FAILED:
        reason = Reason("memory-unreadable", str(error))
        verdict = Verdict(VerdictWord.UNKNOWN, (reason,), verdict.notes)
    return Judged(evidence, verdict, Remembering(problem=error))
