"""Import keys from a file into a store. It makes nobody trusted."""

from pathlib import Path

from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.openpgp.certificate import (
    MAX_RING_BYTES,
    Certificate,
    read_certificates,
    split_keys,
)
from repro_sign.openpgp.secret import read_secret_key
from repro_sign.stores import apptainer_ring
from repro_sign.stores.secret_keys import Store
from repro_sign.system.files import read_small
from repro_sign.system.locations import Locations


def import_file(
    path: Path, where: Locations, store: Store, *, secret: bool
) -> tuple[Certificate, ...]:
    """Import all keys in a file; return their certificates.

    Raises `MalformedError` if it holds none, `RefusedError` if it holds secret keys and `secret`
    does not say that this is meant.
    """
    shown = printable(str(path))
    data = read_small(path, MAX_RING_BYTES, "key file")
    found = read_certificates(data, shown)
    if any(one.had_secret for one in found) and not secret:
        raise RefusedError(
            f"{shown} holds SECRET keys, not only public ones: nothing was imported",
            hint="if they are yours and you mean it, say --secret;"
            " if somebody sent them to you, tell them that their secret key is out",
        )
    if store is Store.GNUPG:
        _into_gnupg(where, data, found, secret=secret)
    else:
        for chunk, one in zip(split_keys(data), found, strict=True):
            packets = read_secret_key(chunk).binary if one.had_secret else b""
            apptainer_ring.add_key(where.apptainer_keys, one.binary, packets)
    return found


def _into_gnupg(
    where: Locations, data: bytes, found: tuple[Certificate, ...], *, secret: bool
) -> None:
    from repro_sign.stores.gnupg_home import GnuPGHome

    public = b"".join(one.binary for one in found)
    GnuPGHome(where.gnupg_home).import_key(data if secret else public)
