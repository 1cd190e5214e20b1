"""What came of many images, counted as their reports come; the reports are not kept."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from repro_sign.report.as_text import Paint, brief, plain
from repro_sign.trust.pinned import LockState
from repro_sign.trust.verdict import VerdictWord
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport

_IN_SIGHT: Final = 10
"""Of so many images the reports are on the screen still when the last one comes."""
_NAMED: Final = 50
"""So many images that are not verified are named once more."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted of a report. `brief` is its one line, empty where it is verified."""

    word: VerdictWord
    size: int
    state: LockState | None
    brief: str

    @classmethod
    def of(cls, report: ImageReport, paint: Paint = plain) -> "Counted":
        """Take it from a report."""
        return cls(
            word=report.verdict.word,
            size=report.evidence.size or 0,
            state=report.pinned.state if report.pinned else None,
            brief="" if report else brief(report, paint),
        )


class Tally:
    """Counts images by verdict, with their bytes, and by what a lock file says of them."""

    def __init__(self, counted: Iterable[Counted] = ()) -> None:
        self.images = 0
        self._words: Counter[VerdictWord] = Counter()
        self._bytes: Counter[VerdictWord] = Counter()
        self._states: Counter[LockState] = Counter()
        self._unverified: list[str] = []
        for one in counted:
            self.add(one)

    def add(self, one: Counted) -> None:
        """Count an image."""
        self.images += 1
        self._words[one.word] += 1
        self._bytes[one.word] += one.size
        if one.state:
            self._states[one.state] += 1
        if one.brief and len(self._unverified) < _NAMED:
            self._unverified.append(one.brief)

    @property
    def words(self) -> set[VerdictWord]:
        """The verdicts that occurred."""
        return set(self._words)

    def line(self, paint: Paint = plain) -> str:
        """Return one line that counts the verdicts, and one that counts what a lock file says."""
        parts = [paint(f"{self._words[word]} {word.value}", word) for word in self._found()]
        states = [f"{self._states[one]} {one.value}" for one in LockState if self._states[one]]
        lock = f"lock file: {', '.join(states)}\n" if states else ""
        return f"{self.images} images: {', '.join(parts)}\n{lock}"

    def table(self, paint: Paint = plain) -> str:
        """Return a table of the verdicts, and before it what is not verified.

        Empty where so few images were verified that their reports are in sight.
        """
        if self.images <= _IN_SIGHT:
            return ""
        return "".join((*self._named(), *self._rows(paint)))

    def _found(self) -> list[VerdictWord]:
        return [word for word in VerdictWord if self._words[word]]

    def _named(self) -> Iterator[str]:
        if not self._unverified:
            return
        yield "\nnot verified\n"
        yield from (f"  {one}" for one in self._unverified)
        more = self.images - self._words[VerdictWord.VERIFIED] - len(self._unverified)
        if more:
            yield f"  and {more} more\n"

    def _rows(self, paint: Paint) -> Iterator[str]:
        yield f"\n{'verdict':<10}{'images':>9}{'MB':>13}\n"
        for word in self._found():
            size = f"{self._bytes[word] / 1e6:.1f}"
            yield f"{paint(f'{word.value:<10}', word)}{self._words[word]:>9}{size:>13}\n"
