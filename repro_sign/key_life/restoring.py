"""Use case: put a secret key back into a store from its backup. It makes nobody trusted."""

from pathlib import Path

from repro_sign import apptainer
from repro_sign.errors import RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.key_life.backup import Backup
from repro_sign.key_life.secret_half import SecretHalf
from repro_sign.openpgp.revoking import armored
from repro_sign.openpgp.secret import SecretKey
from repro_sign.pem.algorithms import PrivateKey, read_private_key
from repro_sign.pem.keys import MAX_KEY_BYTES
from repro_sign.stores import apptainer_ring
from repro_sign.stores.gnupg_changes import secret_parts
from repro_sign.stores.gnupg_home import GnuPGHome
from repro_sign.stores.pem_store import add_pem_key, path_of
from repro_sign.stores.revocations import store_revocation
from repro_sign.stores.secret_keys import Store
from repro_sign.system.files import read_if_there
from repro_sign.system.locations import Locations
from repro_sign.system.process import find_program
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """A key that is back. `was_there` says that the store had it already."""

    fingerprint: SignerId
    user_id: str | None
    store: Store
    was_there: bool
    revocation_certificate: Path | None


def store_for(backup: Backup, wanted: Store | None) -> Store:
    """Return the store to put a key back into: the one it came from, where that is here.

    Raises `UsageError` if that kind of key can't live in the store that is wanted.
    """
    if (wanted or backup.store) is Store.PEM or backup.half.openpgp is None:
        if backup.half.openpgp is not None or wanted not in (None, Store.PEM):
            raise UsageError("a PEM key is kept as PEM file, an OpenPGP key is not")
        return Store.PEM
    if wanted is not None:
        return wanted
    usable = {Store.APPTAINER: apptainer.installed(), Store.GNUPG: bool(find_program("gpg"))}
    other = Store.GNUPG if backup.store is Store.APPTAINER else Store.APPTAINER
    return backup.store if usable[backup.store] or not usable[other] else other


def restore_key(where: Locations, backup: Backup, store: Store, passphrase: str) -> RestoreReport:
    """Put the secret key and its revocation certificate back, and read them back.

    Raises `RefusedError` if the store has another copy of the key: nothing is overwritten.
    """
    half = backup.half
    path = None
    for one in backup.revocations:
        if half.certificate is not None:
            path = store_revocation(where, half.certificate, armored(one))
    if half.openpgp is None:
        was_there = _into_folder(where, half, passphrase)
    elif store is Store.GNUPG:
        was_there = _into_gnupg(where, half, half.openpgp)
    else:
        was_there = _into_ring(where, half.openpgp)
    user_id = half.certificate.user_id if half.certificate else None
    return RestoreReport(half.fingerprint, user_id, store, was_there, path)


def _into_ring(where: Locations, key: SecretKey) -> bool:
    there = _in_ring(where, key)
    if there is not None and there.secret_packets != key.secret_packets:
        raise _another_copy(key.certificate.fingerprint, "Apptainer's ring")
    apptainer_ring.add_key(where.apptainer_keys, key.certificate.binary, key.binary)
    now = _in_ring(where, key)
    if now is None or now.secret_packets != key.secret_packets:
        raise _not_back(key.certificate.fingerprint)
    return there is not None


def _in_ring(where: Locations, key: SecretKey) -> SecretKey | None:
    wanted = key.certificate.fingerprint
    ring = apptainer_ring.read_secret(where.apptainer_keys)
    return next((one for one in ring if one.certificate.fingerprint == wanted), None)


def _into_gnupg(where: Locations, half: SecretHalf, key: SecretKey) -> bool:
    """Import; gpg itself never replaces a secret key that it has."""
    fingerprint = key.certificate.fingerprint
    home = GnuPGHome(where.gnupg_home)
    was_there = home.has_keys() and _gnupg_holds(home, half, fingerprint)
    home.import_key(key.certificate.binary if was_there else key.binary)
    if not _gnupg_holds(home, half, fingerprint):
        raise _not_back(fingerprint)
    return was_there


def _gnupg_holds(home: GnuPGHome, half: SecretHalf, fingerprint: Fingerprint) -> bool:
    return half.parts <= (secret_parts(home.folder, fingerprint) or frozenset())


def _into_folder(where: Locations, half: SecretHalf, passphrase: str) -> bool:
    private: PrivateKey = read_private_key(
        half.pem, passphrase if half.encrypted else None, "the backup"
    )
    path = path_of(where, private.public)
    there = read_if_there(path, MAX_KEY_BYTES, "PEM key")
    if there is not None and there.strip() != half.pem.strip():
        raise _another_copy(half.fingerprint, printable(str(path)))
    add_pem_key(where, private.public, half.pem)
    if path.read_bytes() != half.pem:
        raise _not_back(half.fingerprint)
    return there is not None


def _another_copy(fingerprint: SignerId, place: str) -> RefusedError:
    return RefusedError(
        f"{place} holds another copy of the secret key {fingerprint.grouped()} (with another"
        " passphrase, say), and it is not overwritten",
        hint="remove that one first (repro-sign key remove, which asks for this backup), or name"
        " another --store",
    )


def _not_back(fingerprint: SignerId) -> RefusedError:
    return RefusedError(
        f"the secret key {fingerprint.grouped()} could not be read back from the store",
        hint="the backup is as it was; is the disk in order?",
    )
