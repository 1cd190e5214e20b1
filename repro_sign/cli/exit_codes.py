"""Exit statuses: a contract (README, "Exit statuses")."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from repro_sign.trust.verdict import VerdictWord


class ExitCode(IntEnum):
    """What a status means, for `verify` and, in brackets, for the other commands."""

    VERIFIED = 0
    """Every image verified (done)."""
    FAILED = 1
    """Evidence against an image (refused or failed)."""
    USAGE = 2
    UNKNOWN = 3
    """No answer (could not be found out)."""
    UNSIGNED = 4
    UNTRUSTED = 5


OF_VERDICT: Final = {
    VerdictWord.VERIFIED: ExitCode.VERIFIED,
    VerdictWord.FAILED: ExitCode.FAILED,
    VerdictWord.UNKNOWN: ExitCode.UNKNOWN,
    VerdictWord.UNSIGNED: ExitCode.UNSIGNED,
    VerdictWord.UNTRUSTED: ExitCode.UNTRUSTED,
}
_GRAVEST_FIRST: Final = (
    ExitCode.FAILED,
    ExitCode.UNKNOWN,
    ExitCode.UNSIGNED,
    ExitCode.UNTRUSTED,
    ExitCode.VERIFIED,
)

INTERRUPTED: Final = 130
"""Ended by Ctrl-C, as shells count it."""


def gravest(words: Iterable[VerdictWord]) -> ExitCode:
    """Return the status of several images: that of the gravest verdict; nothing is no answer."""
    found = {OF_VERDICT[word] for word in words}
    return next((code for code in _GRAVEST_FIRST if code in found), ExitCode.UNKNOWN)
