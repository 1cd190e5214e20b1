"""The form of a backup: a text with the secret key, encrypted with a passphrase as one message.

The text is for people too: what it is, and how to get the key back without this program. In it
the revocation certificate has a colon before its first dash, as in gpg's own files, so that
importing the text does not revoke the key. A sheet is the same message with explanations around
it, to be printed.
"""

import hashlib
import re
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import printable
from repro_sign.key_life.secret_half import SecretHalf, read_pem_half
from repro_sign.openpgp import message
from repro_sign.openpgp.revoking import armored, read_revocations
from repro_sign.openpgp.secret import read_secret_key
from repro_sign.pem.keys import is_encrypted
from repro_sign.stores.secret_keys import SECRET_STORES, Store
from repro_sign.system.files import read_small
from repro_sign.times import readable
from repro_sign.values import dataclass

MAX_BACKUP_BYTES: Final = 4 << 20
_TITLE: Final = "repro-sign key backup, version 1"
_SECRET: Final = re.compile(
    rb"^-----BEGIN (PGP PRIVATE KEY BLOCK|(?:ENCRYPTED )?PRIVATE KEY)-----$.*?"
    rb"^-----END \1-----$\n?",
    re.DOTALL | re.MULTILINE,
)
_STORE: Final = re.compile(rb"^kept in +(\w+)$", re.MULTILINE)
_SHA256: Final = re.compile(rb"^ *sha256 +([0-9a-f]{64})\b", re.MULTILINE)
_MESSAGE: Final = re.compile(message.BEGIN + rb".*?" + message.END, re.DOTALL)
_REVOCATION: Final = """\
The revocation certificate of this key. Publishing it ends the use of the key for good. The colon
before the dashes keeps it from being imported by accident: take it away to use the block.

"""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds. `text` is all of it, in clear."""

    half: SecretHalf
    revocations: tuple[bytes, ...]
    store: Store
    text: bytes = field(repr=False)


def compose(half: SecretHalf, revocations: tuple[bytes, ...]) -> bytes:
    """Return the text of a backup, not yet encrypted."""
    by_hand = "gpg -d FILE | gpg --import" if half.openpgp else "gpg -d FILE > key.pem"
    lines = [
        _TITLE,
        "",
        "This is a secret key. Whoever has this text can sign in the name of its owner"
        + (", if they know its passphrase." if half.encrypted else "."),
        "",
        *facts(half),
        f"kept in      {half.store}",
        "",
        "To get it back: repro-sign key restore FILE",
        f"By hand:        {by_hand}",
        "",
    ]
    text = "\n".join(lines).encode() + b"\n" + half.text.strip() + b"\n"
    if revocations:
        text += b"\n" + _REVOCATION.encode()
        text += b"".join(b":" + armored(one).strip() + b"\n" for one in revocations)
    return text


def facts(half: SecretHalf) -> list[str]:
    """Return what there is to say of a key, a line each."""
    lines = [f"fingerprint  {half.fingerprint.grouped()}"]
    if one := half.certificate:
        ends = f"expires {readable(one.expires)}" if one.expires else "never expires"
        lines.append(f"user id      {printable(one.user_id or '(none)', limit=200)}")
        lines.append(f"key          {one.algorithm}, made {readable(one.created)}, {ends}")
    return lines


def sheet(half: SecretHalf, sealed: bytes, made: datetime) -> bytes:
    """Return a sheet to print and put into a safe, around the encrypted message."""
    whose = "the passphrase of the key" if half.encrypted else "a passphrase of its own"
    indented = "".join(f"  {line}\n" for line in facts(half))
    into = (
        "  gpg -d FILE | gpg --import             puts it into GnuPG\n"
        "  gpg -d FILE > key.txt                  and then, for Apptainer's ring:\n"
        "  apptainer key import key.txt           (and delete key.txt)\n"
        if half.openpgp
        else "  gpg -d FILE > key.pem                  (only you may be able to read it)\n"
    )
    text = (
        f"BACKUP OF A SECRET SIGNING KEY                    made on {readable(made)}\n\n"
        f"{indented}\n"
        "The block below holds the secret key and its revocation certificate, encrypted with\n"
        f"{whose}. Without the passphrase nobody gets them back, its owner neither:\n"
        "keep that elsewhere.\n\n"
        "To get the key back, copy this whole sheet into a file, then\n"
        "  repro-sign key restore FILE\n"
        "By hand, without repro-sign:\n"
        f"{into}\n"
        "The block from its first dash to its last, and one line end, have this digest:\n"
        f"  sha256 {hashlib.sha256(sealed).hexdigest()}\n\n"
    )
    return text.encode() + sealed


def open_backup(path: Path, passphrase: str) -> Backup:
    """Read a backup or a sheet. Nothing is restored yet.

    Raises `UnreadableError` or `MalformedError` if it is none, `RefusedError` if the passphrase
    does not open it.
    """
    shown = printable(str(path))
    data = read_small(path, MAX_BACKUP_BYTES, "backup of a key")
    return read_text(message.unseal(_sealed(data, shown), passphrase, shown), passphrase, shown)


def demand_backup(path: Path) -> None:
    """Raise `MalformedError` early, before anybody is asked for a passphrase, if it is none."""
    _sealed(read_small(path, MAX_BACKUP_BYTES, "backup of a key"), printable(str(path)))


def read_text(text: bytes, passphrase: str, what: str) -> Backup:
    """Read the text of a backup; `what` names it in errors. Raises `MalformedError`."""
    blocks = list(_SECRET.finditer(text))
    if not text.startswith(_TITLE.encode()) or len(blocks) != 1:
        raise MalformedError(f"{what} is an encrypted text, but no backup of a key")
    block = blocks[0][0]
    named = _STORE.search(text)
    store = Store(named[1].decode()) if named and named[1].decode() in SECRET_STORES else Store.PEM
    if blocks[0][1].startswith(b"PGP"):
        key = read_secret_key(block)
        name = key.certificate.fingerprint
        half = SecretHalf(name, store, key.encrypted, openpgp=key)
    else:
        half = read_pem_half(block, passphrase if is_encrypted(block) else None, what)
    return Backup(half, read_revocations(text), half.store, text)


def _sealed(data: bytes, shown: str) -> bytes:
    """Cut the message out of a backup or a sheet, as it was before people copied it."""
    found = _MESSAGE.findall(data)
    if len(found) != 1:
        raise MalformedError(f"{shown} holds no backup of a key, or several")
    sealed = b"".join(line.strip() + b"\n" for line in found[0].splitlines())
    digest = _SHA256.search(data)
    if digest and hashlib.sha256(sealed).hexdigest().encode() != digest[1]:
        raise RefusedError(
            f"the block in {shown} is not the one that the sheet was printed with: its sha256"
            " differs",
            hint="was it copied without a mistake? compare it with the paper, line by line",
        )
    return sealed
