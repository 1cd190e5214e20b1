"""List keys over both stores: one entry for each fingerprint, and where its halves live."""

from dataclasses import dataclass

from repro_sign.errors import RefusedError
from repro_sign.fingerprint import Fingerprint
from repro_sign.locations import Locations
from repro_sign.openpgp.certificate import Certificate
from repro_sign.stores.secret_keys import SigningKey, Store, all_certificates, signing_keys

_STORE_WORDS = {Store.APPTAINER: "Apptainer's ring", Store.GNUPG: "GnuPG"}


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key. `encrypted` says so of its secret half in Apptainer's ring, None if not known."""

    certificate: Certificate
    public_in: tuple[Store, ...]
    secret_in: tuple[Store, ...]
    encrypted: bool | None

    @property
    def secret_place(self) -> str:
        """Where the secret half lives, in words; empty if it is not here."""
        words = ", ".join(_STORE_WORDS[store] for store in self.secret_in)
        return f"{words} (NOT encrypted)" if words and self.encrypted is False else words


def list_keys(where: Locations) -> tuple[KeyEntry, ...]:
    """Return all keys of both stores, those that can sign first."""
    secret: dict[Fingerprint, list[SigningKey]] = {}
    for key in signing_keys(where):
        secret.setdefault(key.fingerprint, []).append(key)
    entries = []
    for certificate, stores in all_certificates(where):
        keys = secret.get(certificate.fingerprint, [])
        ours = [key.secret.encrypted for key in keys if key.secret is not None]
        entries.append(
            KeyEntry(
                certificate=certificate,
                public_in=stores,
                secret_in=tuple(key.store for key in keys),
                encrypted=ours[0] if ours else None,
            )
        )
    return tuple(sorted(entries, key=lambda one: (not one.secret_in, one.certificate.fingerprint)))


def find_entry(where: Locations, fingerprint: Fingerprint) -> KeyEntry:
    """Return one key's entry. Raises `RefusedError` if no store has it."""
    for entry in list_keys(where):
        if entry.certificate.fingerprint == fingerprint:
            return entry
    raise RefusedError(
        f"no key {fingerprint.grouped()} is in Apptainer's ring or in GnuPG",
        hint="repro-sign key list shows the keys",
    )
