"""The rules: for each code its level, what it is about, why that matters, and what to do.

They are data, in `rules.toml`.
"""

import tomllib
from importlib.resources import files
from typing import Final

from repro_sign.lint.finding import LintLevel
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `title` is a sentence without its full stop, `reason` one with it."""

    code: str
    level: LintLevel
    title: str
    reason: str
    fix: str


def read_rules(package: str | None) -> dict[str, Rule]:
    """Read the `rules.toml` of a package of ours."""
    text = files(package or "").joinpath("rules.toml").read_text("utf-8")
    return {
        code: Rule(code, LintLevel(row["level"]), row["title"], row["reason"], row["fix"])
        for code, row in tomllib.loads(text).items()
    }


RULES: Final = read_rules(__package__)
"""All rules by their codes."""
