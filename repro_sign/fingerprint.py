"""Fingerprints of keys: the only names of a signer that prove a thing."""

import base64
import binascii
import hashlib
import re

from repro_sign.values import dataclass

_V4_HEX = re.compile(r"[0-9A-F]{40}")
_V4_ANY_CASE = re.compile(r"[0-9A-Fa-f]{40}")
_PEM_PREFIX = "SHA256:"


@dataclass(frozen=True, order=True, slots=True)
class Fingerprint:
    """The 40-digit fingerprint of a version 4 key (RFC 4880, section 12.2); key ids are refused."""

    hex: str

    def __post_init__(self) -> None:
        if not _V4_HEX.fullmatch(self.hex):
            raise ValueError(f"not a 40-digit upper-case fingerprint: {self.hex!r}")

    @classmethod
    def parse(cls, text: str) -> "Fingerprint":
        """Read a fingerprint as people type it: blanks, colons, lower case and `0x` are allowed.

        Raises `ValueError` for anything that is not a full fingerprint.
        """
        digits = re.sub(r"[\s:]", "", text).removeprefix("0x").removeprefix("0X")
        if not _V4_ANY_CASE.fullmatch(digits):
            raise ValueError(
                f"{text!r} is not a full fingerprint: 40 hexadecimal digits are needed"
                " (shorter key ids can be forged)"
            )
        return cls(digits.upper())

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Fingerprint":
        """Make one from the 20 raw bytes that a SIF signature descriptor holds."""
        return cls(raw.hex().upper())

    @property
    def raw(self) -> bytes:
        """The 20 bytes."""
        return bytes.fromhex(self.hex)

    @property
    def key_id(self) -> str:
        """The last 16 digits, which is how signatures of old tools name their key."""
        return self.hex[-16:]

    @property
    def file_name(self) -> str:
        """The name of the file in which the public key is published."""
        return f"{self.hex}.asc"

    def grouped(self) -> str:
        """Write it in groups of four, for people to compare."""
        return " ".join(self.hex[start : start + 4] for start in range(0, 40, 4))

    def __str__(self) -> str:
        return self.hex


@dataclass(frozen=True, order=True, slots=True)
class PemFingerprint:
    """The fingerprint of a PEM key as `ssh-keygen -l` prints it (SIF reference, section 3.2).

    `raw` is the SHA-256 digest of the key in OpenSSH's wire encoding.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != hashlib.sha256().digest_size:
            raise ValueError("a PEM key's fingerprint has 32 bytes")

    @classmethod
    def of_wire_encoding(cls, wire: bytes) -> "PemFingerprint":
        """Compute the fingerprint of a key in OpenSSH's wire encoding."""
        return cls(hashlib.sha256(wire).digest())

    @classmethod
    def parse(cls, text: str) -> "PemFingerprint":
        """Read `SHA256:` and 43 base64 digits. Raises `ValueError` for anything else."""
        value = text.strip()
        try:
            digits = value.removeprefix(_PEM_PREFIX)
            found = cls(base64.b64decode(digits + "=", validate=True))
        except (binascii.Error, ValueError):
            found = None
        if found is not None and str(found) == value:
            return found
        raise ValueError(f"{text!r} is not a PEM key's fingerprint (SHA256: and 43 base64 digits)")

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits, for file names."""
        return self.raw.hex()[:16].upper()

    @property
    def file_name(self) -> str:
        """The name of the file in which the public key is published."""
        return f"{self.raw.hex()}.pub"

    def grouped(self) -> str:
        """Write it for people to compare."""
        return str(self)

    def __str__(self) -> str:
        return _PEM_PREFIX + base64.b64encode(self.raw).decode().rstrip("=")


SignerId = Fingerprint | PemFingerprint
"""Who signed: an OpenPGP primary key, or a PEM key."""


def parse_signer(text: str) -> SignerId:
    """Read a fingerprint of either kind. Raises `ValueError`."""
    if text.strip().upper().startswith(_PEM_PREFIX):
        return PemFingerprint.parse(text)
    return Fingerprint.parse(text)
