"""What kind of recipe a file is: told by its name, else by how it begins."""

import re
from enum import StrEnum
from pathlib import PurePath
from typing import Final


class Kind(StrEnum):
    """The kinds of files that are read."""

    DEFINITION = "definition file"
    DOCKERFILE = "Dockerfile"
    REQUIREMENTS = "requirements file"
    PYPROJECT = "pyproject.toml"
    CONDA = "conda environment"
    EXPLICIT = "conda explicit list"


_BY_NAME: Final = (
    (Kind.DEFINITION, r".*\.def|(?:singularity|apptainer)(?:\..*)?|.*\.(?:singularity|apptainer)"),
    (Kind.DOCKERFILE, r"(?:dockerfile|containerfile)(?:[.-].*)?|.*\.(?:dockerfile|containerfile)"),
    (Kind.PYPROJECT, r"pyproject\.toml"),
    (Kind.REQUIREMENTS, r".*(?:requirements|constraints).*\.(?:txt|in|pip)"),
)
_YAML: Final = re.compile(r".*\.ya?ml")
_REQUIREMENT: Final = re.compile(
    r"[A-Za-z0-9][\w.-]*(?:\[[\w, -]*\])?\s*"
    r"(?:(?:===?|>=|<=|~=|!=|<|>)\s*[\w.*+!-]+.*|@\s*\S+.*)?(?:;.*)?$"
    r"|(?:git\+)?https?://\S+$|-[rcei] \S+$|--[a-z-]+[ =]\S+$"
)


def kind_of(path: PurePath, text: str) -> Kind | None:
    """Tell what kind of recipe a file is; None if nothing tells it."""
    content = [line.strip() for line in text.split("\n") if line.strip()]
    lines = [line for line in content if not line.startswith("#")]
    if "@EXPLICIT" in lines[:3]:
        return Kind.EXPLICIT
    name = path.name.lower()
    for kind, pattern in _BY_NAME:
        if re.fullmatch(pattern, name):
            return kind
    if _YAML.fullmatch(name):
        return Kind.CONDA if re.search(r"^dependencies\s*:", text, re.MULTILINE) else None
    first = lines[0] if lines else ""
    if re.match(r"(?i)bootstrap\s*:", first):
        return Kind.DEFINITION
    if re.match(r"(?i)(?:FROM|ARG)\s+\S", first) and re.search(r"(?im)^\s*FROM\s", text):
        return Kind.DOCKERFILE
    listed = lines and all(_REQUIREMENT.match(line[:300]) for line in lines[:50])
    if name.endswith(".txt") and (listed or path.parent.name == "requirements"):
        return Kind.REQUIREMENTS
    return None
