"""PEM keys made by `keygen --store pem`: a folder with each key's private and public half.

The private half is PKCS #8, encrypted with the passphrase; the public one lies beside it, because
it can't be read from an encrypted file.
"""

from contextlib import suppress
from pathlib import Path

from repro_sign.errors import MalformedError, NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import PemFingerprint
from repro_sign.pem.keys import MAX_KEY_BYTES, PublicKey, is_encrypted, read_public_key
from repro_sign.system.durable import private_folder, sync_folder, write_file
from repro_sign.system.files import read_small
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class StoredPemKey:
    """A key in the folder: its public half, where the private one is, and is that encrypted."""

    public: PublicKey
    private: Path
    encrypted: bool


def read_pem_keys(where: Locations) -> tuple[StoredPemKey, ...]:
    """Return the keys in the folder; a damaged one is left out."""
    found = []
    for path in sorted(where.pem_keys.glob("*.pem")):
        with suppress(MalformedError, NoAnswerError):
            public = read_small(path.with_suffix(".pub"), MAX_KEY_BYTES, "PEM key")
            private = read_small(path, MAX_KEY_BYTES, "PEM key")
            key = read_public_key(public, path.name)
            found.append(StoredPemKey(key, path, is_encrypted(private)))
    return tuple(found)


def path_of(where: Locations, public: PublicKey) -> Path:
    """Return where the private half of a key lies, if it is in the folder."""
    return _path(where, public.fingerprint)


def add_pem_key(where: Locations, public: PublicKey, private: bytes) -> Path:
    """Store a new key; return where its private half is. Raises `RefusedError`."""
    private_folder(where.pem_keys)
    path = path_of(where, public)
    write_file(path.with_suffix(".pub"), public.pem.encode(), mode=0o600)
    write_file(path, private, mode=0o600)
    return path


def remove_pem_key(where: Locations, fingerprint: PemFingerprint) -> None:
    """Remove both halves of a key. Raises `RefusedError`."""
    path = _path(where, fingerprint)
    try:
        for one in (path, path.with_suffix(".pub")):
            one.unlink(missing_ok=True)
        sync_folder(where.pem_keys)
    except OSError as error:
        shown = printable(str(path))
        raise RefusedError(f"{shown} could not be removed: {error.strerror}") from error


def _path(where: Locations, fingerprint: PemFingerprint) -> Path:
    return where.pem_keys / f"{fingerprint.raw.hex()}.pem"
