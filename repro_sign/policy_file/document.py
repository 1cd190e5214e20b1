"""The text of a policy file, read strictly: a word that is misspelt must not weaken a rule."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import MalformedError
from repro_sign.escaping import is_hidden, printable
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.strict_toml import parse as parse_toml
from repro_sign.values import dataclass

MAX_POLICY_BYTES: Final = 1 << 20
_MAX_NAME_CHARACTERS: Final = 200
_PERIOD: Final = re.compile(r"([1-9][0-9]{0,4})([dwy])")
_DAYS: Final = {"d": 1, "w": 7, "y": 365}


@dataclass(frozen=True, slots=True)
class SignerEntry:
    """A person: the fingerprints of their keys, and files with the public keys."""

    name: str
    fingerprints: tuple[SignerId, ...]
    key_files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """What is asked of images whose file name fits one of the patterns (none: of every image)."""

    name: str
    images: tuple[str, ...]
    require: tuple[str, ...]
    require_manifest: bool
    exact: bool
    require_timestamp: bool
    not_older_than: datetime | None
    remember: bool


@dataclass(frozen=True, slots=True)
class DelegationEntry:
    """Whose delegations for a project are followed, where they lie, and the group they fill."""

    by: str
    project: str
    group: str
    statements: Path


@dataclass(frozen=True, slots=True)
class RotationEntry:
    """Whose statements about a new key of theirs are followed, and where they lie."""

    of: str
    statements: Path


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy file as it stands; paths in it are relative to its folder."""

    signers: tuple[SignerEntry, ...]
    groups: Mapping[str, tuple[str, ...]]
    rules: tuple[RuleEntry, ...]
    delegations: tuple[DelegationEntry, ...]
    rotations: tuple[RotationEntry, ...]
    timestamp_authorities: tuple[Path, ...]


def parse(data: bytes, folder: Path, now: datetime) -> PolicyDocument:
    """Read the text of a policy. Raises `MalformedError` that names the place and the mistake."""
    try:
        members = parse_toml(data)
        table = _Table(members, "the policy", folder, now)
        document = PolicyDocument(
            signers=tuple(_signer(row) for row in table.tables("signer")),
            groups=_groups(table),
            rules=tuple(_rule(row, at) for at, row in enumerate(table.tables("rule"), start=1)),
            delegations=tuple(_delegation(row) for row in table.tables("delegation")),
            rotations=tuple(_rotation(row) for row in table.tables("rotation")),
            timestamp_authorities=tuple(map(table.path, table.texts("timestamp_authorities"))),
        )
        table.demand_nothing_else()
    except (ValueError, TypeError) as error:
        raise MalformedError(printable(str(error))) from error
    if not document.rules:
        raise MalformedError("it has no [[rule]], so nothing could satisfy it")
    return document


def _signer(row: "_Table") -> SignerEntry:
    entry = SignerEntry(
        name=row.name("name"),
        fingerprints=tuple(map(parse_signer, row.texts("fingerprint"))),
        key_files=tuple(map(row.path, row.texts("key"))),
    )
    if not entry.fingerprints:
        raise ValueError(f"{row.what} {entry.name!r} has no fingerprint")
    row.demand_nothing_else()
    return entry


def _groups(table: "_Table") -> dict[str, tuple[str, ...]]:
    groups = table.table("group")
    return {name: tuple(groups.texts(name)) for name in list(groups.members)}


def _rule(row: "_Table", number: int) -> RuleEntry:
    entry = RuleEntry(
        name=row.name("name", f"{number}"),
        images=tuple(row.texts("images")),
        require=tuple(row.texts("require")),
        require_manifest=row.switch("require_manifest"),
        exact=row.switch("exact"),
        require_timestamp=row.switch("require_timestamp"),
        not_older_than=row.moment("not_older_than"),
        remember=row.switch("remember"),
    )
    if not entry.require:
        raise ValueError(f"{row.what} {entry.name!r} requires nobody")
    row.demand_nothing_else()
    return entry


def _delegation(row: "_Table") -> DelegationEntry:
    entry = DelegationEntry(
        by=row.name("by"),
        project=row.name("project"),
        group=row.name("group"),
        statements=row.path(row.name("statements")),
    )
    row.demand_nothing_else()
    return entry


def _rotation(row: "_Table") -> RotationEntry:
    entry = RotationEntry(of=row.name("of"), statements=row.path(row.name("statements")))
    row.demand_nothing_else()
    return entry


class _Table:
    """A table of the file. What is taken from it is ticked off; the rest is a mistake."""

    def __init__(self, members: Any, what: str, folder: Path, now: datetime) -> None:
        if not isinstance(members, dict):
            raise TypeError(f"{what} is not a table")
        self.members: dict[str, Any] = members
        self.what = what
        self._left = set(members)
        self._folder = folder
        self._now = now

    def tables(self, key: str) -> "list[_Table]":
        """Take the tables that stand as `[[key]]`."""
        rows = self._take(key, [])
        if not isinstance(rows, list):
            raise TypeError(f"{key} is written [[{key}]]")
        return [_Table(row, f"a [[{key}]]", self._folder, self._now) for row in rows]

    def table(self, key: str) -> "_Table":
        """Take the table that stands as `[key]`."""
        return _Table(self._take(key, {}), f"[{key}]", self._folder, self._now)

    def name(self, key: str, otherwise: str | None = None) -> str:
        """Take a text that names a thing."""
        value = self._take(key, otherwise)
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{self.what} needs {key} as a text")
        if len(value) > _MAX_NAME_CHARACTERS or any(map(is_hidden, value)):
            raise ValueError(f"{self.what} has a {key} that nobody could read")
        return value.strip()

    def texts(self, key: str) -> list[str]:
        """Take a text or a list of texts; none if it is not there."""
        value = self._take(key, [])
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) and one for one in texts):
            raise ValueError(f"{self.what} needs {key} as a text or a list of texts")
        return texts

    def switch(self, key: str) -> bool:
        """Take true or false; false if it is not there."""
        value = self._take(key, False)
        if not isinstance(value, bool):
            raise TypeError(f"{self.what} needs {key} as true or false")
        return value

    def moment(self, key: str) -> datetime | None:
        """Take a day, a time (UTC where it states no zone) or a period back from now (`90d`)."""
        value = self._take(key, None)
        if value is None:
            return None
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, date):
            return datetime.combine(value, time(tzinfo=UTC))
        found = _PERIOD.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"{self.what} needs {key} as a date (2026-01-31) or a period ('90d')")
        return self._now - timedelta(days=int(found[1]) * _DAYS[found[2]])

    def path(self, text: str) -> Path:
        """Read a path, relative to the policy's folder."""
        return self._folder / text

    def demand_nothing_else(self) -> None:
        """Refuse members that nobody took: they would be misspelt rules."""
        if self._left:
            raise ValueError(f"{self.what} has an unknown member {min(self._left)!r}")

    def _take(self, key: str, otherwise: Any) -> Any:
        self._left.discard(key)
        return self.members.get(key, otherwise)
