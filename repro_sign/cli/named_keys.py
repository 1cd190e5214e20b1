"""Public keys that the caller names by fingerprint or by file."""

from collections.abc import Iterable

from repro_sign.errors import RefusedError
from repro_sign.known_keys import Keys
from repro_sign.stores.introducing import introduce
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now


def named_keys(names: Iterable[str], where: Locations) -> Keys:
    """Return the public keys that are named, each once.

    Raises `RefusedError` where no copy of a key is at hand, and as `introduce` does.
    """
    return sum((_named(name, where) for name in dict.fromkeys(names)), Keys())


def _named(name: str, where: Locations) -> Keys:
    found = introduce(name, where, utc_now())
    if not found.keys:
        raise RefusedError(
            f"no copy of the key {found.fingerprint.grouped()} is at hand",
            hint="name its public key file, or get it: repro-sign key fetch",
        )
    return found.keys
