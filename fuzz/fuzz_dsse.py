"""DSSE envelopes and Sigstore bundles, with their signatures."""

from contextlib import suppress
from typing import Final

import atheris
from harness import ForgeryError, known_keys, run, seeds

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.errors import MalformedError
    from repro_sign.finding import Finding
    from repro_sign.pem import bundle, dsse

BOOK: Final = known_keys().public_keys


def envelopes(data: bytes) -> list[dsse.Envelope]:
    """Return what the bytes are: an envelope of either type, a bundle's."""
    found = []
    for payload_type in (dsse.SIF_METADATA, dsse.IN_TOTO):
        with suppress(MalformedError):
            found.append(dsse.parse(data, payload_type))
    with suppress(MalformedError):
        found.append(bundle.parse(data).envelope)
    return found


SIGNED: Final = {one.signed for data in seeds("dsse").values() for one in envelopes(data)}


def one(data: bytes) -> None:
    """Parse and check every signature."""
    for envelope in envelopes(data):
        for signature in envelope.signatures:
            found = dsse.check(envelope, signature, BOOK)
            if found.finding is Finding.GOOD and envelope.signed not in SIGNED:
                raise ForgeryError("good, and nobody signed it")


run(one)
