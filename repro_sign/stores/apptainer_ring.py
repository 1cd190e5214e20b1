"""Apptainer's key ring: two files of binary packets (SIF reference, section 9).

They are read here directly, because Apptainer's own listing hides expiry and revocation. They are
changed here too: under a lock, written beside and renamed, the old ring kept until the new one is
read back. Apptainer's commands do none of that, and `apptainer key remove --secret` throws all
other secret keys away. What is not about the key in question stays as it is, byte for byte.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import MAX_RING_BYTES, Certificate, read_ring
from repro_sign.openpgp.secret import SecretKey, read_secret_ring
from repro_sign.system.durable import exchange_file, locked_folder, private_folder, remove_leftovers
from repro_sign.system.files import read_if_there

PUBLIC_NAME: Final = "pgp-public"
SECRET_NAME: Final = "pgp-secret"  # noqa: S105 - a file name


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
    with _changing(folder):
        if secret:
            _rewrite(folder, SECRET_NAME, lambda keys: _joined(keys, secret, _keep_old))
        _rewrite(folder, PUBLIC_NAME, lambda keys: _joined(keys, public, _merge))
    added = {one.fingerprint for one in read_ring(public)}
    if not added <= {one.fingerprint for one in read_public(folder)}:
        raise RefusedError(f"the key could not be read back from {printable(str(folder))}")


def remove_key(folder: Path, fingerprint: Fingerprint) -> None:
    """Take a key out of both files, the public one first; every other key stays.

    Nothing is asked here: whether that loses the last copy of a secret key is the caller's
    business. Raises `RefusedError` if the ring can't be written.
    """
    with _changing(folder):
        for name in (PUBLIC_NAME, SECRET_NAME):
            _rewrite(folder, name, lambda keys: [key for key in keys if not _is(key, fingerprint)])


def sweep(folder: Path) -> None:
    """Remove what a killed run left beside the ring: it may be an old ring with its secrets."""
    if folder.is_dir():
        with _changing(folder):
            pass


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """Keep other runs of repro-sign away, and remove what a killed one left: old rings."""
    with locked_folder(folder):
        for name in (PUBLIC_NAME, SECRET_NAME):
            remove_leftovers(_file(folder, name))
        yield


def _file(folder: Path, name: str) -> Path:
    """Return the ring's file itself: replaced, a symbolic link would leave the old ring behind."""
    return Path(os.path.realpath(folder / name))


def _rewrite(folder: Path, name: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Write one file of the ring anew, with the keys that `change` makes of those it holds."""
    path = _file(folder, name)
    old = read_if_there(path, MAX_RING_BYTES, "key ring")
    try:
        keys = packets.split_ring(old or b"")
    except MalformedError as error:
        raise RefusedError(
            f"the key ring {printable(str(path))} is damaged: {error}",
            hint="move it away (Apptainer can't use it either) and try again",
        ) from error
    before_the_first = (old or b"")[: len(old or b"") - sum(map(len, keys))]
    ring = before_the_first + b"".join(change(keys))
    if ring != (old or b""):
        exchange_file(path, old, ring, mode=0o600)


def _joined(keys: list[bytes], new: bytes, join: Callable[[bytes, bytes], bytes]) -> list[bytes]:
    """Add keys at the end; `join` says what becomes of one that is there already."""
    result = list(keys)
    for key in packets.split_ring(new):
        there = [at for at, one in enumerate(result) if _primary(one) == _primary(key)]
        for at in there:
            result[at] = join(result[at], key)
        if not there:
            result.append(key)
    return result


def _keep_old(old: bytes, _: bytes) -> bytes:
    return old


def _merge(old: bytes, new: bytes) -> bytes:
    known, news = read_ring(old), read_ring(new)
    return known[0].merged(news[0]).binary if known and news else old


def _primary(key: bytes) -> bytes:
    """Return the body of a key's first packet: enough to tell keys in one file apart."""
    return next(packets.iterate(key)).body


def _is(key: bytes, fingerprint: Fingerprint) -> bool:
    return any(one.fingerprint == fingerprint for one in read_ring(key))
