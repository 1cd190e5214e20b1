"""Apptainer's key ring: two files of binary packets (SIF reference, section 9).

They are read here directly, because Apptainer's own listing hides expiry and revocation. They are
changed here too, under a lock, written beside and renamed: Apptainer's commands do neither.
"""

from collections.abc import Callable
from pathlib import Path

from repro_sign.durable import locked_folder, private_folder, write_file
from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import printable
from repro_sign.files import read_if_there
from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import MAX_RING_BYTES, Certificate, read_ring
from repro_sign.openpgp.secret import SecretKey, read_secret_ring

PUBLIC_NAME = "pgp-public"
SECRET_NAME = "pgp-secret"  # noqa: S105 - a file name


def read_public(folder: Path) -> tuple[Certificate, ...]:
    """Return the certificates in the ring, those of its secret keys included."""
    public = read_if_there(folder / PUBLIC_NAME, MAX_RING_BYTES, "key ring") or b""
    return read_ring(public) + tuple(key.certificate for key in read_secret(folder))


def read_secret(folder: Path) -> tuple[SecretKey, ...]:
    """Return the secret keys in the ring."""
    return read_secret_ring(read_if_there(folder / SECRET_NAME, MAX_RING_BYTES, "key ring") or b"")


def add_key(folder: Path, public: bytes, secret: bytes) -> None:
    """Add keys' packets to the ring; `secret` may be empty.

    A certificate that is there already is merged with the new copy (Apptainer would refuse it,
    and with it the news that a key is revoked); a secret key that is there is left alone. Each
    file is replaced whole, the secret one first: a kill in between loses nothing. Raises
    `RefusedError` if the ring can't be written or does not hold the keys afterwards.
    """
    private_folder(folder)
    with locked_folder(folder):
        if secret:
            _rewrite(folder / SECRET_NAME, secret, _keep_old)
        _rewrite(folder / PUBLIC_NAME, public, _merge)
    added = {one.fingerprint for one in read_ring(public)}
    if not added <= {one.fingerprint for one in read_public(folder)}:
        raise RefusedError(f"the key could not be read back from {printable(str(folder))}")


def _rewrite(path: Path, new: bytes, join: Callable[[bytes, bytes], bytes]) -> None:
    """Write a ring anew with the keys in `new`; `join` says what becomes of one that it has."""
    old = read_if_there(path, MAX_RING_BYTES, "key ring") or b""
    try:
        keys = {_primary(key): key for key in packets.split_ring(old)}
    except MalformedError as error:
        raise RefusedError(
            f"the key ring {printable(str(path))} is damaged: {error}",
            hint="move it away (Apptainer can't use it either) and try again",
        ) from error
    for key in packets.split_ring(new):
        primary = _primary(key)
        keys[primary] = join(keys[primary], key) if primary in keys else key
    ring = b"".join(keys.values())
    if ring != old:
        write_file(path, ring, mode=0o600)


def _keep_old(old: bytes, _: bytes) -> bytes:
    return old


def _merge(old: bytes, new: bytes) -> bytes:
    known, news = read_ring(old), read_ring(new)
    return known[0].merged(news[0]).binary if known and news else old


def _primary(key: bytes) -> bytes:
    """Return the body of a key's first packet: enough to tell keys in one file apart."""
    return next(packets.iterate(key)).body
