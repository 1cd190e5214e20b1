"""Delegations and rotations as values: signed statements that hand a signer's word to other keys.

By a delegation the holder of a key says that other people's keys may sign for a project until a
date; by a rotation, that another key of theirs takes this one's place. Neither has any force by
itself: a policy says whose are followed.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.hashing import digests_of
from repro_sign.known_keys import Keys, read_keys
from repro_sign.statements import statement
from repro_sign.statements.statement import SignerRecord, Subject, read_signer, signer_members
from repro_sign.strict_json import a_list, a_string, an_object
from repro_sign.times import parse_rfc3339, rfc3339
from repro_sign.values import dataclass

DELEGATION_TYPE: Final = "urn:repro-sign:delegation:v1"
MAX_KEYS: Final = 100


class Purpose(StrEnum):
    """What a statement of this kind does."""

    DELEGATION = "delegation"
    """Other people may sign for a project until a date."""
    ROTATION = "rotation"
    """Another key of the same person takes this one's place."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """A delegation or a rotation. A delegation has a project and an end, a rotation neither."""

    purpose: Purpose
    delegates: tuple[SignerRecord, ...]
    signer: SignerRecord
    created: datetime
    project: str = ""
    until: datetime | None = None

    def __post_init__(self) -> None:
        limited = bool(self.project) and self.until is not None
        if limited != (self.purpose is Purpose.DELEGATION):
            raise ValueError("a delegation has a project and an end, a rotation has neither")
        if not 1 <= len(self.delegates) <= MAX_KEYS:
            raise ValueError(f"it names {len(self.delegates)} keys; 1 to {MAX_KEYS} are possible")
        if self.purpose is Purpose.ROTATION and len(self.delegates) != 1:
            raise ValueError("a rotation names one key")


def to_bytes(delegation: Delegation) -> bytes:
    """Write a delegation, as `statement.write` does and with its errors."""
    subjects = [_subject(one) for one in delegation.delegates]
    return statement.write(subjects, DELEGATION_TYPE, _predicate(delegation))


def from_bytes(data: bytes) -> Delegation:
    """Read a delegation from the bytes whose signature was checked. Raises `MalformedError`."""
    return statement.read(data, DELEGATION_TYPE, "the delegation", _take)


def keys_of(record: SignerRecord) -> Keys:
    """Read the public key of a record. Raises `ValueError` if it is not the one that is named."""
    try:
        keys = read_keys(record.public_key.encode(), "its key")
    except (MalformedError, RefusedError) as error:
        raise ValueError(str(error)) from error
    if keys.signers != (record.fingerprint,):
        raise ValueError(f"its key is not {record.fingerprint}")
    return keys


def _predicate(delegation: Delegation) -> dict[str, Any]:
    limits = (
        {"project": delegation.project, "until": rfc3339(delegation.until)}
        if delegation.until
        else {}
    )
    return {
        "purpose": delegation.purpose.value,
        "delegates": [signer_members(one) for one in delegation.delegates],
        "signer": signer_members(delegation.signer),
        "created": rfc3339(delegation.created),
        **limits,
    }


def _take(subjects: tuple[Subject, ...], predicate: dict[str, Any]) -> Delegation:
    found = Delegation(
        purpose=Purpose(a_string(predicate["purpose"])),
        delegates=tuple(_delegate(row) for row in a_list(predicate["delegates"], "keys")),
        signer=read_signer(an_object(predicate["signer"])),
        created=parse_rfc3339(a_string(predicate["created"])),
        project=a_string(predicate.get("project", "")),
        until=parse_rfc3339(a_string(predicate["until"])) if "until" in predicate else None,
    )
    if subjects != tuple(_subject(one) for one in found.delegates):
        raise ValueError("its subjects are not the keys that it names")
    return found


def _delegate(row: Mapping[str, Any]) -> SignerRecord:
    record = read_signer(an_object(row))
    keys_of(record)
    return record


def _subject(delegate: SignerRecord) -> Subject:
    """Describe a delegate's public key as the file that `keygen` writes."""
    return Subject(delegate.fingerprint.file_name, *digests_of(delegate.public_key.encode()))
