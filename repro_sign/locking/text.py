"""The text of a lock file: TOML, read strictly, and written the same way every time."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.escaping import printable
from repro_sign.fingerprint import parse_signer
from repro_sign.locking.lock_file import LockedSigner, LockEntry, LockFile
from repro_sign.strict_toml import parse as parse_toml
from repro_sign.system.files import read_small

VERSION: Final = 1
MAX_LOCK_BYTES: Final = 8 << 20
MAX_IMAGES: Final = 20_000
_MAX_SIGNERS: Final = 100
_MEMBERS: Final = ("path", "size", "sha256", "blake3", "identity", "url", "signers")
_COMMENT: Final = (
    "Images pinned by repro-sign lock: to their bytes, and to who signed them. Keep this file",
    "in git beside what uses the images, and check them with: repro-sign verify --lock FILE",
    "Comments and order are not kept when it is written anew.",
)


def read_lock(path: Path) -> LockFile:
    """Read a lock file that the caller names.

    Raises `NoAnswerError` if it can't be read or is not valid: what is not understood in it must
    not be passed over.
    """
    try:
        data = read_small(path, MAX_LOCK_BYTES, "lock file")
    except MalformedError as error:
        raise NoAnswerError(str(error)) from error
    return parse_named(data, path)


def parse_named(data: bytes, path: Path) -> LockFile:
    """Do what `parse` does, and name the file in the error, a `NoAnswerError`."""
    try:
        return parse(data, path)
    except MalformedError as error:
        raise NoAnswerError(
            f"the lock file {printable(str(path))} is not valid: {error}",
            hint=error.hint or "its form is described in docs/format.md; git knows how it was",
        ) from error


def parse(data: bytes, path: Path) -> LockFile:
    """Read the text of a lock file that lies at `path`. Raises `MalformedError`."""
    try:
        members = parse_toml(data)
        _demand_version(members)
        _refuse_unknown(members, ("version", "image"), "the file")
        return LockFile(path, tuple(map(_entry, _rows(members))))
    except (ValueError, TypeError) as error:
        raise MalformedError(printable(str(error))) from error


def to_text(lock: LockFile) -> str:
    """Write a lock file: the same images give the same text, one value a line."""
    import tomlkit  # only what writes needs it

    document = tomlkit.document()
    for line in _COMMENT:
        document.add(tomlkit.comment(line))
    document.add("version", tomlkit.item(VERSION))
    rows = tomlkit.aot()
    for entry in lock.entries:
        rows.append(_row(entry))
    if lock.entries:
        document.add("image", rows)
    return tomlkit.dumps(document)


def _row(entry: LockEntry) -> Any:
    import tomlkit

    row = tomlkit.table()
    row.add("path", entry.path)
    row.add("size", entry.size)
    row.add("sha256", entry.sha256.hex)
    row.add("blake3", entry.blake3.hex)
    row.add("identity", str(entry.identity))
    if entry.url:
        row.add("url", entry.url)
    signers = tomlkit.array().multiline(bool(entry.signers))
    for one in sorted(entry.signers, key=lambda one: str(one.fingerprint)):
        signer = tomlkit.inline_table()
        signer.add("fingerprint", str(one.fingerprint))
        if one.name:
            signer.add("name", one.name)
        signers.append(signer)
    row.add("signers", signers)
    return row


def _demand_version(members: dict[str, Any]) -> None:
    version = members.get("version")
    if isinstance(version, bool) or version != VERSION:
        told = "no version" if version is None else f"version {printable(str(version))}"
        raise MalformedError(
            f"it has {told}, and this repro-sign reads version {VERSION}",
            hint="a newer repro-sign may read it",
        )


def _rows(members: dict[str, Any]) -> list[Any]:
    rows = members.get("image", [])
    if not isinstance(rows, list) or len(rows) > MAX_IMAGES:
        raise TypeError(f"images stand as [[image]], at most {MAX_IMAGES} of them")
    return rows


def _entry(row: Any) -> LockEntry:
    if not isinstance(row, dict):
        raise TypeError("an image is no table")
    path = _text(row, "path", "an image")
    _refuse_unknown(row, _MEMBERS, path)
    size = row.get("size")
    if not isinstance(size, int) or isinstance(size, bool):
        raise TypeError(f"{path} needs its size as a number of bytes")
    signers = row.get("signers")
    if not isinstance(signers, list) or len(signers) > _MAX_SIGNERS:
        raise TypeError(f"{path} needs signers as a list, which may be empty")
    return LockEntry(
        path=path,
        size=size,
        sha256=Digest("sha256", _text(row, "sha256", path)),
        blake3=Digest("blake3", _text(row, "blake3", path)),
        identity=Digest.parse(_text(row, "identity", path)),
        signers=tuple(_signer(one, path) for one in signers),
        url=_text(row, "url", path) if "url" in row else "",
    )


def _signer(row: Any, path: str) -> LockedSigner:
    if not isinstance(row, dict):
        raise TypeError(f"a signer of {path} is no table")
    _refuse_unknown(row, ("fingerprint", "name"), f"a signer of {path}")
    fingerprint = parse_signer(_text(row, "fingerprint", f"a signer of {path}"))
    return LockedSigner(fingerprint, _text(row, "name", path) if "name" in row else "")


def _text(row: dict[str, Any], key: str, what: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise TypeError(f"{what} needs {key} as a text")
    return value


def _refuse_unknown(table: dict[str, Any], members: Iterable[str], of: str) -> None:
    unknown = sorted(table.keys() - set(members))
    if unknown:
        raise ValueError(f"what {unknown[0]!r} of {of} means is not known")
