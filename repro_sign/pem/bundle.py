"""Sigstore bundles, version 0.3, around a DSSE envelope and a public key's name.

`cosign verify-blob-attestation --bundle` reads them. A bundle names its key by a hint only; the
key itself is in our manifest's payload.
"""

import json
from typing import TYPE_CHECKING, Any, Final

from repro_sign.errors import MalformedError
from repro_sign.pem import dsse
from repro_sign.strict_json import parse_object
from repro_sign.values import dataclass

if TYPE_CHECKING:
    from repro_sign.pem.algorithms import PrivateKey  # it is heavy, and who only reads needs none

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_WHAT: Final = "the Sigstore bundle"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A parsed bundle: the envelope, and the key that it claims to be by."""

    hint: str
    envelope: dsse.Envelope


def seal(payload: bytes, key: "PrivateKey") -> bytes:
    """Sign an in-toto statement as a bundle."""
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": str(key.public.fingerprint)}},
        "dsseEnvelope": dsse.seal(dsse.IN_TOTO, payload, key, name_key=False),
    }
    return json.dumps(bundle, indent=2).encode() + b"\n"


def parse(data: bytes) -> Bundle:
    """Read a bundle with a public key and one signature. Raises `MalformedError`."""
    members = parse_object(data, _WHAT)
    if members.get("mediaType") != MEDIA_TYPE:
        raise MalformedError(f"{_WHAT} is not of the form {MEDIA_TYPE}")
    if set(members) != {"mediaType", "verificationMaterial", "dsseEnvelope"}:
        raise MalformedError(f"{_WHAT} has missing or unknown members")
    envelope = members["dsseEnvelope"]
    if not isinstance(envelope, dict):
        raise MalformedError(f"{_WHAT} holds no DSSE envelope")
    parsed = dsse.from_members(envelope, dsse.IN_TOTO)
    if len(parsed.signatures) != 1:
        raise MalformedError(f"{_WHAT} has {len(parsed.signatures)} signatures in place of one")
    return Bundle(_hint(members["verificationMaterial"]), parsed)


def _hint(material: Any) -> str:
    key = material.get("publicKey") if isinstance(material, dict) else None
    hint = key.get("hint", "") if isinstance(key, dict) else None
    if not isinstance(hint, str):
        raise MalformedError(f"{_WHAT} is not by a public key, the one form supported here")
    return hint
