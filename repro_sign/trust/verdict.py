"""The answer: one of five words, with its reasons."""

from enum import StrEnum

from repro_sign.values import dataclass


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
