"""What a list of dependencies does not pin to one version, in the words of the list."""

import re
from collections.abc import Iterator
from typing import Any, Final

from repro_sign.errors import MalformedError, ReproSignError
from repro_sign.lint import conda_files, requirement_files
from repro_sign.lint.packages import Package, Pin, by_conda, by_requirement, judged
from repro_sign.strict_json import parse_object
from repro_sign.strict_toml import parse as parse_toml

_PINNED: Final = (Pin.EXACT, Pin.LOCAL)
_MAX_TOML_BYTES: Final = requirement_files.MAX_PYPROJECT_BYTES
_SHOWN: Final = "the file"
_EXACT_VERSION: Final = re.compile(r"=*\s*v?\d+(\.\d+)*([.+-]?\w+)*")


class NotUnderstoodError(ReproSignError):
    """A list is not what its name says, so that what it leaves open is not known."""


def of_requirements(text: str) -> Iterator[str]:
    """Yield the requirements of a pip file that are not exact."""
    for _, line in requirement_files.logical_lines(text.split("\n")):
        if requirement_files.is_option(line):
            continue
        _, hashed, package = requirement_files.requirement_in(line)
        if package is not None and not (hashed and package.pin is Pin.URL):
            yield from _loose(package)


def of_pyproject(text: str) -> Iterator[str]:
    """Yield the requirements of a pyproject.toml that are not exact."""
    for one in requirement_files.declared(_toml(text)):
        yield from _loose(judged(one, by_requirement))


def of_pipfile(text: str) -> Iterator[str]:
    """Yield the packages of a Pipfile that are not exact."""
    data = _toml(text)
    yield from _inexact({**_table(data, "packages"), **_table(data, "dev-packages")}, "==")


def of_conda_environment(text: str) -> Iterator[str]:
    """Yield the packages of a conda environment that are not exact."""
    if len(text) > conda_files.MAX_BYTES:
        raise NotUnderstoodError("it is too large")
    for _, manager, spec in conda_files.dependencies_of(text, _SHOWN):
        yield from _loose(judged(spec, by_conda if manager == "conda" else by_requirement))


def of_conda_explicit(text: str) -> Iterator[str]:
    """Yield the addresses of an explicit list that have no digest behind them."""
    if "@EXPLICIT" not in text:
        raise NotUnderstoodError("it is no explicit list")
    for line in text.splitlines():
        if "://" in line and not line.startswith("#") and not conda_files.has_digest(line.strip()):
            yield line.strip().rpartition("/")[2]


def of_description(text: str) -> Iterator[str]:
    """Yield the packages of an R package's DESCRIPTION that are not exact (`Depends: R` aside)."""
    fields = re.split(r"^(?=[A-Za-z]+[\w@/]*:)", text, flags=re.MULTILINE)
    for field in fields:
        name, _, value = field.partition(":")
        if name in ("Imports", "Depends", "LinkingTo"):
            for one in (part.strip() for part in value.split(",")):
                if one and not re.match(r"R\b", one) and not re.search(r"\(\s*==", one):
                    yield " ".join(one.split())


def of_julia_project(text: str) -> Iterator[str]:
    """Yield the packages that a Julia project asks for without an exact `compat` entry."""
    data = _toml(text)
    compat = _table(data, "compat")
    for name in _table(data, "deps"):
        wanted = compat.get(name)
        if not (isinstance(wanted, str) and wanted.startswith("=")):
            yield f"{name} {wanted}" if isinstance(wanted, str) else name


def of_package_json(text: str) -> Iterator[str]:
    """Yield the packages of a package.json that are not exact."""
    try:
        data = parse_object(text.encode(), _SHOWN)
    except MalformedError as error:
        raise NotUnderstoodError(str(error)) from error
    yield from _inexact({**_table(data, "dependencies"), **_table(data, "devDependencies")}, "")


def of_cargo(text: str) -> Iterator[str]:
    """Yield the crates of a Cargo.toml that are not exact: a bare version is a range there."""
    data = _toml(text)
    yield from _inexact({**_table(data, "dependencies"), **_table(data, "build-dependencies")}, "=")


def _inexact(packages: dict[str, Any], equals: str) -> Iterator[str]:
    """Yield what is not one version, written with this sign before it."""
    for name, said in packages.items():
        version = said.get("version") if isinstance(said, dict) else said
        local = isinstance(said, dict) and ("path" in said or "rev" in said or "ref" in said)
        exact = isinstance(version, str) and version.startswith(equals)
        if not local and not (exact and _EXACT_VERSION.fullmatch(str(version))):
            yield f"{name} {version}" if isinstance(version, str) else name


def _loose(package: Package) -> Iterator[str]:
    if package.pin not in _PINNED:
        yield package.text.strip()


def _toml(text: str) -> dict[str, Any]:
    if len(text) > _MAX_TOML_BYTES:
        raise NotUnderstoodError("it is too large")
    try:
        return parse_toml(text.encode())
    except ValueError as error:
        raise NotUnderstoodError("it is not TOML") from error


def _table(data: dict[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}
