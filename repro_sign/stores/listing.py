"""List keys over both stores: one entry for each fingerprint, and where its halves live."""

from dataclasses import dataclass

from repro_sign.errors import RefusedError
from repro_sign.fingerprint import SignerId
from repro_sign.locations import Locations
from repro_sign.openpgp.certificate import Certificate
from repro_sign.pem.keys import PublicKey
from repro_sign.stores.secret_keys import SigningKey, Store, all_certificates, signing_keys

_STORE_WORDS = {Store.APPTAINER: "Apptainer's ring", Store.GNUPG: "GnuPG", Store.PEM: "PEM file"}


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key, with its certificate or its PEM public key.

    `encrypted` says whether its secret half is; None where that is not known (GnuPG).
    """

    fingerprint: SignerId
    certificate: Certificate | None
    public_key: PublicKey | None
    public_in: tuple[Store, ...]
    secret_in: tuple[Store, ...]
    encrypted: bool | None

    @property
    def user_id(self) -> str | None:
        """The first user id; hostile text until escaped."""
        return self.certificate.user_id if self.certificate else None

    @property
    def algorithm(self) -> str:
        """The kind of key, in words."""
        if self.certificate is not None:
            return self.certificate.algorithm
        return self.public_key.algorithm if self.public_key else "unknown"

    @property
    def public_text(self) -> str:
        """The public key, armored or as PEM."""
        if self.certificate is not None:
            return self.certificate.armored
        return self.public_key.pem if self.public_key else ""

    @property
    def public_place(self) -> str:
        """Where the public half is stored, in words."""
        return ", ".join(_STORE_WORDS[store] for store in self.public_in)

    @property
    def secret_place(self) -> str:
        """Where the secret half lives, in words; empty if it is not here."""
        words = ", ".join(_STORE_WORDS[store] for store in self.secret_in)
        return f"{words} (NOT encrypted)" if words and self.encrypted is False else words


def list_keys(where: Locations) -> tuple[KeyEntry, ...]:
    """Return all keys of both stores, those that can sign first."""
    secret: dict[SignerId, list[SigningKey]] = {}
    for key in signing_keys(where):
        secret.setdefault(key.fingerprint, []).append(key)
    entries = []
    for certificate, stores in all_certificates(where):
        keys = secret.pop(certificate.fingerprint, [])
        ours = [key.encrypted for key in keys if key.encrypted is not None]
        entries.append(
            KeyEntry(
                fingerprint=certificate.fingerprint,
                certificate=certificate,
                public_key=None,
                public_in=stores,
                secret_in=tuple(key.store for key in keys),
                encrypted=ours[0] if ours else None,
            )
        )
    entries += [
        KeyEntry(key.fingerprint, None, key.public_key, (), (key.store,), key.encrypted)
        for keys in secret.values()
        for key in keys
        if key.public_key is not None
    ]
    return tuple(sorted(entries, key=lambda one: (not one.secret_in, str(one.fingerprint))))


def find_entry(where: Locations, fingerprint: SignerId) -> KeyEntry:
    """Return one key's entry. Raises `RefusedError` if no store has it."""
    for entry in list_keys(where):
        if entry.fingerprint == fingerprint:
            return entry
    raise RefusedError(
        f"no key {fingerprint.grouped()} is in Apptainer's ring or in GnuPG",
        hint="repro-sign key list shows the keys",
    )
