"""Check the value of one OpenPGP signature with `cryptography`: numbers and hash, nothing else.

pysequoia says only "no valid signatures". Where it says so, this tells "these bytes were not
signed by this key" from "they were, but the key or the time was not fit" (reference pysequoia,
"Reasons" and "Time"). A value that is good here is no good signature yet.
"""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from pysequoia.packet import HashAlgorithm, Packet, PublicKeyAlgorithm

from repro_sign.errors import MalformedError
from repro_sign.openpgp import packets

_HASHES: Final[tuple[tuple[HashAlgorithm, str, hashes.HashAlgorithm], ...]] = (
    (HashAlgorithm.SHA224, "sha224", hashes.SHA224()),
    (HashAlgorithm.SHA256, "sha256", hashes.SHA256()),
    (HashAlgorithm.SHA384, "sha384", hashes.SHA384()),
    (HashAlgorithm.SHA512, "sha512", hashes.SHA512()),
)
_CURVES: Final[dict[bytes, ec.EllipticCurve]] = {
    bytes.fromhex("2a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("2b81040022"): ec.SECP384R1(),
    bytes.fromhex("2b81040023"): ec.SECP521R1(),
}
_ED25519_CURVE: Final = bytes.fromhex("2b06010401da470f01")
_KEY_FIXED_OCTETS: Final = 6
"""Version, four octets of creation time, algorithm (RFC 4880, section 5.5.2)."""
_RSA: Final = (PublicKeyAlgorithm.RSAEncryptSign, PublicKeyAlgorithm.RSASign)


class UnsupportedAlgorithmError(Exception):
    """The key's or the signature's algorithm is none that this module computes."""


def is_good(key: Packet, signature: Packet, signed: bytes) -> bool:
    """Whether `signature` is a signature by the key in packet `key` over the bytes `signed`.

    Raises `UnsupportedAlgorithmError` where that can't be computed.
    """
    body = signature.body
    try:
        digest, algorithm = _digest(signature, signed + _trailer(body))
        return _check(key, packets.signature_numbers(body), digest, algorithm)
    except (InvalidSignature, MalformedError, ValueError, OverflowError, RuntimeError):
        return False  # numbers too large for the key are no signature, nor is what can't be read


def _trailer(body: bytes) -> bytes:
    """Return the octets hashed after the data (RFC 4880, section 5.2.4)."""
    hashed = packets.hashed_part(body)
    return hashed + b"\x04\xff" + len(hashed).to_bytes(4, "big")


def _digest(signature: Packet, data: bytes) -> tuple[bytes, hashes.HashAlgorithm]:
    for accepted, name, algorithm in _HASHES:
        if signature.hash_algorithm == accepted:
            return hashlib.new(name, data).digest(), algorithm
    raise UnsupportedAlgorithmError


def _check(key: Packet, numbers: bytes, digest: bytes, algorithm: hashes.HashAlgorithm) -> bool:
    """Verify; returns True or raises `InvalidSignature` or `ValueError`."""
    kind = key.key_algorithm
    material = key.body[_KEY_FIXED_OCTETS:]
    prehashed = utils.Prehashed(algorithm)
    if kind in _RSA:
        modulus, exponent = packets.integers(material)
        (value,) = packets.integers(numbers)
        public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        raw = value.to_bytes((modulus.bit_length() + 7) // 8, "big")
        public.verify(raw, digest, padding.PKCS1v15(), prehashed)
        return True
    if kind == PublicKeyAlgorithm.Ed25519:
        ed25519.Ed25519PublicKey.from_public_bytes(material).verify(numbers, digest)
        return True
    if kind == PublicKeyAlgorithm.EdDSA:
        curve, (point,) = _curve_and_numbers(material)
        if curve != _ED25519_CURVE:
            raise UnsupportedAlgorithmError
        first, second = packets.integers(numbers)
        raw = first.to_bytes(32, "big") + second.to_bytes(32, "big")
        compressed = point.to_bytes(33, "big")[1:]
        ed25519.Ed25519PublicKey.from_public_bytes(compressed).verify(raw, digest)
        return True
    if kind == PublicKeyAlgorithm.ECDSA:
        oid, (point,) = _curve_and_numbers(material)
        if oid not in _CURVES:
            raise UnsupportedAlgorithmError
        curve_ = _CURVES[oid]
        octets = 1 + 2 * ((curve_.key_size + 7) // 8)
        ecdsa = ec.EllipticCurvePublicKey.from_encoded_point(curve_, point.to_bytes(octets, "big"))
        first, second = packets.integers(numbers)
        ecdsa.verify(utils.encode_dss_signature(first, second), digest, ec.ECDSA(prehashed))
        return True
    raise UnsupportedAlgorithmError


def _curve_and_numbers(material: bytes) -> tuple[bytes, list[int]]:
    """Split the key material of an elliptic-curve key (RFC 6637, section 9)."""
    if not material:
        raise MalformedError("an OpenPGP key without key material")
    end = 1 + material[0]
    return material[1:end], packets.integers(material[end:])
