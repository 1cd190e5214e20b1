"""Lint a file: tell its kind, read it, look for everything, leave out what is to be ignored."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, NoAnswerError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.lint import conda_files, definition_file, docker_file, requirement_files
from repro_sign.lint.checks.bases import check_bases
from repro_sign.lint.checks.downloading import check_downloads
from repro_sign.lint.checks.installing import check_installs
from repro_sign.lint.checks.running import check_running
from repro_sign.lint.checks.secrets import check_secrets
from repro_sign.lint.finding import LintFinding, LintLevel, Remark
from repro_sign.lint.ignoring import without_ignored
from repro_sign.lint.kinds import Kind, kind_of
from repro_sign.lint.recipe import Recipe
from repro_sign.lint.rules import RULES
from repro_sign.sif.layout import DataType
from repro_sign.sif.reader import looks_like_sif, open_image
from repro_sign.system.files import read_small
from repro_sign.times import utc_now

MAX_BYTES: Final = 1 << 20
"""Recipes are written by hand; requirements files with digests are the longest."""
_MAX_BYTES: Final = {
    Kind.DEFINITION: 256 << 10,
    Kind.PYPROJECT: requirement_files.MAX_PYPROJECT_BYTES,
    Kind.DOCKERFILE: docker_file.MAX_BYTES,
    Kind.CONDA: conda_files.MAX_BYTES,
}


def lint_recipe(path: Path, *, today: date | None = None) -> tuple[LintFinding, ...]:
    """Say what in a recipe is not pinned, not checked or not said, by line.

    `path` is a definition file, a Dockerfile, a requirements or conda environment file, a
    pyproject.toml, or an image, whose definition file is read then. `today` decides which bases
    have reached their end of life. Nothing is run and nothing fetched. Raises `NoAnswerError` if
    the file can't be read, is none of these, or needs a parser that is not installed.
    """
    day = today or utc_now().date()
    try:
        if looks_like_sif(path):
            return lint_definition(_definition_in(path), str(path), day)
        data = read_small(path, MAX_BYTES, "recipe")
    except MalformedError as error:
        raise UnreadableError(f"{printable(str(path))}: {error}") from error
    return _lint_text(_decoded(data, path), path, day)


def lint_definition(text: str, file: str, today: date) -> tuple[LintFinding, ...]:
    """Lint the text of a definition file; `file` is what the findings are said to be in."""
    lines = text.split("\n")
    return _findings(_recipe_remarks(definition_file.read(text), lines, today), lines, file)


def _definition_in(path: Path) -> str:
    with open_image(path) as image:
        for one in image.objects:
            if one.data_type == DataType.DEFINITION_FILE:
                return image.object_data(one, limit=MAX_BYTES).decode("utf-8", "replace")
    raise UnreadableError(f"{printable(str(path))}: no definition file is in this image")


def _decoded(data: bytes, path: Path) -> str:
    if b"\0" in data:
        raise UnreadableError(f"{printable(str(path))}: not a text file")
    # A name in another encoding is no reason to read nothing.
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _lint_text(text: str, path: Path, today: date) -> tuple[LintFinding, ...]:
    shown = printable(str(path))
    lines = text.split("\n")
    kind = kind_of(path, text)
    if kind is None:
        raise NoAnswerError(
            f"{shown}: can't tell what kind of recipe this is",
            hint="give it a usual name: NAME.def, Dockerfile, requirements.txt, environment.yml",
        )
    limit = _MAX_BYTES.get(kind, MAX_BYTES)
    if len(text.encode()) > limit:
        raise UnreadableError(f"{shown} is larger than any {kind} ({limit} bytes)")
    remarks: Iterable[Remark]
    match kind:
        case Kind.DEFINITION:
            remarks = _recipe_remarks(definition_file.read(text), lines, today)
        case Kind.DOCKERFILE:
            remarks = _recipe_remarks(docker_file.read(text, shown), lines, today)
        case Kind.REQUIREMENTS:
            remarks = _requirement_remarks(lines, path, shown)
        case Kind.PYPROJECT:
            remarks = requirement_files.read_pyproject(text, path, shown)
        case Kind.CONDA:
            remarks = conda_files.read_environment(text, shown)
        case Kind.EXPLICIT:
            remarks = conda_files.read_explicit(lines)
    return _findings(remarks, lines, str(path))


def _requirement_remarks(lines: list[str], path: Path, shown: str) -> Iterator[Remark]:
    yield from requirement_files.read_requirements(lines, path, shown)
    yield from check_secrets(lines)


def _recipe_remarks(recipe: Recipe, lines: list[str], today: date) -> Iterator[Remark]:
    yield from recipe.remarks
    yield from check_bases(recipe, today)
    yield from check_installs(recipe)
    yield from check_downloads(recipe)
    yield from check_running(recipe)
    yield from check_secrets(lines)


def _findings(remarks: Iterable[Remark], lines: list[str], file: str) -> tuple[LintFinding, ...]:
    kept = dict.fromkeys(without_ignored(remarks, lines))
    found = [
        LintFinding(
            code=one.code,
            level=RULES[one.code].level,
            file=file,
            line=one.line,
            message=one.message,
            fix=RULES[one.code].fix,
        )
        for one in kept
    ]
    found.sort(key=lambda one: (one.line, one.level is LintLevel.ADVICE, one.code, one.message))
    return tuple(found)
