"""Reveals, delegations and rotations: the statements, and both signed forms."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import atheris
from harness import NOW, ForgeryError, known_keys, run, seeds

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.errors import MalformedError, RefusedError
    from repro_sign.examining import revealed
    from repro_sign.finding import Finding
    from repro_sign.statements import delegation, reveal, signed_file

KNOWN: Final = known_keys()
STATEMENTS: Final = [data for name, data in seeds("reveal").items() if name.endswith(".json")]
PATHS: Final = (Path("fuzz.sif.reveal.asc"), Path("fuzz.sif.reveal.sigstore.json"))


def one(data: bytes) -> None:
    """Read the bytes as each statement and as both forms of a signed one."""
    with suppress(MalformedError):
        half = reveal.from_bytes(data)
        with suppress(RefusedError):
            if reveal.from_bytes(reveal.to_bytes(half)) != half:
                raise ForgeryError("writing and reading changed a reveal")
    with suppress(MalformedError):
        said = delegation.from_bytes(data)
        with suppress(RefusedError):
            if delegation.from_bytes(delegation.to_bytes(said)) != said:
                raise ForgeryError("writing and reading changed a delegation")
    for path in PATHS:
        with suppress(MalformedError):
            file = signed_file.parse(path, data)
            (found,) = revealed.examine((file,), KNOWN, NOW)
            if found.finding is Finding.GOOD and file.text not in STATEMENTS:
                raise ForgeryError("a good reveal, and nobody signed one")


run(one)
