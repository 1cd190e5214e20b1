"""One signature object of a SIF file: which form it has, what it signs, and is it good.

The form is decided by content, as upstream does: a DSSE envelope, a clear-signed OpenPGP text, or
an old OpenPGP signature over bare data, which is recognised and never accepted.
"""

from datetime import datetime
from typing import Final

from repro_sign.checked import CheckedSignature
from repro_sign.errors import MalformedError
from repro_sign.finding import Finding
from repro_sign.known_keys import KnownKeys
from repro_sign.openpgp import clearsign
from repro_sign.openpgp.check import ParsedSignature, check_signature, parse_signature
from repro_sign.pem import dsse
from repro_sign.sif import layout
from repro_sign.sif.metadata import Metadata, parse_document
from repro_sign.sif.reader import Descriptor
from repro_sign.values import dataclass

_LEGACY_START: Final = b"SIFHASH:\n"
_LEGACY_MESSAGE: Final = "an old signature, which covers neither header nor descriptors"
_NOT_RECOGNISED: Final = "holds no signature of a known form"


@dataclass(frozen=True, slots=True)
class SignatureObject:
    """A signature object taken apart, nothing checked yet.

    `problem` says why it can't be checked at all. Otherwise `openpgp` or `envelope` is set, and
    `metadata` too unless what was signed is no metadata document (`metadata_problem`).
    """

    descriptor: Descriptor
    kind: str
    problem: tuple[Finding, str] | None = None
    signed: bytes = b""
    openpgp: ParsedSignature | None = None
    envelope: dsse.Envelope | None = None
    metadata: Metadata | None = None
    metadata_problem: str = ""

    @property
    def issuers(self) -> tuple[str, ...]:
        """The keys that the signatures name."""
        if self.openpgp:
            return self.openpgp.issuers
        if self.envelope:
            return tuple(one.key_id for one in self.envelope.signatures if one.key_id)
        return ()


def take_apart(one: Descriptor, data: bytes) -> SignatureObject:
    """Read a signature object's data; what can't be read becomes its `problem`."""
    kind = "dsse" if data.lstrip()[:1] == b"{" else "openpgp"
    if kind == "openpgp" and clearsign.BEGIN not in data:
        return SignatureObject(one, "unknown", (Finding.MALFORMED, _NOT_RECOGNISED))
    try:
        block = clearsign.parse(data) if kind == "openpgp" else None
        if block is not None and block.text.startswith(_LEGACY_START):
            return SignatureObject(one, "legacy", (Finding.LEGACY, _LEGACY_MESSAGE))
        return _with_document(one, data, block)
    except MalformedError as error:
        return SignatureObject(one, kind, (Finding.MALFORMED, str(error)))


def check(one: SignatureObject, known: KnownKeys, now: datetime) -> tuple[CheckedSignature, ...]:
    """Check each signature in an object: one in a clear-signed text, any number in an envelope."""
    if one.problem:
        return (CheckedSignature(*one.problem),)
    if one.envelope is not None:
        book = known.public_keys
        return tuple(dsse.check(one.envelope, each, book) for each in one.envelope.signatures)
    if one.openpgp is None:
        return (CheckedSignature(Finding.MALFORMED, _NOT_RECOGNISED),)
    return (check_signature(one.openpgp, one.signed, known.certificates, now),)


def _with_document(
    one: Descriptor, data: bytes, block: clearsign.ClearSigned | None
) -> SignatureObject:
    """Read form and document of a signature that is not of the old form.

    `block` is its clear-signed text, None for an envelope.
    """
    hash_type = layout.SIGNATURE_EXTRA.unpack_from(one.extra)[0]
    if hash_type not in layout.SIGNATURE_HASH_TYPES:
        raise MalformedError(f"its descriptor names the unknown hash type {hash_type}")
    envelope, openpgp, problem = None, None, None
    if block is None:
        envelope = dsse.parse(data, dsse.SIF_METADATA)
        text, signed = envelope.payload, envelope.signed
    else:
        text, signed = block.text, block.canonical
        try:
            openpgp = parse_signature(block.signature)
        except MalformedError as error:
            if error.code != "unsupported":
                raise
            problem = (Finding.UNSUPPORTED, str(error))
    try:
        metadata, bad_document = parse_document(text), ""
    except MalformedError as error:
        metadata, bad_document = None, str(error)
    kind = "dsse" if block is None else "openpgp"
    return SignatureObject(one, kind, problem, signed, openpgp, envelope, metadata, bad_document)
