"""Where the recipes of these tests lie, and linting a text that a test writes."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from repro_sign import LintFinding, ReproSignError, lint_recipe
from tests.programs import PROJECT

FOLDER: Final = PROJECT / "tests" / "lint"
RECIPES: Final = FOLDER / "recipes"
TODAY: Final = date(2026, 11, 25)
"""The day on which the expectations were written."""

GOOD_BASE: Final = f"python:3.11.9-slim-bookworm@sha256:{'0f' * 32}"


def lint_text(folder: Path, name: str, text: str) -> tuple[LintFinding, ...]:
    """Write a recipe and lint it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return lint_recipe(path, today=TODAY)


def linted(path: Path) -> tuple[LintFinding, ...] | ReproSignError:
    """Lint a file; return the findings, or the error of ours that there was."""
    try:
        return lint_recipe(path, today=TODAY)
    except ReproSignError as error:
        return error


def codes(findings: tuple[LintFinding, ...], *about: str) -> list[str]:
    """Return "line code" of each finding whose code begins with one of `about`."""
    return [f"{one.line} {one.code}" for one in findings if not about or one.code.startswith(about)]


def post(command: str) -> str:
    """Return a definition file, in order but for a command in its %post, which is on line 15."""
    return f"""\
Bootstrap: docker
From: {GOOD_BASE}

%labels
    Author Ada

%environment
    export RANDOM_SEED=42

%runscript
    exec python /opt/run.py --steps 1000

# line 13
%post
{command}
"""


def all_recipes() -> Iterator[Path]:
    """Yield all files in the folder of recipes."""
    yield from sorted(path for path in RECIPES.rglob("*") if path.is_file())
