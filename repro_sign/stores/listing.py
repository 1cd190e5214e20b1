"""List keys over both stores: one entry for each fingerprint, and where its halves live."""

from typing import Final

from repro_sign.errors import NoAnswerError, RefusedError
from repro_sign.fingerprint import SignerId
from repro_sign.openpgp.certificate import Certificate
from repro_sign.pem.keys import PublicKey
from repro_sign.stores.gnupg_agent import Keeper
from repro_sign.stores.kept_keys import read_kept
from repro_sign.stores.secret_keys import SigningKey, Store, all_certificates, keys_at_hand
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass

STORE_WORDS: Final = {
    Store.APPTAINER: "Apptainer's ring",
    Store.GNUPG: "GnuPG",
    Store.PEM: "PEM file",
    Store.KEPT: "the kept keys",
}
"""What people call the stores."""
_KEEPER_WORDS = {
    Keeper.DISK: "GnuPG",
    Keeper.CARD: "GnuPG, on a card",
    Keeper.AGENT: "GnuPG, in an agent or on a card",
}


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key, with its certificate or its PEM public key.

    `encrypted` says whether its secret half is; None where that is not known (GnuPG). `keeper`
    says what keeps the secret half of a key in GnuPG, and `out_of_reach` that it can't sign
    there since only another part of the key can be reached.
    """

    fingerprint: SignerId
    certificate: Certificate | None
    public_key: PublicKey | None
    public_in: tuple[Store, ...]
    secret_in: tuple[Store, ...]
    encrypted: bool | None
    keeper: Keeper | None = None
    out_of_reach: bool = False

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
        return ", ".join(STORE_WORDS[store] for store in self.public_in)

    @property
    def secret_place(self) -> str:
        """Where the secret half lives, in words; empty if it is not here."""
        words = ", ".join(self._place(store) for store in self.secret_in)
        return f"{words} (NOT encrypted)" if words and self.encrypted is False else words

    def _place(self, store: Store) -> str:
        if store is not Store.GNUPG or self.keeper is None:
            return STORE_WORDS[store]
        return _KEEPER_WORDS[self.keeper] + (
            " (can't sign from there)" if self.out_of_reach else ""
        )


@dataclass(frozen=True, slots=True)
class KeySurvey:
    """All keys, those that can sign first, and the secret keys among them by store.

    `silence` says why it is not known which keys in GnuPG have a secret half, if it is not.
    """

    entries: tuple[KeyEntry, ...]
    secret_keys: tuple[SigningKey, ...]
    silence: NoAnswerError | None

    def entry(self, fingerprint: SignerId) -> KeyEntry:
        """Return one key's entry. Raises `RefusedError` if no store has it."""
        for entry in self.entries:
            if entry.fingerprint == fingerprint:
                return entry
        raise RefusedError(
            f"no key {fingerprint.grouped()} is in any store here",
            hint="repro-sign key list shows the keys, key fetch brings one",
        )


def find_entry(where: Locations, fingerprint: SignerId) -> KeyEntry:
    """Return one key's entry. Raises `RefusedError` if no store has it."""
    return survey_keys(where).entry(fingerprint)


def survey_keys(where: Locations) -> KeySurvey:
    """Return all keys of all stores, and what could not be found out about them."""
    at_hand = keys_at_hand(where)
    secret: dict[SignerId, list[SigningKey]] = {}
    for key in at_hand.keys:
        secret.setdefault(key.fingerprint, []).append(key)
    entries = []
    for certificate, stores in all_certificates(where):
        keys = secret.pop(certificate.fingerprint, [])
        ours = [key.encrypted for key in keys if key.encrypted is not None]
        in_gnupg = next((key for key in keys if key.store is Store.GNUPG), None)
        entries.append(
            KeyEntry(
                fingerprint=certificate.fingerprint,
                certificate=certificate,
                public_key=None,
                public_in=stores,
                secret_in=tuple(key.store for key in keys),
                encrypted=ours[0] if ours else None,
                keeper=in_gnupg.keeper if in_gnupg else None,
                out_of_reach=in_gnupg.out_of_reach if in_gnupg else False,
            )
        )
    entries += [
        KeyEntry(key.fingerprint, None, key.public_key, (), (key.store,), key.encrypted)
        for keys in secret.values()
        for key in keys
        if key.public_key is not None
    ]
    known = {one.fingerprint for one in entries}
    entries += [
        KeyEntry(key.fingerprint, None, key, (Store.KEPT,), (), None)
        for key in read_kept(where, ()).public_keys
        if key.fingerprint not in known
    ]
    ordered = sorted(entries, key=lambda one: (not one.secret_in, str(one.fingerprint)))
    return KeySurvey(tuple(ordered), at_hand.keys, at_hand.silence)
