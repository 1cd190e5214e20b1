"""What came of holding something that a manifest says against what is here, as a value."""

from enum import StrEnum

from repro_sign.values import dataclass


class Outcome(StrEnum):
    """What a comparison says."""

    SAME = "same"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    """It could not be found out."""
    NOTED = "noted"
    """Neither: something that the reader should know."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: a stable code, what came of it, and a sentence.

    The sentence quotes the manifest: hostile text until escaped.
    """

    code: str
    outcome: Outcome
    message: str
