"""What a certificate's own signatures really say: its revocation, its newest self-signature.

pysequoia shows such packets without checking them, and checks them without showing them. So each
is tried alone with the primary key: what pysequoia then believes is genuine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pysequoia
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import Certificate
from repro_sign.times import readable

_SELF_SIGNATURES: Final = (
    SignatureType.GenericCertification,
    SignatureType.PersonaCertification,
    SignatureType.CasualCertification,
    SignatureType.PositiveCertification,
    SignatureType.DirectKey,
)
_SOFT_REASONS: Final = (1, 3, 32)
"""Superseded, retired, user id no longer valid (RFC 4880, section 5.2.3.23): what was signed
before stays good. Any other reason, and none, may mean that the key was stolen."""
_REASON_WORDS: Final = {
    0: "no reason given",
    1: "superseded",
    2: "compromised",
    3: "retired",
    32: "user id no longer valid",
}


@dataclass(frozen=True, slots=True)
class Revocation:
    """A genuine revocation of a certificate."""

    reason: int
    created: datetime

    @property
    def words(self) -> str:
        """The reason in words, with the date."""
        word = _REASON_WORDS.get(self.reason, f"reason {self.reason}")
        return f"{word}, on {readable(self.created)}"

    def undoes(self, signed_at: datetime) -> bool:
        """Whether a signature of that time is worth nothing: always, if the key may be stolen."""
        return self.reason not in _SOFT_REASONS or signed_at >= self.created


def revocation_of(certificate: Certificate) -> Revocation | None:
    """Return the gravest genuine revocation of a certificate's primary key, if there is one.

    Each one is tried by itself: a forged one must not lend its reason to a genuine one.
    """
    if not certificate.revoked:
        return None
    pile = list(PacketPile.from_bytes(certificate.binary))
    genuine = []
    for packet in pile:
        if type_of(packet) != SignatureType.KeyRevocation or not packet.signature_created:
            continue
        kept = [one for one in pile if type_of(one) != SignatureType.KeyRevocation]
        kept.insert(1, packet)
        if pysequoia.Cert.from_packets(kept).is_revoked:
            reason = packets.revocation_reason(packet.body)
            genuine.append(Revocation(reason, packet.signature_created))
    return gravest(genuine)


def gravest(genuine: Sequence[Revocation]) -> Revocation | None:
    """Return the revocation that undoes most; None if there is none."""
    hard = [one for one in genuine if one.reason not in _SOFT_REASONS]
    return min(hard or genuine, key=lambda one: one.created, default=None)


def newest_self_signature(certificate: Certificate) -> Packet | None:
    """Return the newest self-signature that is genuine.

    Each is tried alone with the primary key and the user id before it: pysequoia lists the user
    id only if that signature is good (reference pysequoia, "Calls that work").
    """
    pile = list(PacketPile.from_bytes(certificate.binary))
    primary, user_id = pile[0], None
    genuine: list[tuple[datetime, Packet]] = []
    for packet in pile[1:]:
        if packet.tag == Tag.PublicSubkey:
            break
        if packet.tag == Tag.UserID:
            user_id = packet
        elif type_of(packet) in _SELF_SIGNATURES and user_id is not None:
            created = packet.signature_created
            if created is not None and _is_genuine(primary, user_id, packet):
                genuine.append((created, packet))
    return max(genuine, key=lambda one: one[0])[1] if genuine else None


def type_of(packet: Packet) -> SignatureType | None:
    """Return a signature's type; None for other packets, and where nobody has a name for it.

    Anybody can add such a signature to a copy of a certificate.
    """
    try:
        return packet.signature_type
    except RuntimeError:
        return None


def _is_genuine(primary: Packet, user_id: Packet, signature: Packet) -> bool:
    try:
        return bool(pysequoia.Cert.from_packets([primary, user_id, signature]).user_ids)
    except RuntimeError:
        return False
