"""Manifests: the statement, the key in it, both signed forms, and the comparison with an image."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import atheris
from harness import NOW, ForgeryError, known_keys, run, seeds

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign import beside, comparison
    from repro_sign.digest import Digest
    from repro_sign.errors import MalformedError, RefusedError
    from repro_sign.known_keys import KnownKeys
    from repro_sign.manifest import embedded_key, from_bytes, to_bytes

KNOWN: Final = known_keys()
PATHS: Final = (Path("fuzz.sif.manifest.asc"), Path("fuzz.sif.sigstore.json"))
STATEMENTS: Final = [data for name, data in seeds("manifest").items() if name.endswith(".json")]
ZERO: Final = Digest("sha256", "0" * 64), Digest("blake3", "0" * 64)
FACTS: Final = comparison.ImageFacts(
    "fuzz.sif", Path(), *ZERO, from_bytes(STATEMENTS[0]).image, frozenset()
)


def one(data: bytes) -> None:
    """Read the bytes as a statement and as both forms of a signed one."""
    embedded_key(data)
    with suppress(MalformedError):
        manifest = from_bytes(data)
        comparison.compare_image(manifest, FACTS)
        with suppress(RefusedError):
            again = from_bytes(to_bytes(manifest))
            if (again.subjects, again.image) != (manifest.subjects, manifest.image):
                raise ForgeryError("writing and reading changed a manifest")
    for path in PATHS:
        with suppress(MalformedError):
            examine(beside.parse_manifest(path, data))


def examine(file: beside.ManifestFile) -> None:
    """Check a manifest's signature with the known keys and with the one it brings along."""
    known = KnownKeys()
    known.add(file.keys, "manifest")
    beside.examine_manifest(file, FACTS, known, NOW)
    found = beside.examine_manifest(file, FACTS, KNOWN, NOW)
    if found.manifest is not None and file.text not in STATEMENTS:
        raise ForgeryError("good, and nobody signed it")


run(one)
