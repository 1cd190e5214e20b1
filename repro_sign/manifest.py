"""The manifest as a value: an in-toto Statement over an image, and its bytes (design, section 5).

Writing is canonical, reading is strict where a mistake could mislead (digests, names, the kind
of statement) and lenient towards unknown members, so that later versions can add parts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import is_hidden
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.strict_json import parse_object
from repro_sign.times import parse_rfc3339, rfc3339

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
MANIFEST_TYPE: Final = "urn:repro-sign:manifest:v1"
MAX_LINE_BYTES: Final = 10_000
"""gpg --clearsign cuts lines of about 20,000 bytes and calls the result good."""
MAX_MANIFEST_BYTES: Final = 4 << 20
"""An image with 4,096 objects and 5,000 other files stays below this."""
_MAX_SUBJECTS: Final = 10_000
_SUBJECT_ALGORITHMS: Final = ("sha256", "blake3")


@dataclass(frozen=True, slots=True)
class Subject:
    """A file that a manifest is about: a relative name and digests of the whole file."""

    name: str
    sha256: Digest
    blake3: Digest


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """What a manifest says of one SIF object."""

    id: int
    group: int
    type: str
    name: str
    size: int
    sha256: Digest


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What a manifest says of the image."""

    size: int
    uuid: str
    arch: str
    identity: Digest
    objects: tuple[ObjectRecord, ...]


@dataclass(frozen=True, slots=True)
class SignerRecord:
    """Who says it: the key's fingerprint, its user id, and the public key as it was then."""

    fingerprint: SignerId
    user_id: str | None
    public_key: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest; the first subject is the image."""

    subjects: tuple[Subject, ...]
    image: ImageRecord
    signer: SignerRecord
    created: datetime | None


def to_bytes(manifest: Manifest) -> bytes:
    """Write a manifest: UTF-8, sorted keys, short lines, no final line end.

    Raises `RefusedError` if some text in it would make a line too long to be signed safely.
    """
    text = json.dumps(members_of(manifest), indent=2, sort_keys=True, ensure_ascii=False)
    data = "".join(map(_visible, text)).encode("utf-8", "backslashreplace")
    if max(len(line) for line in data.split(b"\n")) > MAX_LINE_BYTES:
        raise RefusedError(f"a text in the manifest is longer than {MAX_LINE_BYTES} bytes")
    return data


def members_of(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as the members of its JSON object."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": one.name, "digest": {"sha256": one.sha256.hex, "blake3": one.blake3.hex}}
            for one in manifest.subjects
        ],
        "predicateType": MANIFEST_TYPE,
        "predicate": {
            "image": image_members(manifest.image),
            "signer": {
                "fingerprint": str(manifest.signer.fingerprint),
                "user_id": manifest.signer.user_id,
                "public_key": manifest.signer.public_key.splitlines(),
            },
            **({"created": rfc3339(manifest.created)} if manifest.created else {}),
        },
    }


def from_bytes(data: bytes) -> Manifest:
    """Read a manifest from the bytes whose signature was checked. Raises `MalformedError`."""
    document = parse_object(data, "the manifest")
    if document.get("_type") != STATEMENT_TYPE:
        raise MalformedError("the manifest is not an in-toto Statement v1")
    if document.get("predicateType") != MANIFEST_TYPE:
        raise MalformedError("this signed statement is not a manifest", code="other-statement")
    try:
        predicate = _dict(document["predicate"])
        return Manifest(
            subjects=_subjects(document["subject"]),
            image=_image(_dict(predicate["image"])),
            signer=_signer(_dict(predicate["signer"])),
            created=parse_rfc3339(_str(predicate["created"])) if "created" in predicate else None,
        )
    except KeyError as error:
        raise MalformedError(f"the manifest lacks {error.args[0]!r}") from error
    except (TypeError, ValueError) as error:
        raise MalformedError(f"the manifest is not valid: {error}") from error


def embedded_key(data: bytes) -> bytes | None:
    """Return the public key in a manifest whose signature has *not* been checked, or None.

    It only serves to check that signature: nothing else may be read from such a manifest.
    """
    try:
        predicate = _dict(parse_object(data, "the manifest")["predicate"])
        lines = _dict(predicate["signer"])["public_key"]
        return "\n".join(_str(line) for line in lines).encode() + b"\n"  # a comment may name people
    except (MalformedError, KeyError, TypeError, ValueError):
        return None


def check_name(name: str) -> str:
    """Return a subject's name if it stays below the manifest's folder; raise `ValueError`."""
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


def image_members(image: ImageRecord) -> dict[str, Any]:
    """Return what a manifest says of an image as the members of its JSON object."""
    return {
        "size": image.size,
        "uuid": image.uuid,
        "arch": image.arch,
        "identity": str(image.identity),
        "objects": [
            {
                "id": one.id,
                "group": one.group,
                "type": one.type,
                "name": one.name,
                "size": one.size,
                "sha256": one.sha256.hex,
            }
            for one in image.objects
        ],
    }


def _subjects(rows: Any) -> tuple[Subject, ...]:
    if not isinstance(rows, list) or not 1 <= len(rows) <= _MAX_SUBJECTS:
        raise ValueError("its list of subjects is missing, empty or too long")
    subjects = tuple(_subject(_dict(row)) for row in rows)
    if len({one.name for one in subjects}) != len(subjects):
        raise ValueError("a subject occurs twice")
    return subjects


def _subject(row: Mapping[str, Any]) -> Subject:
    digests = _dict(row["digest"])
    sha256, blake3 = (Digest(name, _str(digests[name])) for name in _SUBJECT_ALGORITHMS)
    return Subject(check_name(_str(row["name"])), sha256, blake3)


def _image(members: Mapping[str, Any]) -> ImageRecord:
    identity = Digest.parse(_str(members["identity"]))
    if identity.algorithm != "sha256":
        raise ValueError("the identity is not a SHA-256 digest")
    rows = members["objects"]
    if not isinstance(rows, list):
        raise TypeError("its list of objects is missing")
    return ImageRecord(
        size=_int(members["size"]),
        uuid=_str(members["uuid"]),
        arch=_str(members["arch"]),
        identity=identity,
        objects=tuple(_object(_dict(row)) for row in rows),
    )


def _object(row: Mapping[str, Any]) -> ObjectRecord:
    return ObjectRecord(
        id=_int(row["id"]),
        group=_int(row["group"]),
        type=_str(row["type"]),
        name=_str(row["name"]),
        size=_int(row["size"]),
        sha256=Digest("sha256", _str(row["sha256"])),
    )


def _signer(members: Mapping[str, Any]) -> SignerRecord:
    user_id = members.get("user_id")
    lines = members["public_key"]
    if not isinstance(lines, list):
        raise TypeError("the signer's public key is not a list of lines")
    return SignerRecord(
        fingerprint=parse_signer(_str(members["fingerprint"])),
        user_id=None if user_id is None else _str(user_id),
        public_key="\n".join(_str(line) for line in lines) + "\n",
    )


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("a JSON object is expected in place of another value")
    return value


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a string is expected in place of another value")
    return value


def _int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a whole number is expected in place of another value")
    return value
