"""The bytes of a whole image, through everything that the native engine does with it."""

import os
from pathlib import Path
from typing import Final

import atheris
from harness import NOW, ForgeryError, known_keys, run, seeds

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.examining import comparison, integrity
    from repro_sign.examining.legacy import describe_legacy
    from repro_sign.sif.metadata import Metadata, ObjectDigests, build_document, parse_document
    from repro_sign.sif.reader import OpenImage
    from repro_sign.trust.evidence import ImageEvidence
    from repro_sign.trust.judge import judge
    from repro_sign.trust.policy import TrustPolicy

PATH: Final = Path("fuzz.sif")
KNOWN: Final = known_keys()
POLICY: Final = TrustPolicy(
    trusted={one.fingerprint: "fuzz" for one in KNOWN.certificates}
    | {one.fingerprint: "fuzz" for one in KNOWN.public_keys.candidates("")}
)
FILE: Final = os.memfd_create("fuzz.sif")


def open_bytes(data: bytes) -> OpenImage:
    """Give the bytes as an open image; the file behind it is always the same one."""
    os.ftruncate(FILE, 0)
    os.pwrite(FILE, data, 0)
    return OpenImage(PATH, FILE)


def documents(image: OpenImage, digests: ObjectDigests) -> set[Metadata]:
    """Return the document of each group, as a value."""
    return {
        parse_document(build_document(image.header, members, digests))
        for members in image.groups.values()
    }


def signed_documents() -> set[Metadata]:
    """Return the documents that the keys signed: those of all seeds."""
    found: set[Metadata] = set()
    for data in seeds("sif").values():
        image = open_bytes(data)
        found |= documents(image, integrity.hash_image(image, ()).ranges)
    return found


SIGNED: Final = signed_documents()


def one(data: bytes) -> None:
    """Examine the bytes as an image, and judge."""
    image = open_bytes(data)
    signatures = integrity.read_signatures(image)
    digests = integrity.hash_image(image, signatures)
    evidence = integrity.examine(image, signatures, digests.ranges, KNOWN, NOW)
    comparison.facts_of(image, digests)
    for signature in signatures:
        if signature.kind == "legacy":
            describe_legacy(image, signature.descriptor, KNOWN, NOW)
    objects = frozenset(member.id for group in image.groups.values() for member in group)
    found = ImageEvidence("fuzz.sif", None, objects, evidence)
    if judge(found, POLICY) and not documents(image, digests.ranges) <= SIGNED:
        raise ForgeryError("verified, and nobody signed it")


run(one)
