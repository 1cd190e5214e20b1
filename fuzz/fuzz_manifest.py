"""Manifests and notices: the statement, the key in it, both signed forms, files of several."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import atheris
from harness import HERE, NOW, ForgeryError, known_keys, run, seeds

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.errors import MalformedError, RefusedError
    from repro_sign.examining import beside, comparison, integrity, noticed
    from repro_sign.finding import Finding
    from repro_sign.known_keys import KnownKeys
    from repro_sign.sif.reader import OpenImage
    from repro_sign.statements import notice, notice_files, signed_file
    from repro_sign.statements.manifest import from_bytes, to_bytes
    from repro_sign.statements.statement import embedded_key

KNOWN: Final = known_keys()
PATHS: Final = (Path("fuzz.sif.manifest.asc"), Path("fuzz.sif.sigstore.json"))
STATEMENTS: Final = [data for name, data in seeds("manifest").items() if name.endswith(".json")]
IMAGE_PATH: Final = HERE / "corpus" / "sif" / "grace"
IMAGE: Final = OpenImage(IMAGE_PATH, os.open(IMAGE_PATH, os.O_RDONLY))
FACTS: Final = comparison.facts_of(IMAGE, integrity.hash_image(IMAGE, ()))


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
    with suppress(MalformedError):
        said = notice.from_bytes(data)
        with suppress(RefusedError):
            if notice.from_bytes(notice.to_bytes(said)) != said:
                raise ForgeryError("writing and reading changed a notice")
    with suppress(MalformedError):
        for each in notice_files.parse("fuzz", data):
            if noticed.examine(each, KNOWN, NOW).finding is Finding.GOOD:
                raise ForgeryError("a good notice, and nobody signed one")
    for path in PATHS:
        with suppress(MalformedError):
            examine(signed_file.parse(path, data))


def examine(file: signed_file.SignedFile) -> None:
    """Check a manifest's signature with the known keys and with the one it brings along."""
    known = KnownKeys()
    known.add(file.keys, "manifest")
    beside.examine_manifest(file, FACTS, known, NOW)
    found = beside.examine_manifest(file, FACTS, KNOWN, NOW)
    if found.manifest is not None and file.text not in STATEMENTS:
        raise ForgeryError("good, and nobody signed it")


run(one)
