"""DSSE envelopes and Sigstore bundles, with their signatures."""

from typing import Final

import atheris
from harness import ForgeryError, known_keys, run, seeds

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.errors import MalformedError
    from repro_sign.finding import Finding
    from repro_sign.pem import bundle, dsse

BOOK: Final = known_keys().public_keys


def envelopes(data: bytes) -> list:
    """Return what the bytes are: an envelope of either type, a bundle's."""
    found = []
    for parse in (
        lambda: dsse.parse(data, dsse.SIF_METADATA),
        lambda: dsse.parse(data, dsse.IN_TOTO),
        lambda: bundle.parse(data).envelope,
    ):
        try:
            found.append(parse())
        except MalformedError:
            continue
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
