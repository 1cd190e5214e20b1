"""Digests: an algorithm and its value, and which algorithms are believed where."""

import re
from typing import Final

from repro_sign.values import dataclass

SIF_ALGORITHMS: Final = {
    "sha224": "sha224",
    "sha256": "sha256",
    "sha384": "sha384",
    "sha512": "sha512",
    "sha512_224": "sha512_224",
    "sha512_256": "sha512_256",
}
"""Digest names that SIF metadata may use, with hashlib's names (SIF reference, section 2)."""

_HEX_DIGITS: Final = {
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "sha512_224": 56,
    "sha512_256": 64,
    "blake3": 64,
}
_LOWER_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, order=True, slots=True)
class Digest:
    """A digest that cannot be malformed: known algorithm, lower-case hex of the right length."""

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        length = _HEX_DIGITS.get(self.algorithm)
        if length is None:
            raise ValueError(f"digest algorithm {self.algorithm!r} is not accepted")
        if len(self.hex) != length or not _LOWER_HEX.fullmatch(self.hex):
            raise ValueError(f"a {self.algorithm} digest has {length} lower-case hex digits")

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Read the `algorithm:hex` form. Raises `ValueError` for anything else."""
        algorithm, colon, value = text.partition(":")
        if not colon:
            raise ValueError(f"a digest is written algorithm:hex, not {text!r}")
        return cls(algorithm, value)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"
