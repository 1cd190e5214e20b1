"""What `lint` has to say about one place in a recipe."""

from enum import StrEnum

from repro_sign.values import dataclass


class LintLevel(StrEnum):
    """How grave a finding is: only problems make `lint` end with status 1."""

    PROBLEM = "problem"
    """Building or running it again can give something else."""
    ADVICE = "advice"
    """It could be better said or better pinned."""


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding. `code` is a stable word (docs/commands-lint.md); `line` counts from 1.

    `message` quotes the recipe, escaped; `fix` says what to do. `file` is the path as it was given.
    """

    code: str
    level: LintLevel
    file: str
    line: int
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding that does not yet know its file.

    `start` is the first line of the instruction or command that `line` belongs to: an "ignore"
    there counts, too.
    """

    code: str
    line: int
    message: str
    start: int
