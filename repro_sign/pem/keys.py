"""PEM public keys: what they are called, and whether a signature is theirs.

The algorithms themselves are in `pem.algorithms`, which is heavy: it is imported with the first
key, and most images are signed by OpenPGP keys.
"""

from typing import TYPE_CHECKING, Final

from repro_sign.errors import MalformedError
from repro_sign.fingerprint import PemFingerprint
from repro_sign.values import dataclass

if TYPE_CHECKING:
    from repro_sign.pem.algorithms import SupportedKey

MAX_KEY_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A PEM public key of an accepted kind. `weak` says why it proves nothing, if it does not."""

    key: "SupportedKey"
    fingerprint: PemFingerprint
    algorithm: str
    weak: str | None = None

    @property
    def pem(self) -> str:
        """The key as PEM text (SubjectPublicKeyInfo)."""
        from repro_sign.pem import algorithms

        return algorithms.to_pem(self.key)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` is this key's over `data`."""
        from repro_sign.pem import algorithms

        return algorithms.verifies(self.key, signature, data)


def read_public_key(data: bytes, what: str) -> PublicKey:
    """Read a PEM public key; `what` names it in errors.

    Raises `MalformedError` for anything else, private keys included.
    """
    if len(data) > MAX_KEY_BYTES:
        raise MalformedError(f"{what} is larger than any public key")
    from repro_sign.pem import algorithms

    return algorithms.load_public_key(data, what)


def is_private(data: bytes) -> bool:
    """Whether a file holds a PEM private key of any form."""
    return b"PRIVATE KEY-----" in data


def is_encrypted(data: bytes) -> bool:
    """Whether a PEM private key is encrypted (PKCS #8, or the older way of OpenSSL)."""
    return b"BEGIN ENCRYPTED PRIVATE KEY" in data or b"Proc-Type: 4,ENCRYPTED" in data
