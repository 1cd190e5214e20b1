"""The table of keys in a folder's README.md: what lies between two marks is ours, the rest is not.

Rows of other keys stay as they are, and so does all that surrounds the marks.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from repro_sign.errors import RefusedError
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.known_keys import Keys
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.self_signatures import revocation_of
from repro_sign.publishing.markup import markdown
from repro_sign.values import dataclass

BEGIN: Final = "<!-- keys: written by repro-sign key publish -->"
END: Final = "<!-- end of keys -->"
_HEAD: Final = (
    "| Name | Fingerprint | Created | Expires | Status |",
    "|---|---|---|---|---|",
)
_NEW: Final = f"""\
# Public keys

{BEGIN}
{END}

A key that lies here proves nothing by itself: whoever can change this folder can put one in.
Compare its fingerprint with one that you have from somewhere else: from the signer's paper, web
page, or voice.
"""
_CELL: Final = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Row:
    """A key in the table. `name` is escaped; None for a PEM key, which has none."""

    fingerprint: SignerId
    name: str | None
    created: str = "-"
    expires: str = "never"
    status: str = "valid"

    def text(self, name: str) -> str:
        """Return the row with this name."""
        cells = (name, f"`{self.fingerprint.grouped()}`", self.created, self.expires, self.status)
        return f"| {' | '.join(cells)} |"


def row_of(keys: Keys, now: datetime) -> Row:
    """Describe the one key in `keys`."""
    if not keys.certificates:
        return Row(keys.public_keys[0].fingerprint, None)
    one = keys.certificates[0]
    return Row(
        one.fingerprint,
        markdown(one.user_id or "(no name)"),
        f"{one.created:%Y-%m-%d}",
        f"{one.expires:%Y-%m-%d}" if one.expires else "never",
        status_of(one, now),
    )


def status_of(one: Certificate, now: datetime) -> str:
    """Say in a few words whether a key may be used."""
    if one.revoked:
        revocation = revocation_of(one)
        return f"revoked ({revocation.words})" if revocation else "revoked"
    if not one.usable:
        return "not usable"
    return "expired" if one.expires and one.expires <= now else "valid"


def with_row(text: str | None, row: Row, what: str) -> str:
    """Return the text of a README with this row, in place of an older one of the same key.

    `what` names the file in errors. A text without marks gets them at its end; no text at all
    becomes a new one. Raises `RefusedError` if there are marks that make no sense.
    """
    if text is None:
        text = _NEW
    newline = "\r\n" if "\r\n" in text else "\n"
    if not text.count(BEGIN) and not text.count(END):
        separator = "" if not text or text.endswith(newline * 2) else newline
        separator = separator if text.endswith(newline) or not text else newline * 2
        text += f"{separator}{BEGIN}{newline}{END}{newline}"
    before, _, rest = text.partition(BEGIN)
    ours, _, after = rest.partition(END)
    if text.count(BEGIN) != 1 or text.count(END) != 1 or END in before:
        raise RefusedError(
            f"the marks around the table of keys in {what} are not one pair: nothing was changed",
            hint=f"let the table stand between one line {BEGIN} and one line {END}",
        )
    lines = list(_lines(ours.splitlines(), row))
    return newline.join([before + BEGIN, *lines, END + after])


def _lines(old: list[str], row: Row) -> Iterator[str]:
    """Yield the lines between the marks, one with the row among them."""
    names = {_fingerprint(line): _name(line) for line in old}
    name = row.name or names.get(row.fingerprint) or "(a PEM key has no name)"
    yield from _HEAD
    for line in old:
        if not line.strip() or line.strip() in _HEAD:
            continue
        yield row.text(name) if _fingerprint(line) == row.fingerprint else line
    if row.fingerprint not in names:
        yield row.text(name)


def _fingerprint(line: str) -> SignerId | None:
    cells = _CELL.split(line)
    try:
        return parse_signer(cells[2].strip().strip("`")) if len(cells) > 2 else None
    except ValueError:
        return None


def _name(line: str) -> str:
    cells = _CELL.split(line)
    return cells[1].strip() if len(cells) > 1 else ""
