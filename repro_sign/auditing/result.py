"""What an audit found, as values."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from repro_sign.auditing.database import Seen
from repro_sign.trust.verdict import VerdictWord
from repro_sign.values import dataclass


class Event(StrEnum):
    """What became of an image since the last audit."""

    SAME = "same"
    NEW = "new"
    CHANGED = "changed"
    """Other bytes than before."""
    CORRUPTED = "corrupted"
    """Other bytes than before, under the same times and size: nobody says to have written it."""
    REVOKED = "revoked"
    """It was verified, and a key that signed it has been revoked since."""
    WORSE = "worse"
    """It was verified and no longer is."""
    RECOVERED = "recovered"
    """It is verified and was not."""


@dataclass(frozen=True, slots=True)
class AuditedImage:
    """An image of the audit, by its path below the folder; `read` is whether its bytes were."""

    path: str
    event: Event
    seen: Seen
    read: bool

    @property
    def word(self) -> VerdictWord:
        """The verdict."""
        return VerdictWord(self.seen.verdict)

    @property
    def calls(self) -> bool:
        """Whether somebody has to look: it is not verified, or its bytes changed by themselves."""
        return self.word is not VerdictWord.VERIFIED or self.event is Event.CORRUPTED

    @property
    def reason(self) -> str:
        """Why the verdict is what it is, in one sentence; hostile text until escaped."""
        return self.seen.reasons[0][1] if self.seen.reasons else ""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All images of a folder, in order, and those that are gone since the last audit."""

    folder: Path
    started: datetime
    images: tuple[AuditedImage, ...]
    vanished: tuple[str, ...]

    @property
    def verdicts(self) -> Counter[VerdictWord]:
        """How many images have each verdict."""
        return Counter(one.word for one in self.images)

    @property
    def events(self) -> Counter[Event]:
        """How many images met with each event."""
        return Counter(one.event for one in self.images)

    @property
    def read(self) -> int:
        """How many images' bytes were read."""
        return sum(one.read for one in self.images)

    def words(self) -> Iterable[VerdictWord]:
        """Give the verdicts that the exit status is made of."""
        for one in self.images:
            yield VerdictWord.FAILED if one.event is Event.CORRUPTED else one.word
