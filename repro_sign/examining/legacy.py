"""Signatures from before Singularity 3.6: what they would say, for those who ask. Never accepted.

Their text is `SIFHASH:` and the digest of bare data: of one object, or of a group's objects one
after the other (SIF reference, section 4). Header, descriptors and the bounds between objects
are not covered, so an image can be changed into another one under a good signature of this form.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from repro_sign.errors import MalformedError
from repro_sign.finding import Finding
from repro_sign.known_keys import KnownKeys
from repro_sign.openpgp import clearsign
from repro_sign.openpgp.check import check_signature, parse_signature
from repro_sign.sif import layout
from repro_sign.sif.reader import Descriptor, OpenImage
from repro_sign.trust.evidence import SignatureEvidence

_START: Final = b"SIFHASH:\n"
_ALGORITHMS: Final = {1: "sha256", 2: "sha384", 3: "sha512", 4: "blake2s", 5: "blake2b"}
_BUFFER_BYTES: Final = 4 << 20


def with_legacy(
    image: OpenImage, one: SignatureEvidence, known: KnownKeys, now: datetime
) -> SignatureEvidence:
    """Add to an old signature what it would say."""
    if one.finding is not Finding.LEGACY:
        return one
    (descriptor,) = [each for each in image.signatures if each.id == one.object_id]
    return replace(one, message=describe_legacy(image, descriptor, known, now))


def describe_legacy(image: OpenImage, one: Descriptor, known: KnownKeys, now: datetime) -> str:
    """Say in a sentence what an old signature is over, by whom, and whether the data is that."""
    try:
        block = clearsign.parse(image.object_data(one, limit=layout.MAX_SIGNATURE_BYTES))
        signature = parse_signature(block.signature)
        name, digest = _digest_of(image, one)
    except MalformedError as error:
        return f"an old signature that can't be read: {error}"
    checked = check_signature(signature, block.canonical, known.certificates, now)
    said = block.text.removeprefix(_START).strip().decode("ascii", "replace").lower()
    state = "is as it was signed" if said == digest else "was CHANGED since"
    if checked.finding is Finding.GOOD and checked.signer:
        by = f"good, by {checked.signer.grouped()}"
    else:
        by = f"{checked.finding.value} ({checked.message})"
    return f"an old signature, {by}: the bare data of {name} {state}; nothing else is covered"


def _digest_of(image: OpenImage, one: Descriptor) -> tuple[str, str]:
    """Return what the signature is linked to, and the digest of its data."""
    hash_type = layout.SIGNATURE_EXTRA.unpack_from(one.extra)[0]
    algorithm = _ALGORITHMS.get(hash_type)
    if algorithm is None:
        raise MalformedError(f"unknown hash type {hash_type}")
    name, objects = _linked(image, one)
    size = {"blake2b": 32}.get(algorithm)
    digest = hashlib.blake2b(digest_size=size) if size else hashlib.new(algorithm)
    for each in objects:
        for start in range(each.offset, each.end, _BUFFER_BYTES):
            length = min(_BUFFER_BYTES, each.end - start)
            digest.update(image.read_at(start, length, f"object {each.id}"))
    return name, digest.hexdigest()


def _linked(image: OpenImage, one: Descriptor) -> tuple[str, Sequence[Descriptor]]:
    group = one.linked_group
    if group is not None:
        members = [each for each in image.groups.get(group, ()) if not each.is_signature]
        return f"group {group}", members
    found = [each for each in image.objects if each.id == one.link]
    if not found:
        raise MalformedError("it is linked to nothing")
    return f"object {one.link} ({found[0].kind})", found
