"""A signed statement as a file: taken apart, and its signature checked.

Two forms, those that SIF itself has for signatures: a clear-signed text by an OpenPGP key, and a
Sigstore bundle by a PEM key. Nothing in a statement is used before its signature is checked, save
the key in it, which serves to check just that and makes nobody trusted.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar

from repro_sign.checked import CheckedSignature
from repro_sign.errors import MalformedError
from repro_sign.finding import Finding
from repro_sign.fingerprint import PemFingerprint, SignerId
from repro_sign.known_keys import Keys, KnownKeys
from repro_sign.openpgp import clearsign
from repro_sign.openpgp.certificate import read_ring
from repro_sign.openpgp.check import ParsedSignature, check_signature, parse_signature
from repro_sign.pem import dsse
from repro_sign.pem.bundle import Bundle
from repro_sign.pem.bundle import parse as parse_bundle
from repro_sign.pem.keys import read_public_key
from repro_sign.statements.statement import MAX_STATEMENT_BYTES, SignerRecord, embedded_key
from repro_sign.system.files import read_small
from repro_sign.values import dataclass

OPENPGP_ENDING: Final = ".asc"
PEM_ENDING: Final = ".sigstore.json"
"""How the names of files of the two forms end."""


class _OfSigner(Protocol):
    @property
    def signer(self) -> SignerRecord: ...


_Said = TypeVar("_Said", bound=_OfSigner)


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A signed statement taken apart, nothing checked yet.

    `problem` is set if that failed, or if it was `left_out`, the ones before it being too large.
    `data` is the file as it was read, what a timestamp is about.
    """

    path: Path
    problem: str = ""
    left_out: bool = False
    data: bytes = b""
    text: bytes = b""
    signed: bytes = b""
    openpgp: ParsedSignature | None = None
    bundle: Bundle | None = None

    @property
    def issuers(self) -> tuple[str, ...]:
        """The keys that the signature names: claims."""
        if self.openpgp:
            return self.openpgp.issuers
        return (self.bundle.hint,) if self.bundle else ()

    @property
    def keys(self) -> Keys:
        """The key that the statement brings along, for checking and nothing else."""
        return read_embedded(self.embedded, openpgp=self.openpgp is not None)

    @property
    def embedded(self) -> bytes:
        """That key as it stands in the statement; empty where there is none."""
        return embedded_key(self.text) or b""


def read_embedded(key: bytes, *, openpgp: bool) -> Keys:
    """Read a key that a statement brings along: none where there is none that can be read."""
    if not key:
        return Keys()
    if openpgp:
        return Keys(certificates=read_ring(key))
    try:
        return Keys(public_keys=(read_public_key(key, "the statement's key"),))
    except MalformedError:
        return Keys()


def read(path: Path, what: str) -> SignedFile:
    """Take a file apart; `what` names its kind. Raises `UnreadableError` if it can't be read."""
    try:
        return parse(path, read_small(path, MAX_STATEMENT_BYTES, what))
    except MalformedError as error:
        return SignedFile(path, problem=str(error))


def parse(path: Path, data: bytes) -> SignedFile:
    """Take a file's bytes apart; its name tells the form. Raises `MalformedError`."""
    return take_apart(path, data, bundle=path.name.endswith(PEM_ENDING))


def take_apart(path: Path, data: bytes, *, bundle: bool) -> SignedFile:
    """Take the bytes of a signed statement of a known form apart. Raises `MalformedError`."""
    if bundle:
        parsed = parse_bundle(data)
        envelope = parsed.envelope
        return SignedFile(
            path, data=data, text=envelope.payload, signed=envelope.signed, bundle=parsed
        )
    block = clearsign.parse(data)
    signature = parse_signature(block.signature)
    return SignedFile(path, data=data, text=block.text, signed=block.canonical, openpgp=signature)


def check(file: SignedFile, known: KnownKeys, now: datetime) -> CheckedSignature:
    """Check a statement's signature with the keys at hand."""
    if file.openpgp is not None:
        return check_signature(file.openpgp, file.signed, known.certificates, now)
    if file.bundle is not None:
        (signature,) = file.bundle.envelope.signatures
        named = replace(signature, key_id=signature.key_id or _key_of(file.bundle.hint))
        return dsse.check(file.bundle.envelope, named, known.public_keys)
    finding = Finding.UNSUPPORTED if file.left_out else Finding.MALFORMED
    return CheckedSignature(finding, file.problem)


def said(file: SignedFile, signer: SignerId | None, parse_text: Callable[[bytes], _Said]) -> _Said:
    """Read what a statement says whose signature by `signer` was found to be good.

    Raises `MalformedError`, also if it says that it is somebody else's.
    """
    value = parse_text(file.text)
    if value.signer.fingerprint != signer:
        raise MalformedError("it names another signer than the key that signed it")
    return value


def _key_of(hint: str) -> str:
    """Return the key that a bundle's hint names, if it is a fingerprint of ours."""
    try:
        return str(PemFingerprint.parse(hint))
    except ValueError:
        return ""
