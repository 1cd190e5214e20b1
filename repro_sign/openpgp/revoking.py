"""Revocation certificates: read them, join them to the certificate they end, say why.

A revocation certificate is one signature packet by the primary key, armored the way gpg does it:
as a public key block (RFC 4880, section 5.2.1, type 0x20).
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import pysequoia
from pysequoia.packet import PacketPile, SignatureType

from repro_sign.errors import RefusedError
from repro_sign.openpgp.certificate import Certificate, describe
from repro_sign.openpgp.self_signatures import revocation_of, type_of

_BLOCK: Final = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL
)


class RevocationReason(StrEnum):
    """Why a key is revoked."""

    COMPROMISED = "compromised"
    SUPERSEDED = "superseded"
    RETIRED = "retired"

    @property
    def code(self) -> int:
        """Its octet in a revocation (RFC 4880, section 5.2.3.23)."""
        return {
            RevocationReason.SUPERSEDED: 1,
            RevocationReason.COMPROMISED: 2,
            RevocationReason.RETIRED: 3,
        }[self]

    @property
    def hard(self) -> bool:
        """Whether it undoes what was signed before, too."""
        return self is RevocationReason.COMPROMISED


def read_revocations(text: bytes) -> tuple[bytes, ...]:
    """Return the revocation signatures in a text, as binary packets.

    A colon before a block, which keeps people from importing it by accident, is passed over.
    """
    found = []
    for block in _BLOCK.findall(text):
        try:
            packets = list(PacketPile.from_bytes(block))
        except RuntimeError:
            continue
        found += [bytes(one) for one in packets if type_of(one) == SignatureType.KeyRevocation]
    return tuple(dict.fromkeys(found))


def armored(revocation: bytes) -> bytes:
    """Armor a revocation the way gpg does, so that gpg --import takes it."""
    return pysequoia.armor(revocation, pysequoia.ArmorKind.PublicKey).encode()


def revoked_by(certificate: Certificate, revocations: Iterable[bytes]) -> Certificate:
    """Return the certificate with these revocations.

    Raises `RefusedError` if there is no genuine revocation of this key among them.
    """
    together = certificate.binary + b"".join(revocations)
    try:
        revoked = describe(pysequoia.Cert.from_bytes(together))
    except RuntimeError as error:
        raise RefusedError("the revocation certificate can't be read") from error
    if revocation_of(revoked) is None:
        shown = certificate.fingerprint.grouped()
        raise RefusedError(f"that is no revocation certificate of the key {shown}")
    return revoked
