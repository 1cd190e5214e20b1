"""How an image compares with what a lock file says of it."""

from enum import StrEnum

from repro_sign.values import dataclass


class LockState(StrEnum):
    """One word for each image of a folder that is held against a lock file."""

    SAME = "same"
    """Its bytes are those that were locked, and everybody who vouched then does now."""
    CHANGED = "changed"
    OTHER_SIGNER = "other-signer"
    """The same bytes, but of those who vouched when it was locked not all do now."""
    MISSING = "missing"
    EXTRA = "extra"
    """It lies in the folder, and the lock file does not name it."""
    UNREAD = "unread"
    """It could not be read, so nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """What came of holding one image against a lock file: a word and a sentence."""

    state: LockState
    message: str
