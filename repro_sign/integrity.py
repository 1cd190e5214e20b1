"""The native engine: examine the signatures inside a SIF image, without any other program.

The steps, marked in the code with their numbers (SIF reference, sections 6 and 13):

 1. header and descriptors are read with bounds (`sif.reader`); what breaks the rules is malformed
 2. each signature object is taken apart: form, signed text, the key it names, metadata document
 3. every object is hashed once, whatever the number of signatures
 4. each signature is checked with the certificates at hand (`openpgp.check`)
 5. the fingerprint in its descriptor must be that of the key that signed
 6. header, descriptors and data are held against the document that was signed
 7. what is signed by nobody can't be told from here: `trust.judge` demands coverage of all
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError
from repro_sign.finding import Finding
from repro_sign.fingerprint import Fingerprint
from repro_sign.hashing import FileDigests, Progress, Range, digest_file
from repro_sign.openpgp import clearsign
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.check import (
    CheckedSignature,
    ParsedSignature,
    check_signature,
    parse_signature,
)
from repro_sign.sif import layout
from repro_sign.sif.metadata import (
    Comparison,
    Metadata,
    algorithms_wanted,
    compare,
    parse_document,
)
from repro_sign.sif.reader import Descriptor, OpenImage
from repro_sign.trust.evidence import SignatureEvidence

WHOLE_FILE: Final = ("sha256", "blake3")
_LEGACY_START: Final = b"SIFHASH:\n"
_LEGACY_MESSAGE: Final = "an old signature, which covers neither header nor descriptors"
_NOT_RECOGNISED: Final = "holds no signature of a known form"


@dataclass(frozen=True, slots=True)
class SignatureObject:
    """A signature object taken apart, nothing checked yet.

    `problem` says why it can't be checked at all; otherwise `signature` is set, and `metadata`
    too unless what was signed is no metadata document (`metadata_problem`).
    """

    descriptor: Descriptor
    kind: str
    problem: tuple[Finding, str] | None = None
    signed: bytes = b""
    signature: ParsedSignature | None = None
    metadata: Metadata | None = None
    metadata_problem: str = ""

    @property
    def issuers(self) -> tuple[str, ...]:
        """The keys that the signature names."""
        return self.signature.issuers if self.signature else ()


def read_signatures(image: OpenImage) -> tuple[SignatureObject, ...]:
    """Take all signature objects of an image apart (step 2), in table order."""
    return tuple(_take_apart(image, one) for one in image.signatures)


def hash_image(
    image: OpenImage,
    signatures: Sequence[SignatureObject],
    *,
    whole: Sequence[str] = WHOLE_FILE,
    progress: Progress | None = None,
) -> FileDigests:
    """Read the image once and compute every digest that is needed (step 3)."""
    wanted = {(one.id, "sha256") for one in image.objects}
    for signature in signatures:
        if signature.metadata:
            wanted |= algorithms_wanted(signature.metadata, _members(image, signature.descriptor))
    objects = {one.id: one for one in image.objects}
    ranges = [Range(key, objects[key[0]].offset, objects[key[0]].size) for key in sorted(wanted)]
    return digest_file(
        image.fd, image.path, image.size, whole=whole, ranges=ranges, progress=progress
    )


def examine(
    image: OpenImage,
    signatures: Sequence[SignatureObject],
    object_digests: Mapping[tuple[int, str], Digest],
    book: CertificateBook,
    now: datetime,
) -> tuple[SignatureEvidence, ...]:
    """Check every signature (steps 4 to 6)."""
    return tuple(_examine(image, one, object_digests, book, now) for one in signatures)


def check_block(
    block: bytes, book: CertificateBook, now: datetime, text: bytes | None = None
) -> str | None:
    """Check a clear-signed block that was just made; return what is wrong with it, or None.

    With `text` given, the block must be over exactly that text.
    """
    try:
        parsed = clearsign.parse(block)
        checked = check_signature(parse_signature(parsed.signature), parsed.canonical, book, now)
    except MalformedError as error:
        return str(error)
    if text is not None and parsed.text != text:
        return "the signed text is not the one that was meant"
    return None if checked.finding is Finding.GOOD else checked.message


def _take_apart(image: OpenImage, one: Descriptor) -> SignatureObject:
    data = image.object_data(one, limit=layout.MAX_SIGNATURE_BYTES)
    if data.lstrip()[:1] == b"{":
        message = "a DSSE signature by a PEM key, which this version can't check"
        return SignatureObject(one, "dsse", (Finding.UNSUPPORTED, message))
    if clearsign.BEGIN not in data:
        return SignatureObject(one, "unknown", (Finding.MALFORMED, _NOT_RECOGNISED))
    try:
        block = clearsign.parse(data)
    except MalformedError as error:
        return SignatureObject(one, "openpgp", (Finding.MALFORMED, str(error)))
    if block.text.startswith(_LEGACY_START):
        return SignatureObject(one, "legacy", (Finding.LEGACY, _LEGACY_MESSAGE))
    hash_type = layout.SIGNATURE_EXTRA.unpack_from(one.extra)[0]
    if hash_type not in layout.SIGNATURE_HASH_TYPES:
        message = f"its descriptor names the unknown hash type {hash_type}"
        return SignatureObject(one, "openpgp", (Finding.MALFORMED, message))
    try:
        signature = parse_signature(block.signature)
    except MalformedError as error:
        unsupported = error.code == "unsupported"
        finding = Finding.UNSUPPORTED if unsupported else Finding.MALFORMED
        return SignatureObject(one, "openpgp", (finding, str(error)))
    metadata, problem = None, ""
    try:
        metadata = parse_document(block.text)
    except MalformedError as error:
        problem = str(error)
    return SignatureObject(one, "openpgp", None, block.canonical, signature, metadata, problem)


def _examine(
    image: OpenImage,
    one: SignatureObject,
    object_digests: Mapping[tuple[int, str], Digest],
    book: CertificateBook,
    now: datetime,
) -> SignatureEvidence:
    group = one.descriptor.linked_group
    if one.problem or one.signature is None:
        finding, message = one.problem or (Finding.MALFORMED, _NOT_RECOGNISED)
        return SignatureEvidence(one.descriptor.id, one.kind, group, finding, message)
    checked = check_signature(one.signature, one.signed, book, now)  # 4
    finding, message, comparison = _compare(image, one, checked, object_digests)
    agrees = comparison is not None and not comparison.differences
    return SignatureEvidence(
        object_id=one.descriptor.id,
        kind=one.kind,
        group=group,
        finding=finding,
        message=message,
        covers=comparison.covers if comparison and agrees else frozenset(),
        agrees=agrees,
        signer=checked.signer,
        claimed=checked.claimed,
        user_id=checked.user_id,
        signed_at=checked.signed_at,
        notes=checked.notes,
    )


def _compare(
    image: OpenImage,
    one: SignatureObject,
    checked: CheckedSignature,
    object_digests: Mapping[tuple[int, str], Digest],
) -> tuple[Finding, str, Comparison | None]:
    """Hold the image against what was signed; a key's own fault comes before any difference."""
    if one.descriptor.linked_group is None:
        message = f"is linked to no group, so it covers nothing ({checked.message})"
        return (
            (Finding.UNLINKED, message, None)
            if checked.finding is Finding.GOOD
            else (checked.finding, checked.message, None)
        )
    comparison = None
    if one.metadata is not None:  # 6
        members = _members(image, one.descriptor)
        comparison = compare(one.metadata, image.header, members, object_digests)
    if checked.finding is Finding.UNKNOWN_KEY and (not comparison or comparison.differences):
        what = comparison.differences[0].message if comparison else one.metadata_problem
        return checked.finding, f"{checked.message}; and {what}", comparison
    if checked.finding is not Finding.GOOD:
        return checked.finding, checked.message, comparison
    _, raw = layout.SIGNATURE_EXTRA.unpack_from(one.descriptor.extra)
    entity = Fingerprint.from_bytes(raw[:20])
    if entity != checked.signer:  # 5
        message = f"its descriptor names the key {entity.grouped()}, another one signed"
        return Finding.WRONG_FINGERPRINT, message, None
    if comparison is None:
        return Finding.BAD_METADATA, one.metadata_problem, None
    if comparison.differences:
        said = "; ".join(difference.message for difference in comparison.differences[:5])
        return Finding(_gravest(comparison)), said, comparison
    return Finding.GOOD, checked.message, comparison


def _gravest(comparison: Comparison) -> str:
    """Name a comparison by the difference that explains most: header, then removed, then rest."""
    codes = [difference.code for difference in comparison.differences]
    for code in ("header-changed", "object-removed", "data-changed"):
        if code in codes:
            return code
    return codes[0]


def _members(image: OpenImage, signature: Descriptor) -> Sequence[Descriptor]:
    group = signature.linked_group
    return () if group is None else image.groups.get(group, ())
