"""An Execution Control List as Apptainer loads it from `ecl.toml`, which is leniently."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.escaping import printable
from repro_sign.strict_toml import TooLargeError
from repro_sign.strict_toml import parse as parse_toml
from repro_sign.system.files import read_small
from repro_sign.values import dataclass

FILE_NAME: Final = "ecl.toml"
_MAX_BYTES: Final = 1 << 20
_MAX_GROUPS: Final = 1000
_MEMBERS: Final = ("activated", "legacyinsecure", "execgroup")
_GROUP_MEMBERS: Final = ("tagname", "mode", "dirpath", "keyfp")
_FINGERPRINT: Final = re.compile(r"[0-9A-Fa-f]{40}")


class Mode(StrEnum):
    """How the fingerprints of a group count."""

    WHITELIST = "whitelist"
    """One of them has to have signed everything."""
    WHITESTRICT = "whitestrict"
    """All of them have to."""
    BLACKLIST = "blacklist"
    """None of them may be named by any signature, whether it is good or not."""


MODES: Final = tuple(one.value for one in Mode)


@dataclass(frozen=True, slots=True)
class ExecGroup:
    """One group of rules: for images in the folder `dirpath`; an empty one is for all others.

    Nothing is checked here: `mode` may be no mode, and a fingerprint none.
    """

    tag: str
    mode: str
    dirpath: str
    fingerprints: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def listed(self) -> frozenset[str]:
        """The fingerprints, in capitals."""
        return frozenset(one.upper() for one in self.fingerprints)

    @property
    def malformed(self) -> tuple[str, ...]:
        """What stands for a fingerprint and is none, as Apptainer reads it: 40 digits, no more."""
        return tuple(one for one in self.fingerprints if not _FINGERPRINT.fullmatch(one))

    @property
    def name(self) -> str:
        """What the group is called in sentences."""
        where = f"folder {printable(self.dirpath)}" if self.dirpath else "all other folders"
        return f"{printable(self.tag)} ({where})" if self.tag else where


@dataclass(frozen=True, slots=True)
class ControlList:
    """All rules. `unknown` are members of the file that Apptainer passes over."""

    activated: bool
    legacy_insecure: bool
    groups: tuple[ExecGroup, ...]
    unknown: tuple[str, ...] = ()

    def group_for(self, folder: str) -> ExecGroup | None:
        """Return the group for images in a folder: for exactly that one, else for all others."""
        exact = (one for one in self.groups if one.dirpath == folder)
        others = (one for one in self.groups if one.dirpath == "")
        return next(exact, None) or next(others, None)


def read_control_list(path: Path) -> ControlList:
    """Read an `ecl.toml`.

    Raises `MalformedError` where Apptainer could not load it either, `NoAnswerError` where only
    we can't: Apptainer knows no limits.
    """
    return parse(text_of(path))


def text_of(path: Path) -> bytes:
    """Return the bytes of an `ecl.toml`. Raises `NoAnswerError`."""
    try:
        return read_small(path, _MAX_BYTES, "control list")
    except MalformedError as error:
        raise NoAnswerError(str(error)) from error


def parse(data: bytes) -> ControlList:
    """Read the text of an `ecl.toml`, and raise what `read_control_list` raises."""
    try:
        members = parse_toml(data)
        return ControlList(
            activated=_switch(members, "activated"),
            legacy_insecure=_switch(members, "legacyinsecure"),
            groups=tuple(map(_group, _rows(members))),
            unknown=tuple(sorted(members.keys() - set(_MEMBERS))),
        )
    except TooLargeError as error:
        raise NoAnswerError(f"the control list is too large to be read: {error}") from error
    except (ValueError, TypeError) as error:
        raise MalformedError(printable(str(error))) from error


def _rows(members: dict[str, Any]) -> list[Any]:
    rows = members.get("execgroup", [])
    if not isinstance(rows, list):
        raise TypeError("execgroup is written [[execgroup]]")
    if len(rows) > _MAX_GROUPS:
        raise TooLargeError(f"more than {_MAX_GROUPS} groups")
    return rows


def _group(row: Any) -> ExecGroup:
    if not isinstance(row, dict):
        raise TypeError("an execgroup is no table")
    return ExecGroup(
        tag=_text(row, "tagname"),
        mode=_text(row, "mode"),
        dirpath=_text(row, "dirpath"),
        fingerprints=tuple(_texts(row, "keyfp")),
        unknown=tuple(sorted(row.keys() - set(_GROUP_MEMBERS))),
    )


def _switch(members: dict[str, Any], key: str) -> bool:
    value = members.get(key, False)
    if not isinstance(value, bool):
        raise TypeError(f"{key} is true or false")
    return value


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise TypeError(f"{key} is a text")
    return value


def _texts(row: dict[str, Any], key: str) -> Iterator[str]:
    values = row.get(key, [])
    if not isinstance(values, list):
        raise TypeError(f"{key} is a list of texts")
    for one in values:
        if not isinstance(one, str):
            raise TypeError(f"{key} is a list of texts")
        yield one
