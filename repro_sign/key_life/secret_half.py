"""The secret half of one key, taken out of its store to be saved or compared."""

from dataclasses import field

from repro_sign.errors import RefusedError
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.secret import SecretKey, read_secret_key
from repro_sign.pem.algorithms import PrivateKey, read_private_key
from repro_sign.pem.keys import MAX_KEY_BYTES, is_encrypted
from repro_sign.stores.gnupg_agent import Keeper
from repro_sign.stores.gnupg_changes import scratch_home
from repro_sign.stores.gnupg_home import GnuPGHome
from repro_sign.stores.secret_keys import SigningKey, Store
from repro_sign.system.files import read_small
from repro_sign.system.locations import Locations
from repro_sign.system.process import find_program
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class SecretHalf:
    """A secret key as its store holds it: OpenPGP packets, or the text of a PEM file.

    `encrypted` says whether that is encrypted in itself, with the key's own passphrase.
    """

    fingerprint: SignerId
    store: Store
    encrypted: bool
    openpgp: SecretKey | None = field(default=None, repr=False)
    pem: bytes = field(default=b"", repr=False)

    @property
    def certificate(self) -> Certificate | None:
        """The public half; None for a PEM key."""
        return self.openpgp.certificate if self.openpgp else None

    @property
    def parts(self) -> frozenset[SignerId]:
        """The primary key and subkeys whose secrets are really in it."""
        return frozenset(self.openpgp.parts if self.openpgp else (self.fingerprint,))

    @property
    def text(self) -> bytes:
        """The key as text: an armored block, or PEM."""
        return self.openpgp.armored.encode() if self.openpgp else self.pem

    def demand_opened_by(self, passphrase: str | None) -> None:
        """Raise `RefusedError` unless this is the passphrase that the key is encrypted with."""
        if self.openpgp is None:
            read_private_key(self.pem, passphrase, self.fingerprint.grouped())
            return
        opened = self.openpgp.is_opened_by(passphrase)
        if opened is None:  # only gpg opens it
            opened = _gpg_opens(self.openpgp, passphrase)
        if not opened:
            raise RefusedError(
                f"the passphrase does not open the secret key {self.fingerprint.grouped()}"
            )


def read_pem_half(pem: bytes, passphrase: str | None, what: str) -> SecretHalf:
    """Read a PEM private key, which tells its public half only when it is opened."""
    private: PrivateKey = read_private_key(pem, passphrase, what)
    return SecretHalf(private.public.fingerprint, Store.PEM, is_encrypted(pem), pem=pem)


def take_out(where: Locations, key: SigningKey, passphrase: str | None) -> SecretHalf:
    """Take a secret key out of its store; nothing is changed there.

    The passphrase is needed for a key in GnuPG only, and there only where gpg-agent is not to ask
    for it. Raises `RefusedError` where the secret half is not in the store itself: on a card, or
    with an agent on another machine.
    """
    if key.pem is not None:
        pem = read_small(key.pem, MAX_KEY_BYTES, "PEM key")
        return SecretHalf(key.fingerprint, Store.PEM, is_encrypted(pem), pem=pem)
    secret = key.secret
    if secret is None:
        if not isinstance(key.fingerprint, Fingerprint):
            raise TypeError("GnuPG has OpenPGP keys only")
        secret = read_secret_key(_exported(where, key, key.fingerprint, passphrase))
        if key.certificate is not None:
            secret = secret.with_news(key.certificate)
    if not secret.parts:
        raise _elsewhere(key.fingerprint)
    return SecretHalf(key.fingerprint, key.store, secret.encrypted, openpgp=secret)


def _exported(
    where: Locations, key: SigningKey, fingerprint: Fingerprint, passphrase: str | None
) -> bytes:
    try:
        return GnuPGHome(where.gnupg_home).export_secret(fingerprint, passphrase)
    except RefusedError as error:
        if key.keeper is Keeper.DISK:
            raise
        raise _elsewhere(fingerprint) from error


def _elsewhere(fingerprint: SignerId) -> RefusedError:
    return RefusedError(
        f"the secret half of {fingerprint.grouped()} is not in this store, but on a smart card or"
        " with another agent: it can't be taken out",
        hint="save it where it is; a card is its own safe",
    )


def _gpg_opens(secret: SecretKey, passphrase: str | None) -> bool:
    if find_program("gpg") is None:
        raise RefusedError(
            "without gpg it can't be told whether the passphrase opens a key like this (expired,"
            " revoked, or without its primary secret)",
            hint="install GnuPG, and try again",
        )
    with scratch_home(secret.binary) as home:
        try:
            GnuPGHome(home).export_secret(secret.certificate.fingerprint, passphrase or "")
        except RefusedError:
            return False
    return True
