"""Use case: take a key out of one store, and never lose the last copy of a secret key by it.

`apptainer key remove --secret` is never used: it throws away every other secret key of the ring
(SIF reference, section 9).
"""

from repro_sign.errors import NoAnswerError, RefusedError, UsageError
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.key_life.backup import Backup
from repro_sign.stores import apptainer_ring
from repro_sign.stores.gnupg_changes import delete_key, secret_parts
from repro_sign.stores.gnupg_process import INSTALL_HINT
from repro_sign.stores.kept_keys import forget
from repro_sign.stores.listing import KeyEntry, find_entry, survey_keys
from repro_sign.stores.pem_store import remove_pem_key
from repro_sign.stores.secret_keys import SigningKey, Store
from repro_sign.system.locations import Locations
from repro_sign.system.process import require_program
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Removal:
    """What will be removed. `parts` are the secrets that no other store here holds."""

    entry: KeyEntry
    store: Store
    secret: bool
    parts: frozenset[SignerId]
    elsewhere: bool


def plan_removal(where: Locations, fingerprint: SignerId, store: Store | None) -> Removal:
    """Find out what removing a key from a store would lose.

    Raises `RefusedError` if it is not there, `UsageError` if several stores could be meant,
    `NoAnswerError` if GnuPG does not say what it holds.
    """
    apptainer_ring.sweep(where.apptainer_keys)
    survey = survey_keys(where)
    entry = survey.entry(fingerprint)
    stores = dict.fromkeys((*entry.public_in, *entry.secret_in))
    if store is None and set(stores) == {Store.KEPT}:
        raise RefusedError(
            f"the key {fingerprint.grouped()} is in no store but the kept keys, from which verify"
            " learns whether it was revoked",
            hint="say --store kept if you mean these",
        )
    if store is None:
        if len(stores) > 1:
            named = ", ".join(stores)
            raise UsageError(f"several stores hold this key: {named}", hint="say which: --store")
        store = next(iter(stores))
    if store not in stores:
        raise RefusedError(f"the key {fingerprint.grouped()} is not in the store {store}")
    if store is Store.GNUPG and survey.silence is not None:
        raise survey.silence  # what would be lost is not known
    ours = (key for key in survey.secret_keys if key.fingerprint == fingerprint)
    held = {key.store: _parts(where, key) for key in ours}
    others = [parts for place, parts in held.items() if place is not store]
    lost = held.get(store, frozenset()).difference(*others)
    return Removal(entry, store, store in held, lost, bool(others))


def demand_saved(removal: Removal, backup: Backup | None, passphrase: str | None) -> None:
    """Raise `RefusedError` unless every secret that would be lost is in the backup.

    The passphrase that opened the backup has to open the key in it, too.
    """
    if not removal.parts:
        return
    shown = removal.entry.fingerprint.grouped()
    if backup is None:
        raise RefusedError(
            f"this is the last copy of the secret key {shown}: it is not removed",
            hint="save it first (repro-sign key backup), then name the file: --backup FILE",
        )
    if not removal.parts <= backup.half.parts:
        raise RefusedError(
            f"the backup does not hold the secret key {shown}: it is not removed",
            hint=f"it is the backup of {backup.half.fingerprint.grouped()}",
        )
    backup.half.demand_opened_by(passphrase if backup.half.encrypted else None)


def remove_key(where: Locations, removal: Removal) -> None:
    """Remove the key from the store, and check that it is gone. Raises `RefusedError`."""
    fingerprint = removal.entry.fingerprint
    if removal.store is Store.KEPT:
        forget(where, fingerprint)
    elif not isinstance(fingerprint, Fingerprint):
        remove_pem_key(where, fingerprint)
    elif removal.store is Store.GNUPG:
        require_program("gpg", hint=INSTALL_HINT)
        delete_key(where.gnupg_home, fingerprint, secret=removal.secret)
    else:
        apptainer_ring.remove_key(where.apptainer_keys, fingerprint)
    if _is_there(where, removal):
        raise RefusedError(f"the key {fingerprint.grouped()} is still there")


def _is_there(where: Locations, removal: Removal) -> bool:
    try:
        entry = find_entry(where, removal.entry.fingerprint)
    except RefusedError:
        return False
    return removal.store in (*entry.public_in, *entry.secret_in)


def _parts(where: Locations, key: SigningKey) -> frozenset[SignerId]:
    """Return the secrets of a key that its store really holds: no stubs for a card's."""
    if key.secret is not None:
        return frozenset(key.secret.parts)
    if isinstance(key.fingerprint, Fingerprint):
        parts = secret_parts(where.gnupg_home, key.fingerprint)
        if parts is None:
            shown = key.fingerprint.grouped()
            raise NoAnswerError(f"gpg does not say what it holds of the secret key {shown}")
        return frozenset(parts)
    return frozenset((key.fingerprint,))
