"""What all harnesses share: the known keys, what they signed, and the loop.

A harness may raise the project's own errors about bad input and nothing else; and whatever is
called good must be something that one of the seeds holds, since the keys signed nothing more.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.errors import MalformedError, UnreadableError
    from repro_sign.known_keys import KnownKeys, read_keys
    from repro_sign.times import utc_now

HERE: Final = Path(__file__).resolve().parent
NOW: Final = utc_now()


def key_file(name: str) -> bytes:
    """Return one of the public files in fuzz/keys."""
    return (HERE / "keys" / name).read_bytes()


def seeds(harness: str) -> dict[str, bytes]:
    """Return a corpus's committed seeds by name."""
    return {path.name: path.read_bytes() for path in (HERE / "corpus" / harness).iterdir()}


def known_keys() -> KnownKeys:
    """Return the public keys, OpenPGP and PEM, that signed the seeds."""
    known = KnownKeys()
    for path in sorted((HERE / "keys").iterdir()):
        if not path.name.startswith("x509"):
            known.add(read_keys(path.read_bytes(), path.name), "fuzz/keys")
    return known


class ForgeryError(Exception):
    """Something was called good that nobody signed."""


def run(one: Callable[[bytes], None]) -> None:
    """Feed mutated input to `one` until libFuzzer's options say that it is enough."""

    def guarded(data: bytes) -> None:
        try:
            one(data)
        except (MalformedError, UnreadableError):
            return

    atheris.Setup(sys.argv, guarded)
    atheris.Fuzz()
