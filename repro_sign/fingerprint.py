"""The full fingerprint of an OpenPGP primary key: the only name of a signer that proves a thing."""

import re
from dataclasses import dataclass

_V4_HEX = re.compile(r"[0-9A-F]{40}")


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
        digits = re.sub(r"[\s:]", "", text).upper().removeprefix("0X")
        if not _V4_HEX.fullmatch(digits):
            raise ValueError(
                f"{text!r} is not a full fingerprint: 40 hexadecimal digits are needed"
                " (shorter key ids can be forged)"
            )
        return cls(digits)

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

    def grouped(self) -> str:
        """Write it in groups of four, for people to compare."""
        return " ".join(self.hex[start : start + 4] for start in range(0, 40, 4))

    def __str__(self) -> str:
        return self.hex
