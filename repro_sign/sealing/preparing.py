"""Make a signing key ready: unlock it, so that a wrong passphrase shows before anything is done."""

from pathlib import Path

from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.pem.algorithms import read_private_key
from repro_sign.pem.keys import MAX_KEY_BYTES
from repro_sign.sealing import Sealer
from repro_sign.sealing.openpgp_key import ApptainerKey, GnuPGKey, RingSubkey
from repro_sign.sealing.pem_key import PemKey
from repro_sign.stores.secret_keys import SigningKey
from repro_sign.system.files import read_small
from repro_sign.system.locations import Locations


def prepare(key: SigningKey, where: Locations, passphrase: str | None) -> Sealer:
    """Make a key ready. Raises `RefusedError`, for a wrong passphrase in particular.

    For a key in GnuPG the passphrase is checked by gpg, when it signs.
    """
    if key.pem is not None:
        return prepare_file(key.pem, passphrase)
    if key.certificate is None:
        raise ValueError("a signing key has either a certificate or a PEM file")
    if key.secret is None:
        return GnuPGKey(key.certificate, where, passphrase)
    unlocked = key.secret.unlock(passphrase)
    if not key.certificate.primary_signs:
        return RingSubkey(key.certificate, unlocked)
    return ApptainerKey(key.certificate, key.secret, passphrase, unlocked)


def prepare_file(path: Path, passphrase: str | None) -> Sealer:
    """Make the PEM private key in a file ready. Raises `RefusedError`."""
    shown = printable(str(path))
    private = read_private_key(read_small(path, MAX_KEY_BYTES, "PEM key"), passphrase, shown)
    if private.public.weak:
        raise RefusedError(f"{shown} holds {private.public.weak}")
    return PemKey(private)
