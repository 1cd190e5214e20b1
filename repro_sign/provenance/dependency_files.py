"""Which files name the libraries of a source, told by their names."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from repro_sign.provenance import loose_ends
from repro_sign.values import dataclass

Loose = Callable[[str], Iterable[str]]
"""Yields what a file's text leaves open. Raises `NotUnderstoodError` or `NoAnswerError`."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file. A lock file pins everything; a list does so if a lock file lies beside it.

    `loose` is None where what a list leaves open can't be told.
    """

    name: str
    pattern: str
    is_lock: bool = False
    locked_by: tuple[str, ...] = ()
    loose: Loose | None = None


_PYTHON_LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock", "pixi.lock", "pylock.toml")
KINDS: Final = (
    FileKind("uv-lock", r"uv\.lock", is_lock=True),
    FileKind("poetry-lock", r"poetry\.lock", is_lock=True),
    FileKind("pdm-lock", r"pdm\.lock", is_lock=True),
    FileKind("pixi-lock", r"pixi\.lock", is_lock=True),
    FileKind("pylock", r"pylock(\.[\w-]+)?\.toml", is_lock=True),
    FileKind("pipenv-lock", r"Pipfile\.lock", is_lock=True),
    FileKind("conda-lock", r"conda-lock\.ya?ml", is_lock=True),
    FileKind("renv-lock", r"renv\.lock", is_lock=True),
    FileKind("julia-manifest", r"(Julia)?Manifest(-v[\d.]+)?\.toml", is_lock=True),
    FileKind("npm-lock", r"package-lock\.json|npm-shrinkwrap\.json", is_lock=True),
    FileKind("yarn-lock", r"yarn\.lock", is_lock=True),
    FileKind("pnpm-lock", r"pnpm-lock\.yaml", is_lock=True),
    FileKind("cargo-lock", r"Cargo\.lock", is_lock=True),
    FileKind("go-sum", r"go\.sum", is_lock=True),
    FileKind("spack-lock", r"spack\.lock", is_lock=True),
    FileKind("bundler-lock", r"Gemfile\.lock", is_lock=True),
    FileKind("conan-lock", r"conan\.lock", is_lock=True),
    FileKind("nix-flake-lock", r"flake\.lock", is_lock=True),
    FileKind(
        "pip-requirements",
        r".*requirements.*\.txt|.*requirements.*\.pip",
        loose=loose_ends.of_requirements,
    ),
    FileKind(
        "pyproject", r"pyproject\.toml", locked_by=_PYTHON_LOCKS, loose=loose_ends.of_pyproject
    ),
    FileKind("pipenv", r"Pipfile", locked_by=("Pipfile.lock",), loose=loose_ends.of_pipfile),
    FileKind(
        "conda-environment",
        r"environment[\w.-]*\.ya?ml",
        locked_by=("conda-lock.yml", "pixi.lock"),
        loose=loose_ends.of_conda_environment,
    ),
    FileKind(
        "conda-explicit",
        r"(conda-)?(linux|osx|win)-[\w-]+\.lock|.*explicit.*\.txt|spec-file\.txt",
        loose=loose_ends.of_conda_explicit,
    ),
    FileKind(
        "r-description", r"DESCRIPTION", locked_by=("renv.lock",), loose=loose_ends.of_description
    ),
    FileKind(
        "julia-project",
        r"(Julia)?Project\.toml",
        locked_by=("Manifest.toml", "JuliaManifest.toml"),
        loose=loose_ends.of_julia_project,
    ),
    FileKind(
        "npm-package",
        r"package\.json",
        locked_by=("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml"),
        loose=loose_ends.of_package_json,
    ),
    FileKind(
        "cargo-manifest", r"Cargo\.toml", locked_by=("Cargo.lock",), loose=loose_ends.of_cargo
    ),
    FileKind("go-module", r"go\.mod", locked_by=("go.sum",)),
    FileKind("spack-environment", r"spack\.yaml", locked_by=("spack.lock",)),
)
"""What is known, the more particular first."""


def kind_of(name: str) -> FileKind | None:
    """Return the kind of file that has this name."""
    return next((one for one in KINDS if re.fullmatch(one.pattern, name)), None)
