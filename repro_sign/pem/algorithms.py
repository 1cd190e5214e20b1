"""The algorithms of PEM keys: Ed25519, ECDSA over NIST curves, RSA; signing and verifying.

They are those that Apptainer and cosign use for SIF signatures (SIF reference, section 3.2): RSA
PKCS #1 v1.5 and ECDSA with SHA-256 whatever the key's size, Ed25519 as it is.
"""

import base64
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.fingerprint import PemFingerprint
from repro_sign.pem.keys import PublicKey, is_encrypted

MIN_RSA_BITS: Final = 2048
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

SupportedKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
_Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def to_pem(key: SupportedKey) -> str:
    """Return a public key as PEM text (SubjectPublicKeyInfo)."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def verifies(key: SupportedKey, signature: bytes, data: bytes) -> bool:
    """Whether `signature` is this key's over `data`."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


class PrivateKey:
    """A PEM private key, unlocked; it lives only as long as this object."""

    def __init__(self, key: _Private) -> None:
        self._key = key
        self.public = describe(key.public_key())

    def sign(self, data: bytes) -> bytes:
        """Return this key's signature over `data`."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))

    def to_pem(self, passphrase: str | None) -> bytes:
        """Return the key as PKCS #8 PEM text, encrypted if there is a passphrase."""
        protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            protection = serialization.BestAvailableEncryption(passphrase.encode())
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
        )


def describe(key: object) -> PublicKey:
    """Describe a public key. Raises `MalformedError` if it is of no accepted kind."""
    weak = None
    if isinstance(key, ed25519.Ed25519PublicKey):
        algorithm = "Ed25519"
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        algorithm = f"ECDSA P-{key.curve.key_size}"
    elif isinstance(key, rsa.RSAPublicKey):
        algorithm = f"RSA {key.key_size}"
        if key.key_size < MIN_RSA_BITS:
            weak = f"an RSA key of {key.key_size} bits; at least {MIN_RSA_BITS} are needed"
    else:
        raise MalformedError("only Ed25519, RSA and ECDSA over P-256, P-384, P-521 are supported")
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    fingerprint = PemFingerprint.of_wire_encoding(base64.b64decode(line.split()[1]))
    return PublicKey(key, fingerprint, algorithm, weak)


def load_public_key(data: bytes, what: str) -> PublicKey:
    """Read a PEM public key as `keys.read_public_key` does."""
    try:
        return describe(serialization.load_pem_public_key(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError(f"{what} is not a readable PEM public key") from error


def read_private_key(data: bytes, passphrase: str | None, what: str) -> PrivateKey:
    """Read a PEM private key: PKCS #8 (encrypted or not), PKCS #1, SEC 1.

    Raises `RefusedError` for a wrong or missing passphrase, `MalformedError` if it is no key.
    """
    password = None if passphrase is None or not is_encrypted(data) else passphrase.encode()
    if is_encrypted(data) and password is None:
        raise RefusedError(f"the private key in {what} needs its passphrase")
    try:
        key = serialization.load_pem_private_key(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if password is not None:
            message = f"the passphrase does not open the private key in {what}"
            raise RefusedError(message) from error
        raise MalformedError(f"{what} is not a readable PEM private key") from error
    if not isinstance(key, _Private):
        raise MalformedError(f"{what} holds a kind of key that signs no images")
    return PrivateKey(key)


def new_private_key() -> PrivateKey:
    """Make a new Ed25519 key."""
    return PrivateKey(ed25519.Ed25519PrivateKey.generate())
