"""What is to be deposited, and what was."""

from dataclasses import field
from pathlib import Path
from typing import Final

from repro_sign.citing.cited import Cited, Particulars
from repro_sign.values import dataclass
from repro_sign.verifying import VerifyRequest

PARTS: Final = ("source", "dependencies", "results")
"""What a deposit can be without."""


@dataclass(frozen=True, slots=True)
class DepositRequest:
    """How to verify the image, and where the rest lies.

    `source` is a checkout that has the signed commit (without it the one around the image),
    `results` the folder of the result files. `link` has the image linked instead of copied.
    """

    verify: VerifyRequest
    source: Path | None = None
    results: Path | None = None
    without: frozenset[str] = frozenset()
    link: bool = False
    particulars: Particulars = field(default_factory=Particulars)


@dataclass(frozen=True, slots=True)
class DepositedFile:
    """A file in a deposit, by its path there, and a word on it."""

    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Deposited:
    """A deposit that was verified. `remarks` say what is not in it, and why."""

    folder: Path
    cited: Cited
    files: tuple[DepositedFile, ...]
    remarks: tuple[str, ...]
