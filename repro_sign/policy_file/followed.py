"""Signed delegations and rotations that a policy says to follow."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.checked import CheckedSignature
from repro_sign.errors import MalformedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.statements import signed_file
from repro_sign.statements.delegation import Delegation, Purpose, from_bytes
from repro_sign.statements.signed_file import OPENPGP_ENDING, PEM_ENDING, SignedFile
from repro_sign.statements.statement import SignerRecord
from repro_sign.values import dataclass

_MAX_FILES: Final = 1000
_WHAT: Final = "delegation"

Check = Callable[[SignedFile], CheckedSignature]


@dataclass(frozen=True, slots=True)
class Statement:
    """A good delegation or rotation, and the key that signed it."""

    name: str
    signer: SignerId
    delegation: Delegation


@dataclass(frozen=True, slots=True)
class Unused:
    """A file that holds no good statement, and why."""

    name: str
    why: str


def read_statements(path: Path, check: Check) -> Iterator[Statement | Unused]:
    """Read the statements in a file or a folder, checking their signatures.

    Raises `UnreadableError` if the file or folder is not there.
    """
    for file_path in _files(path):
        file = signed_file.read(file_path, _WHAT)
        found = check(file)
        name = file_path.name
        if found.finding is not Finding.GOOD or found.signer is None:
            yield Unused(name, found.message)
            continue
        try:
            delegation = signed_file.said(file, found.signer, from_bytes)
        except MalformedError as error:
            yield Unused(name, str(error))
            continue
        yield Statement(name, found.signer, delegation)


def successors(statements: list[Statement], keys: set[SignerId]) -> dict[SignerId, Statement]:
    """Return the keys that rotations lead to from these, one after the other."""
    found: dict[SignerId, Statement] = {}
    grown = True
    while grown:
        grown = False
        for one in statements:
            known = keys | found.keys()
            new = one.delegation.delegates[0].fingerprint
            is_rotation = one.delegation.purpose is Purpose.ROTATION
            if is_rotation and one.signer in known and new not in known:
                found[new] = one
                grown = True
    return found


def delegates(
    statements: list[Statement], roots: set[SignerId], project: str
) -> dict[SignerId, tuple[SignerRecord, datetime]]:
    """Return the keys that may sign for a project, each with the latest end it was given."""
    found: dict[SignerId, tuple[SignerRecord, datetime]] = {}
    for one in statements:
        delegation = one.delegation
        if one.signer not in roots or delegation.project != project or delegation.until is None:
            continue
        for delegate in delegation.delegates:
            _, before = found.get(delegate.fingerprint, (delegate, delegation.until))
            found[delegate.fingerprint] = (delegate, max(before, delegation.until))
    return found


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise UnreadableError(f"{printable(str(path))}: {error.strerror}") from error
    wanted = [name for name in names if name.endswith((OPENPGP_ENDING, PEM_ENDING))]
    return [path / name for name in wanted[:_MAX_FILES]]
