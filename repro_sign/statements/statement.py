"""In-toto statements, the frame of everything that is signed beside an image (design, section 5).

A statement is about subjects and says of them what its predicate holds. Kinds of statements are
told apart by `predicateType`, before anything else in them is used. Writing is canonical; reading
is strict where a mistake could mislead, and lenient towards unknown members of a predicate.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final, TypeVar

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import is_hidden
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.strict_json import a_list, a_string, an_object, parse_object
from repro_sign.values import dataclass

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
MAX_LINE_BYTES: Final = 10_000
"""gpg --clearsign cuts lines of about 20,000 bytes and calls the result good."""
MAX_STATEMENT_BYTES: Final = 4 << 20
"""The manifest of an image with 4,096 objects and 5,000 other files stays below this."""
_MAX_SUBJECTS: Final = 10_000
_SUBJECT_ALGORITHMS: Final = ("sha256", "blake3")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Subject:
    """A file that a statement is about: a relative name and digests of the whole file."""

    name: str
    sha256: Digest
    blake3: Digest


@dataclass(frozen=True, slots=True)
class SignerRecord:
    """Who says it: the key's fingerprint, its user id, and the public key as it was then."""

    fingerprint: SignerId
    user_id: str | None
    public_key: str


def write(subjects: Sequence[Subject], predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """Write a statement: UTF-8, sorted keys, short lines, no final line end.

    Raises `RefusedError` if some text in it would make a line too long to be signed safely.
    """
    members = members_of(subjects, predicate_type, predicate)
    text = json.dumps(members, indent=2, sort_keys=True, ensure_ascii=False)
    data = "".join(map(_visible, text)).encode("utf-8", "backslashreplace")
    if max(len(line) for line in data.split(b"\n")) > MAX_LINE_BYTES:
        raise RefusedError(f"a text in the statement is longer than {MAX_LINE_BYTES} bytes")
    return data


def members_of(
    subjects: Sequence[Subject], predicate_type: str, predicate: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a statement as the members of its JSON object."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": one.name, "digest": {"sha256": one.sha256.hex, "blake3": one.blake3.hex}}
            for one in subjects
        ],
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def read(
    data: bytes,
    predicate_type: str,
    what: str,
    take: Callable[[tuple[Subject, ...], dict[str, Any]], _Value],
) -> _Value:
    """Read a statement of one kind from the bytes whose signature was checked.

    `take` makes a value of its subjects and predicate; it may raise `KeyError`, `TypeError` or
    `ValueError` for what is missing or wrong. `what` names the statement (`the manifest`).

    Raises `MalformedError`, with code `other-statement` if it is of another kind.
    """
    document = parse_object(data, what)
    if document.get("_type") != STATEMENT_TYPE:
        raise MalformedError(f"{what} is not an in-toto Statement v1")
    if document.get("predicateType") != predicate_type:
        kind = what.removeprefix("the ")
        raise MalformedError(f"this signed statement is not a {kind}", code="other-statement")
    try:
        return take(_subjects(document["subject"]), an_object(document["predicate"]))
    except KeyError as error:
        raise MalformedError(f"{what} lacks {error.args[0]!r}") from error
    except (TypeError, ValueError) as error:
        raise MalformedError(f"{what} is not valid: {error}") from error


def embedded_key(data: bytes) -> bytes | None:
    """Return the public key in a statement whose signature has *not* been checked, or None.

    It only serves to check that signature: nothing else may be read from such a statement.
    """
    try:
        predicate = an_object(parse_object(data, "the statement")["predicate"])
        lines = a_list(an_object(predicate["signer"])["public_key"], "lines")
        return "\n".join(map(a_string, lines)).encode() + b"\n"  # a comment may name people
    except (MalformedError, KeyError, TypeError, ValueError):
        return None


def signer_members(signer: SignerRecord) -> dict[str, Any]:
    """Return what a statement says of its signer as the members of a JSON object."""
    return {
        "fingerprint": str(signer.fingerprint),
        "user_id": signer.user_id,
        "public_key": signer.public_key.splitlines(),
    }


def read_signer(members: Mapping[str, Any]) -> SignerRecord:
    """Read what `signer_members` writes. Raises `KeyError`, `TypeError` or `ValueError`."""
    user_id = members.get("user_id")
    lines = a_list(members["public_key"], "lines")
    return SignerRecord(
        fingerprint=parse_signer(a_string(members["fingerprint"])),
        user_id=None if user_id is None else a_string(user_id),
        public_key="\n".join(map(a_string, lines)) + "\n",
    )


def check_name(name: str) -> str:
    """Return a subject's name if it stays below the statement's folder; raise `ValueError`."""
    parts = PurePosixPath(name).parts
    hidden = any(map(is_hidden, name))
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive != ""
    if not parts or name != "/".join(parts) or absolute or ".." in parts or "\\" in name or hidden:
        raise ValueError(f"{name!r} is no name of a file in this folder")
    return name


def _visible(character: str) -> str:
    """Escape what no eye can see; such characters stand inside JSON strings only."""
    if character == "\n" or not is_hidden(character):
        return character
    return json.dumps(character)[1:-1]


def _subjects(rows: Any) -> tuple[Subject, ...]:
    if not isinstance(rows, list) or not 1 <= len(rows) <= _MAX_SUBJECTS:
        raise ValueError("its list of subjects is missing, empty or too long")
    subjects = tuple(read_subject(an_object(row)) for row in rows)
    if len({one.name for one in subjects}) != len(subjects):
        raise ValueError("a subject occurs twice")
    return subjects


def read_subject(row: Mapping[str, Any]) -> Subject:
    """Read a file's name and digests. Raises `KeyError`, `TypeError` or `ValueError`."""
    digests = an_object(row["digest"])
    sha256, blake3 = (Digest(name, a_string(digests[name])) for name in _SUBJECT_ALGORITHMS)
    return Subject(check_name(a_string(row["name"])), sha256, blake3)
