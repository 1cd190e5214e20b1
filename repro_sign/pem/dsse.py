"""DSSE envelopes: a payload, its type, and signatures over both (SIF reference, section 3.2).

Read strictly: known members only, standard base64 with its padding, no duplicate keys.
"""

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from repro_sign.checked import CheckedSignature
from repro_sign.errors import MalformedError
from repro_sign.finding import Finding
from repro_sign.pem.book import PublicKeyBook
from repro_sign.strict_json import parse_object
from repro_sign.values import dataclass

if TYPE_CHECKING:
    from repro_sign.pem.algorithms import PrivateKey  # it is heavy, and who only reads needs none

SIF_METADATA: Final = "application/vnd.sylabs.sif-metadata+json"
IN_TOTO: Final = "application/vnd.in-toto+json"
_MAX_SIGNATURES: Final = 64
_WHAT: Final = "the DSSE envelope"


@dataclass(frozen=True, slots=True)
class EnvelopeSignature:
    """One signature; `key_id` is empty where the signature names no key."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed envelope; nothing in it is checked yet."""

    payload_type: str
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]

    @property
    def signed(self) -> bytes:
        """The bytes that are signed: the pre-authentication encoding."""
        return pre_authentication_encoding(self.payload_type, self.payload)


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return `DSSEv1 LEN TYPE LEN PAYLOAD`, lengths in decimal, one blank between."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse(data: bytes, payload_type: str) -> Envelope:
    """Read an envelope that has to be of this type. Raises `MalformedError`."""
    return from_members(parse_object(data, _WHAT), payload_type)


def from_members(members: dict[str, Any], payload_type: str) -> Envelope:
    """Read an envelope from the members of its JSON object. Raises `MalformedError`."""
    if set(members) != {"payloadType", "payload", "signatures"}:
        raise MalformedError(f"{_WHAT} has missing or unknown members")
    if members["payloadType"] != payload_type:
        raise MalformedError(f"{_WHAT} has another type than {payload_type}")
    rows = members["signatures"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= _MAX_SIGNATURES:
        raise MalformedError(f"{_WHAT} holds no list of 1 to {_MAX_SIGNATURES} signatures")
    return Envelope(
        payload_type, _decode(members["payload"]), tuple(_signature(row) for row in rows)
    )


def seal(payload_type: str, payload: bytes, key: "PrivateKey", *, name_key: bool) -> dict[str, Any]:
    """Sign a payload; return the members of the envelope's JSON object.

    With `name_key` the signature names its key, as SIF signatures do.
    """
    value = key.sign(pre_authentication_encoding(payload_type, payload))
    signature = {"sig": base64.b64encode(value).decode()}
    if name_key:
        signature = {"keyid": str(key.public.fingerprint), **signature}
    return {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [signature],
    }


def to_bytes(members: dict[str, Any]) -> bytes:
    """Write an envelope as upstream does: compact."""
    return json.dumps(members, separators=(",", ":")).encode()


def check(
    envelope: Envelope, signature: EnvelopeSignature, book: PublicKeyBook
) -> CheckedSignature:
    """Check one signature with the keys at hand.

    One that names no key can only be found good: if no key at hand made it, it is a stranger's.
    """
    claimed = signature.key_id or None
    for key in book.candidates(signature.key_id):
        if key.verifies(signature.value, envelope.signed):
            finding, message = Finding.GOOD, "good"
            if key.weak:
                finding, message = Finding.KEY_UNFIT, f"by {key.weak}"
            return CheckedSignature(finding, message, claimed, key.fingerprint)
        if signature.key_id:
            message = "the text is not what this key signed"
            return CheckedSignature(Finding.BAD_SIGNATURE, message, claimed, key.fingerprint)
    message = f"by key {claimed}, which is not at hand" if claimed else "by a key not at hand"
    return CheckedSignature(Finding.UNKNOWN_KEY, message, claimed)


def _signature(row: Any) -> EnvelopeSignature:
    if not isinstance(row, dict) or not {"sig"} <= set(row) <= {"sig", "keyid"}:
        raise MalformedError(f"{_WHAT}: a signature has missing or unknown members")
    key_id = row.get("keyid", "")
    if not isinstance(key_id, str):
        raise MalformedError(f"{_WHAT}: a key id is not a string")
    return EnvelopeSignature(key_id, _decode(row["sig"]))


def _decode(text: Any) -> bytes:
    """Decode standard base64; only the one canonical text of the bytes is accepted."""
    if not isinstance(text, str):
        raise MalformedError(f"{_WHAT}: base64 text is missing")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"{_WHAT} holds something that is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise MalformedError(f"{_WHAT} holds base64 that is not canonical")
    return data
