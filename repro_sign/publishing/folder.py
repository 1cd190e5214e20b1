"""Publish a key in a folder: one file for each key, and a table of them in the folder's README."""

from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys, read_keys
from repro_sign.openpgp.certificate import MAX_CERTIFICATE_BYTES
from repro_sign.openpgp.changes import Statement, said_besides
from repro_sign.publishing.readme_table import row_of, with_row
from repro_sign.system.durable import locked_folder, write_file
from repro_sign.system.files import read_if_there
from repro_sign.values import dataclass

README: Final = "README.md"
_MAX_README_BYTES: Final = 4 << 20
_MAX_FILE_BYTES: Final = MAX_CERTIFICATE_BYTES * 2


@dataclass(frozen=True, slots=True)
class FolderReport:
    """A key in a folder. `kept` is what the copy that was there said besides, and still does."""

    path: Path
    readme: Path
    kept: tuple[Statement, ...]


def publish_in_folder(keys: Keys, folder: Path, now: datetime) -> FolderReport:
    """Write the one key in `keys` to the folder, and its row into the folder's README.

    A copy that is there is merged: a revocation in it stays. Raises `RefusedError` if something
    else is in the way, or the folder can't be written.
    """
    make_folder(folder)
    path = folder / keys.signers[0].file_name
    readme = (folder / README).resolve()
    with locked_folder(folder):
        merged, kept = merged_with_file(keys, path, now)
        text = with_row(_read_text(readme), row_of(merged, now), printable(str(readme)))
        write_file(path, _public_text(merged).encode())
        write_file(readme, text.encode())
    return FolderReport(path, folder / README, kept)


def make_folder(folder: Path) -> None:
    """Make a folder that everybody may read. Raises `RefusedError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        shown = printable(str(folder))
        raise RefusedError(f"the folder {shown} could not be made: {error.strerror}") from error


def merged_with_file(keys: Keys, path: Path, now: datetime) -> tuple[Keys, tuple[Statement, ...]]:
    """Merge a key with the copy in a file, if there is one; say what that one says besides."""
    old = read_if_there(path, _MAX_FILE_BYTES, "public key")
    if old is None:
        return keys, ()
    found = _read(old, path, keys.signers[0])
    if not keys.certificates:
        return keys, ()
    ours, theirs = keys.certificates[0], found.certificates[0]
    kept = said_besides(ours, theirs, now)
    return Keys(certificates=(ours.merged(theirs),)), kept


def _read(data: bytes, path: Path, wanted: SignerId) -> Keys:
    shown = printable(str(path))
    hint = "look at it, and move it away"
    try:
        found = read_keys(data, shown)
    except MalformedError as error:
        message = f"{shown} is there and holds something else: {error}"
        raise RefusedError(message, hint=hint) from error
    if found.signers != (wanted,):
        raise RefusedError(f"{shown} is there and holds another key", hint=hint)
    return found


def _public_text(keys: Keys) -> str:
    return keys.certificates[0].armored if keys.certificates else keys.public_keys[0].pem


def _read_text(path: Path) -> str | None:
    data = read_if_there(path, _MAX_README_BYTES, "README")
    try:
        return None if data is None else data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(
            f"{printable(str(path))} is not UTF-8 text: the table of keys can't be written into it"
        ) from error
