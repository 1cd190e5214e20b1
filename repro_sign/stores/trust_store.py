"""The trust store: whom this account believes, in a text file that a person can read and keep.

Next to it lie the public keys of those people (`kept_keys`). A fingerprint in the file is what
makes trusted; a key that is kept does nothing alone.
"""

from datetime import datetime
from typing import Any, Final

from repro_sign.errors import MalformedError, RefusedError, UsageError
from repro_sign.escaping import is_hidden, printable
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.known_keys import Keys
from repro_sign.stores.kept_keys import forget, keep
from repro_sign.strict_toml import parse as parse_toml
from repro_sign.system.durable import locked_folder, private_folder, write_file
from repro_sign.system.files import demand_own_file, read_if_there
from repro_sign.system.locations import Locations
from repro_sign.times import rfc3339
from repro_sign.values import dataclass

YOU = "you"
"""The name under which `keygen` enters a new key."""
MAX_NAME: Final = 200
MAX_NOTE: Final = 2000
"""Characters of a name and of a note that are kept."""
_MAX_FILE_BYTES: Final = 4 << 20
_COMMENT: Final = (
    "Whom this account believes. repro-sign verify trusts signatures by these keys, unless",
    "--signer or --key says otherwise. Written by repro-sign trust; may be edited by hand.",
)


@dataclass(frozen=True, slots=True)
class TrustEntry:
    """One trusted person: a fingerprint, what this account calls its owner, and why it does.

    What was written into the file by hand is shown escaped only.
    """

    fingerprint: SignerId
    name: str = ""
    added: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What `add_entry` did: a new entry, or other words in one that was there."""

    added: bool
    changed: tuple[str, ...] = ()


def read_entries(where: Locations) -> tuple[TrustEntry, ...]:
    """Return the entries in file order; none if there is no file.

    Raises `MalformedError` if the file is not what it should be: an entry that can't be read
    must not vanish in silence. Raises `RefusedError` if others can write it.
    """
    path = where.trust_file
    demand_own_file(path)
    data = read_if_there(path, _MAX_FILE_BYTES, "trust file")
    if data is None:
        return ()
    shown = printable(str(path))
    try:
        document = parse_toml(data)
        rows = document.get("signer", [])
        return tuple(_entry(row) for row in rows)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MalformedError(
            f"the trust file {shown} is not valid: {printable(str(error))}",
            hint="correct it by hand, or move it away and add the signers again",
        ) from error


def add_entry(
    where: Locations,
    fingerprint: SignerId,
    *,
    now: datetime,
    keys: Keys,
    name: str | None = None,
    note: str | None = None,
) -> Change:
    """Trust a fingerprint and keep its public key.

    Where it is trusted already, name and note are changed if they are given. Raises `UsageError`
    if one of them is too long.
    """
    words = {"name": _words(name, MAX_NAME, "name"), "note": _words(note, MAX_NOTE, "note")}
    given = {key: text for key, text in words.items() if text is not None}
    private_folder(where.settings)
    with locked_folder(where.settings):
        keep(where, keys)
        there = any(entry.fingerprint == fingerprint for entry in read_entries(where))
        document = _document(where)
        if there:
            changed = _change(_rows_of(document, fingerprint), given)
            if not changed:
                return Change(added=False)
        else:
            _append(document, fingerprint, given, now)
        _save(where, document)
    return Change(added=False, changed=changed) if there else Change(added=True)


def remove_entry(where: Locations, fingerprint: SignerId) -> None:
    """Trust a fingerprint no more. Raises `RefusedError` if it was not trusted."""
    entries = read_entries(where)
    if all(entry.fingerprint != fingerprint for entry in entries):
        raise RefusedError(f"{fingerprint.grouped()} is not in the trust store")
    with locked_folder(where.settings):
        document = _document(where)
        rows = document["signer"]
        for row in _rows_of(document, fingerprint):
            rows.remove(row)
        if not rows:
            del document["signer"]
        _save(where, document)
        forget(where, fingerprint)


def _entry(row: dict[str, Any]) -> TrustEntry:
    fingerprint = parse_signer(row["fingerprint"])
    return TrustEntry(fingerprint, *(str(row.get(key, "")) for key in ("name", "added", "note")))


def _words(text: str | None, limit: int, what: str) -> str | None:
    """Return a text as it is kept: on one line, with nothing invisible in it."""
    if text is None:
        return None
    if len(text) > limit:
        raise UsageError(f"a {what} of {len(text)} characters; at most {limit} are kept")
    return printable(text, limit=limit) if any(map(is_hidden, text)) else text


def _rows_of(document: Any, fingerprint: SignerId) -> list[Any]:
    rows = document["signer"]
    return [row for row in rows if parse_signer(row["fingerprint"]) == fingerprint]


def _change(rows: list[Any], given: dict[str, str]) -> tuple[str, ...]:
    """Put these words into the rows; return which of them are new."""
    changed = []
    for key, text in given.items():
        for row in rows:
            if str(row.get(key, "")) != text:
                row[key] = text
                changed.append(key)
    return tuple(dict.fromkeys(changed))


def _document(where: Locations) -> Any:
    """Read the file so that comments and order of a hand-made one survive a change."""
    import tomlkit  # only commands that write need it

    data = read_if_there(where.trust_file, _MAX_FILE_BYTES, "trust file")
    if data is not None:
        document = tomlkit.parse(data.decode("utf-8"))
    else:
        document = tomlkit.document()
        for line in _COMMENT:
            document.add(tomlkit.comment(line))
    if not document.get("signer"):  # none, or an empty list that could only be written inline
        document.pop("signer", None)
        document.append("signer", tomlkit.aot())
    return document


def _append(document: Any, fingerprint: SignerId, given: dict[str, str], now: datetime) -> None:
    import tomlkit

    rows = document["signer"]
    by_hand = not isinstance(rows, tomlkit.items.AoT)  # signer = [{…}, {…}], all on one line
    row = tomlkit.inline_table() if by_hand else tomlkit.table()
    row.add("fingerprint", fingerprint.grouped())
    row.add("name", given.get("name", ""))
    if given.get("note"):
        row.add("note", given["note"])
    row.add("added", rfc3339(now))
    rows.append(row)


def _save(where: Locations, document: Any) -> None:
    import tomlkit

    write_file(where.trust_file, tomlkit.dumps(document).encode("utf-8"), mode=0o600)
