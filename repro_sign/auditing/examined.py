"""What was found of an image in an audit, without what only the machine that read it can hold."""

from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import Path
from typing import Protocol

from repro_sign.auditing.state import State, others_of
from repro_sign.trust.verdict import VerdictWord
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport, VerifyRequest


@dataclass(frozen=True, slots=True)
class Examined:
    """A verdict and what it is about.

    `reasons` are pairs of code and sentence. `signers` are those that the policy believes. `others`
    are the names, relative to the image's folder, of what else was looked at.
    """

    verdict: VerdictWord
    reasons: tuple[tuple[str, str], ...]
    digests: dict[str, str] = field(default_factory=dict)
    identity: str = ""
    signers: tuple[str, ...] = ()
    size: int = 0
    others: tuple[str, ...] = ()


def examined(report: ImageReport) -> Examined:
    """Return what an audit keeps of a report."""
    evidence, policy = report.evidence, report.policy
    signers = {each.signer for each in evidence.signatures}
    signers |= {each.signer for each in report.believed}
    return Examined(
        verdict=report.verdict.word,
        reasons=tuple((each.code, each.message) for each in report.verdict.reasons),
        digests={name: digest.hex for name, digest in evidence.digests.items()},
        identity=str(evidence.identity or ""),
        signers=tuple(sorted(str(each) for each in signers if policy.why(each))),
        size=evidence.size or 0,
        others=others_of(report),
    )


def not_examined(why: str) -> Examined:
    """Return that nothing could be found out about an image, and why."""
    return Examined(VerdictWord.UNKNOWN, (("unreadable", why),))


@dataclass(frozen=True, slots=True)
class ToExamine:
    """An image whose bytes have to be read, and its state before that."""

    path: Path
    state: State


class Executor(Protocol):
    """Has images examined, wherever."""

    def examine(
        self, images: Sequence[ToExamine], request: VerifyRequest
    ) -> Iterator[tuple[int, Examined]]:
        """Yield what was found of each image, with its number, in any order; each image once."""
        ...
