"""Read conda's files: an environment (YAML) and an explicit list of addresses."""

import re
from collections.abc import Iterator
from typing import Any, Final

from repro_sign.errors import NoAnswerError
from repro_sign.escaping import printable
from repro_sign.lint.checks.installing import install_remarks
from repro_sign.lint.checks.quoting import quoted
from repro_sign.lint.finding import Remark
from repro_sign.lint.packages import Install, Pin, by_conda, by_requirement, judged

MAX_BYTES: Final = 128 << 10
"""The YAML parser is slow: this is a second's work for it, and 3,000 packages."""
_DIGEST: Final = re.compile(r"#(?:sha256:)?[0-9a-f]{32,64}$")


def read_environment(text: str, shown: str) -> Iterator[Remark]:
    """Judge the dependencies of a conda environment; `shown` names the file in errors.

    Raises `NoAnswerError` if the YAML parser is not installed, or can't make sense of the file.
    """
    exact = 0
    first = 1
    for line, manager, spec in dependencies_of(text, shown):
        package = judged(spec, by_conda if manager == "conda" else by_requirement)
        first = line if not exact else first
        exact += package.pin is Pin.EXACT and manager == "conda"
        yield from install_remarks(Install(manager, (package,)), line, line)
    if exact:
        yield Remark("no-conda-build", first, "which builds are meant is not said", first)


def read_explicit(lines: list[str]) -> Iterator[Remark]:
    """Judge an explicit list (`conda list --explicit`): addresses, each with a digest behind it."""
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith(("http://", "https://", "file://")) and not has_digest(text):
            name = quoted(text.partition("#")[0].rpartition("/")[2])
            yield Remark("no-hashes", number, f"{name} and others have no digest", number)
            return


def has_digest(address: str) -> bool:
    """Whether the digest of what it yields stands behind an address."""
    return _DIGEST.search(address) is not None


def dependencies_of(text: str, shown: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, manager and text of each dependency. Raises `NoAnswerError`."""
    root = _document(text, shown)
    pairs = dict(_members(root))
    listed = pairs.get("dependencies")
    if listed is None:
        raise NoAnswerError(f"{shown}: not a conda environment: it has no dependencies")
    for node in _items(listed):
        if isinstance(node.value, str):
            yield node.start_mark.line + 1, "conda", node.value
        for name, value in _members(node):
            for one in _items(value):
                if name == "pip" and isinstance(one.value, str):
                    yield from _pip_line(one.start_mark.line + 1, one.value)


def _pip_line(line: int, text: str) -> Iterator[tuple[int, str, str]]:
    word = text.split(maxsplit=1)[:1]
    if not word or word[0] not in ("-r", "-c", "-f", "-i", "--index-url", "--extra-index-url"):
        yield line, "pip", text.removeprefix("-e ").removeprefix("--editable ").strip()


def _document(text: str, shown: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        hint = "pip install 'repro-sign[lint]'"
        raise NoAnswerError(f"{shown}: the parser of YAML is not installed", hint=hint) from error
    try:
        # Nodes only: nothing is constructed, and an alias is not copied out.
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        what = printable(str(error).partition("\n")[0])
        raise NoAnswerError(f"{shown}: not a YAML file: {what}") from error


def _members(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of a mapping; nothing for any other node."""
    for pair in node.value if type(node).__name__ == "MappingNode" else ():
        key, value = pair
        if isinstance(key.value, str):
            yield key.value, value


def _items(node: Any) -> list[Any]:
    """Return the nodes of a list; nothing for any other node."""
    return list(node.value) if type(node).__name__ == "SequenceNode" else []
