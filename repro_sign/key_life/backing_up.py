"""Use case: save a secret key, with its revocation certificate, in one encrypted file."""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from repro_sign.errors import RefusedError, ReproSignError, UsageError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.key_life.at_hand import secret_keys_of
from repro_sign.key_life.backup import compose, open_backup, sheet
from repro_sign.key_life.secret_half import SecretHalf
from repro_sign.key_request import check_passphrase
from repro_sign.openpgp import message
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.revoking import armored, read_revocations
from repro_sign.openpgp.secret import SecretKey
from repro_sign.stores.gnupg_home import GnuPGHome
from repro_sign.stores.revocations import read_stored, store_revocation
from repro_sign.stores.secret_keys import SigningKey, Store
from repro_sign.system.durable import write_new_file
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A backup that was written, opened again and compared."""

    half: SecretHalf
    path: Path
    sheet: Path | None
    revocations: int

    @property
    def complete(self) -> bool:
        """Whether the primary key's own secret is in it, too: it may lie on a card."""
        return self.half.fingerprint in self.half.parts


def key_to_back_up(where: Locations, fingerprint: SignerId, *files: Path | None) -> SigningKey:
    """Return the secret key, once it is known that the files can be written.

    Raises `RefusedError` if it is not here, or if one of the files is there already.
    """
    named = [one for one in files if one is not None]
    if len({os.path.realpath(one) for one in named}) < len(named):
        raise UsageError("the backup and its sheet can't be the same file")
    for path in named:
        if os.path.lexists(path):
            raise RefusedError(
                f"{printable(str(path))} is there already, and is not overwritten",
                hint="name another file",
            )
    keys = secret_keys_of(where, fingerprint)
    if not keys:
        raise RefusedError(
            f"the secret key {fingerprint.grouped()} is not here",
            hint="repro-sign key list --secret shows what is here",
        )
    return keys[0]


def back_up(
    where: Locations,
    half: SecretHalf,
    passphrase: str,
    path: Path,
    sheet_path: Path | None,
    now: datetime,
) -> BackupReport:
    """Write a backup, and a sheet to print, encrypted with the passphrase.

    That is the key's own where it has one. A key whose revocation certificate is not here gets
    one, which is kept here as well. Both files are opened again and compared. Raises
    `RefusedError`; a file that could not be checked is removed.
    """
    if not passphrase:
        raise UsageError("the passphrase is empty", hint="a backup is never written in clear")
    if half.encrypted:
        half.demand_opened_by(passphrase)
    else:
        check_passphrase(passphrase)
    revocations = _revocations(where, half, passphrase)
    text = compose(half, revocations)
    sealed = message.seal(text, passphrase)
    _write(path, sealed, text, passphrase)
    if sheet_path is not None:
        _write(sheet_path, sheet(half, sealed, now), text, passphrase)
    return BackupReport(half, path, sheet_path, len(revocations))


def _write(path: Path, data: bytes, text: bytes, passphrase: str) -> None:
    write_new_file(path, data, mode=0o600)
    try:
        same = open_backup(path, passphrase).text == text
    except ReproSignError:
        same = False
    if not same:
        with suppress(OSError):
            path.unlink()
        raise RefusedError(
            f"the backup {printable(str(path))} could not be opened again, and was removed",
            hint="is the disk in order? the key itself is as it was",
        )


def _revocations(where: Locations, half: SecretHalf, passphrase: str) -> tuple[bytes, ...]:
    key = half.openpgp
    if key is None:
        return ()
    certificate = key.certificate
    stored = read_revocations(read_stored(where, certificate.fingerprint))
    if stored:
        return stored
    new = _from_gpg(where, half, certificate) or _made(key, half, passphrase)
    for one in new:
        store_revocation(where, certificate, armored(one))
    return new


def _from_gpg(where: Locations, half: SecretHalf, certificate: Certificate) -> tuple[bytes, ...]:
    """Return the revocation certificate that gpg made when it made the key."""
    if half.store is not Store.GNUPG:
        return ()
    text = GnuPGHome(where.gnupg_home).revocation_text(certificate.fingerprint)
    return read_revocations(text.encode()) if text else ()


def _made(key: SecretKey, half: SecretHalf, passphrase: str) -> tuple[bytes, ...]:
    try:
        return (key.revocation(passphrase if half.encrypted else None),)
    except RefusedError:  # an expired key, or one whose primary secret is elsewhere
        return ()
