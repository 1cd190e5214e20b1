"""Read pip's requirements files, and the dependencies in a pyproject.toml."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import NoAnswerError
from repro_sign.escaping import printable
from repro_sign.lint.checks.installing import install_remarks
from repro_sign.lint.checks.quoting import listed, quoted
from repro_sign.lint.finding import Remark
from repro_sign.lint.packages import Install, Package, Pin, by_requirement, judged
from repro_sign.lint.word_list import words
from repro_sign.strict_toml import parse as parse_toml

MAX_PYPROJECT_BYTES: Final = 64 << 10
MAX_REQUIREMENTS: Final = 10_000

_COMMENT: Final = re.compile(r"(?:^|\s)#.*$")
_HASH: Final = re.compile(r"\s--hash[= ]\w+:[0-9a-fA-F]+")
_ADDRESS_OPTION: Final = re.compile(
    r"(?:-i|--index-url|--extra-index-url|-f|--find-links)[ =]*(\S+)"
)
_LOCKS: Final = words(
    "uv.lock poetry.lock pdm.lock pixi.lock pylock.toml Pipfile.lock conda-lock.yml"
)
_DEPENDENCIES: Final = re.compile(
    r"\s*(?:dependencies\s*=|\[(?:tool\.poetry\.(?:group\.\w+\.)?dependencies|dependency-groups)\])"
)


def read_requirements(lines: list[str], path: Path, shown: str) -> Iterator[Remark]:
    """Judge the lines of a requirements file; `shown` names it in errors.

    Nothing is wrong with the ranges of a `.in` file if the `.txt` made from it lies beside. Raises
    `NoAnswerError` if there are too many.
    """
    if path.suffix == ".in" and path.with_suffix(".txt").is_file():
        return
    hashless: list[tuple[int, str]] = []
    requirements = list(islice(logical_lines(lines), MAX_REQUIREMENTS + 1))
    if len(requirements) > MAX_REQUIREMENTS:
        raise NoAnswerError(f"{shown}: more than {MAX_REQUIREMENTS} requirements")
    for number, text in requirements:
        if is_option(text):
            yield from _option(number, text)
            continue
        without, hashed, package = requirement_in(text)
        if package is None:
            message = f"{quoted(without)} is no requirement"
            yield Remark("requirement-not-understood", number, message, number)
            continue
        if package.pin is Pin.URL and hashed:
            continue
        if package.pin is Pin.EXACT and not hashed and "://" not in without:
            hashless.append((number, without))
        yield from install_remarks(Install("pip", (package,)), number, number)
    if hashless:
        first = hashless[0][0]
        message = f"{listed([name for _, name in hashless])}: no digests"
        yield Remark("no-hashes", first, message, first)


def read_pyproject(text: str, path: Path, shown: str) -> Iterator[Remark]:
    """Judge a pyproject.toml: ranges are right in it if a lock file lies beside.

    Raises `NoAnswerError` if it can't be read as TOML.
    """
    try:
        data = parse_toml(text.encode())
    except ValueError as error:
        raise NoAnswerError(f"{shown} can't be read as TOML: {printable(str(error))}") from error
    if any(path.with_name(name).is_file() for name in _LOCKS):
        return
    packages = [judged(one, by_requirement) for one in declared(data)]
    loose = [one.text for one in packages if one.pin in (Pin.NONE, Pin.RANGE)]
    lines = text.split("\n")
    line = next((at for at, one in enumerate(lines, 1) if _DEPENDENCIES.match(one)), 1)
    if loose:
        message = f"{listed(loose)}: ranges, and no lock file beside"
        yield Remark("no-lock-file", line, message, line)
    others = tuple(one for one in packages if one.text not in loose)
    yield from install_remarks(Install("pip", others), line, line)


def logical_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield each requirement with the number of its first line, continued lines joined."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(lines, 1):
        first = first if parts else number
        text = _COMMENT.sub("", line.rstrip("\r"))
        parts.append(text.removesuffix("\\"))
        if not text.endswith("\\"):
            joined = " ".join(parts).strip()
            parts = []
            if joined:
                yield first, joined
    joined = " ".join(parts).strip()
    if joined:
        yield first, joined


def is_option(text: str) -> bool:
    """Whether a logical line is an option of pip's and no requirement."""
    return text.startswith("-") and not re.match(r"(?:-e|--editable)\b", text)


def requirement_in(text: str) -> tuple[str, bool, Package | None]:
    """Take a logical line apart: the text without digests, whether there are any, the package."""
    without = _HASH.split(text, maxsplit=1)[0].strip()
    package = _package(re.sub(r"^(?:-e|--editable)[ =]+", "", without))
    return without, _HASH.search(text) is not None, package


def _package(text: str) -> Package | None:
    """Judge one requirement; None if it is none (PEP 508, or an address or path)."""
    from packaging.requirements import InvalidRequirement, Requirement

    package = judged(text, by_requirement)
    if package.pin is Pin.NONE or package.pin is Pin.RANGE or package.pin is Pin.EXACT:
        try:
            Requirement(text)
        except InvalidRequirement:
            return package if "://" in text or "$" in text else None
    return package


def _option(number: int, text: str) -> Iterator[Remark]:
    address = _ADDRESS_OPTION.match(text)
    if address and address[1].startswith("http://"):
        yield Remark("plain-http", number, f"{quoted(address[1])} is not https", number)
    if text.startswith("--trusted-host"):
        message = f"pip is told not to check ({quoted(text)})"
        yield Remark("not-authenticated", number, message, number)


def declared(data: dict[str, Any]) -> Iterator[str]:
    """Yield the requirements of the three notations that are in use."""
    project = _table(data.get("project"))
    yield from _strings(project.get("dependencies"))
    for table in (project.get("optional-dependencies"), data.get("dependency-groups")):
        for group in _table(table).values():
            yield from _strings(group)
    poetry = _table(_table(data.get("tool")).get("poetry"))
    groups = [_table(one) for one in _table(poetry.get("group")).values()]
    for table in (poetry, *groups):
        for name, version in _table(table.get("dependencies")).items():
            if name != "python" and isinstance(version, str):
                exact = re.fullmatch(r"=*\d[\w.]*", version)
                yield f"{name}=={version.lstrip('=')}" if exact else f"{name} {version}"


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
