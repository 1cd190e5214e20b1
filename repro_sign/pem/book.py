"""All PEM public keys at hand. Being in here makes nobody trusted."""

from collections.abc import Iterable

from repro_sign.fingerprint import PemFingerprint
from repro_sign.pem.keys import PublicKey


class PublicKeyBook:
    """Public keys by fingerprint; `origins` and `name` tell where each came from."""

    def __init__(self) -> None:
        self._keys: dict[PemFingerprint, PublicKey] = {}
        self._origins: dict[PemFingerprint, set[str]] = {}

    def add(self, keys: Iterable[PublicKey], origin: str) -> None:
        """Add keys."""
        for key in keys:
            self._keys.setdefault(key.fingerprint, key)
            self._origins.setdefault(key.fingerprint, set()).add(origin)

    def candidates(self, key_id: str) -> tuple[PublicKey, ...]:
        """Return the keys that a DSSE signature with this key id may be by.

        An empty id may be any key's; one that names a key is that key's or nobody's.
        """
        if not key_id:
            return tuple(self._keys.values())
        return tuple(key for name, key in self._keys.items() if str(name) == key_id)

    def get(self, fingerprint: PemFingerprint) -> PublicKey | None:
        """Return the key with this fingerprint."""
        return self._keys.get(fingerprint)

    def origins(self, fingerprint: PemFingerprint) -> frozenset[str]:
        """Return where copies of this key came from."""
        return frozenset(self._origins.get(fingerprint, ()))
