"""A trust store as one text, for people to read, to keep under version control, to hand on.

It is TOML: a table `signer` for each entry, with its public key. Being in such a text makes nobody
trusted: whoever imports it says yes to each fingerprint.
"""

import re
from typing import Any, Final

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.known_keys import Keys, known, read_keys
from repro_sign.stores.kept_keys import read_kept
from repro_sign.stores.trust_store import MAX_NAME, MAX_NOTE, YOU, TrustEntry, read_entries
from repro_sign.strict_toml import parse
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass

MAX_EXPORT_BYTES: Final = 8 << 20
_MEMBERS: Final = ("fingerprint", "name", "note", "added", "public_key")
_SECRET: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY")
_COMMENT: Final = (
    "People and their public keys, written by repro-sign trust export. Nobody is trusted by this",
    "file alone: repro-sign trust import asks about each fingerprint.",
)


@dataclass(frozen=True, slots=True)
class Proposed:
    """Somebody in an exported text, whom nobody trusts yet."""

    fingerprint: SignerId
    name: str
    note: str
    keys: Keys


def export_text(where: Locations) -> str:
    """Write the whole trust store; the same store gives the same text.

    Raises `RefusedError` if it would be larger than what is imported.
    """
    import tomlkit

    keys = known((read_kept(where),), "kept keys")
    entries = {str(one.fingerprint): one for one in reversed(read_entries(where))}
    document = tomlkit.document()
    for line in _COMMENT:
        document.add(tomlkit.comment(line))
    rows = tomlkit.aot()
    for _, entry in sorted(entries.items()):
        rows.append(_row(entry, keys.only(entry.fingerprint)))
    if rows:
        document.add("signer", rows)
    text = tomlkit.dumps(document)
    if len(text.encode("utf-8")) > MAX_EXPORT_BYTES:
        raise RefusedError(f"the trust store is larger than {MAX_EXPORT_BYTES} bytes with its keys")
    return text


def read_exported(data: bytes, what: str) -> tuple[Proposed, ...]:
    """Read such a text; `what` names it in errors.

    Raises `MalformedError` for anything that is not understood in it, `RefusedError` if it holds
    a secret key.
    """
    if _SECRET.search(data):
        raise RefusedError(
            f"{what} holds a SECRET key, not only public ones: nothing was imported",
            hint="tell its owner that their secret key is out",
        )
    try:
        document = parse(data)
        _refuse_unknown(document, ("signer",), "it")
        found = tuple(_proposed(row, what) for row in _tables(document.get("signer", [])))
    except (ValueError, TypeError, KeyError) as error:
        raise MalformedError(
            f"{what} is not an exported trust store: {printable(str(error))}",
            hint="nothing was imported; repro-sign trust export writes such a file",
        ) from error
    if len({one.fingerprint for one in found}) != len(found):
        raise MalformedError(f"{what} names a fingerprint twice: nothing was imported")
    return found


def _row(entry: TrustEntry, keys: Keys) -> Any:
    import tomlkit

    row = tomlkit.table()
    row.add("fingerprint", entry.fingerprint.grouped())
    row.add("name", _name_for_others(entry.name, keys))
    if entry.note:
        row.add("note", entry.note)
    row.add("added", entry.added)
    for one in keys.certificates:
        row.add("public_key", tomlkit.string(one.armored, multiline=True))
    for key in keys.public_keys:
        row.add("public_key", tomlkit.string(key.pem, multiline=True))
    return row


def _name_for_others(name: str, keys: Keys) -> str:
    """Return a name that means the same to others: "you" does not."""
    if name != YOU:
        return name
    return next((printable(one.user_id or "", limit=MAX_NAME) for one in keys.certificates), "")


def _proposed(row: dict[str, Any], what: str) -> Proposed:
    fingerprint = parse_signer(_text(row, "fingerprint"))
    _refuse_unknown(row, _MEMBERS, str(fingerprint))
    name, note = _text(row, "name", ""), _text(row, "note", "")
    _text(row, "added", "")
    if len(name) > MAX_NAME or len(note) > MAX_NOTE:
        raise ValueError(f"the name or the note of {fingerprint} is too long")
    keys, key = Keys(), _text(row, "public_key", "")
    if key:
        keys = read_keys(key.encode("utf-8"), f"the key of {fingerprint} in {what}")
        if keys.signers != (fingerprint,):
            raise ValueError(f"the key of {fingerprint} is not its own")
    return Proposed(fingerprint, _name_for_others(name, keys), note, keys)


def _tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise TypeError("signer is no list of tables")
    return value


def _text(row: dict[str, Any], key: str, default: str | None = None) -> str:
    value = row.get(key, default)
    if not isinstance(value, str):
        raise TypeError(f"an entry has no {key} that is a text")
    return value


def _refuse_unknown(table: dict[str, Any], members: tuple[str, ...], of: str) -> None:
    unknown = sorted(table.keys() - set(members))
    if unknown:
        raise ValueError(f"what {unknown[0]!r} of {of} means is not known")
