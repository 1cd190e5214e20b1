"""What a certificate's own signatures really say: its revocation, its self-signatures.

pysequoia shows such packets without checking them, and checks them without showing them. So the
value of each is checked here.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import Certificate
from repro_sign.times import readable
from repro_sign.values import dataclass

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
    def reason_words(self) -> str:
        """The reason in words."""
        return _REASON_WORDS.get(self.reason, f"reason {self.reason}")

    @property
    def words(self) -> str:
        """The reason in words, with the date."""
        return f"{self.reason_words}, on {readable(self.created)}"

    @property
    def hard(self) -> bool:
        """Whether the key may be in other hands: then nothing by it counts, whenever made."""
        return self.reason not in _SOFT_REASONS

    def undoes(self, signed_at: datetime) -> bool:
        """Whether a signature of that time is worth nothing: always, if the key may be stolen."""
        return self.hard or signed_at >= self.created


def revocation_of(certificate: Certificate) -> Revocation | None:
    """Return the gravest genuine revocation of a certificate's primary key, if there is one.

    The value of each is checked: a forged one must not lend its reason to a genuine one.
    """
    if not certificate.revoked:
        return None
    pile: list[Packet] = list(PacketPile.from_bytes(certificate.binary))
    primary = pile[0]
    genuine = []
    for packet in pile:
        if type_of(packet) != SignatureType.KeyRevocation or packet.signature_created is None:
            continue
        if is_good(primary, packet, framed(primary)):
            reason = packets.revocation_reason(packet.body)
            genuine.append(Revocation(reason, packet.signature_created))
    return gravest(genuine)


def gravest(genuine: Sequence[Revocation]) -> Revocation | None:
    """Return the revocation that undoes most; None if there is none."""
    hard = [one for one in genuine if one.hard]
    return min(hard or genuine, key=lambda one: one.created, default=None)


def is_bare(certificate: Certificate) -> bool:
    """Whether a certificate names nobody and says nothing about its primary key but a revocation.

    So some key servers hand it out until the owner has confirmed the e-mail address.
    """
    return not any(
        packet.tag in (Tag.UserID, Tag.UserAttribute) or type_of(packet) in _SELF_SIGNATURES
        for packet in PacketPile.from_bytes(certificate.binary)
    )


def self_signature_at(certificate: Certificate, moment: datetime) -> tuple[Packet | None, bool]:
    """Return the self-signature that counts for a signature of that time.

    That is the newest one made until then. Where all at hand are younger (the certificate was
    renewed, and no copy from before is at hand) it is the newest, and the second value is true.
    """
    genuine = list(_genuine(certificate))
    return in_force(genuine, moment)


def in_force(
    statements: Sequence[tuple[datetime, Packet]], moment: datetime
) -> tuple[Packet | None, bool]:
    """Return the newest statement made until `moment`, or else the newest and true."""
    before = [one for one in statements if one[0] <= moment]
    chosen = max(before or statements, key=lambda one: one[0], default=None)
    return (chosen[1], not before) if chosen else (None, False)


def _genuine(certificate: Certificate) -> Iterator[tuple[datetime, Packet]]:
    """Yield the self-signatures whose value is good, with their times."""
    pile: list[Packet] = list(PacketPile.from_bytes(certificate.binary))
    primary, user_id = pile[0], None
    for packet in pile[1:]:
        if packet.tag == Tag.PublicSubkey:
            return
        if packet.tag == Tag.UserID:
            user_id = packet
            continue
        kind = type_of(packet)
        if kind not in _SELF_SIGNATURES or packet.signature_created is None:
            continue
        if kind == SignatureType.DirectKey:
            signed = framed(primary)
        elif user_id is not None:
            signed = framed(primary) + _framed_user_id(user_id)
        else:
            continue
        if is_good(primary, packet, signed):
            yield packet.signature_created, packet


def framed(key: Packet) -> bytes:
    """Return a key as it is hashed in signatures about it (RFC 4880, section 5.2.4)."""
    return b"\x99" + len(key.body).to_bytes(2, "big") + key.body


def is_good(key: Packet, signature: Packet, signed: bytes) -> bool:
    """Whether the value is this key's; false also where that can't be computed."""
    from repro_sign.openpgp import value  # heavy, and only needed where something is wrong

    try:
        return value.is_good(key, signature, signed)
    except value.UnsupportedAlgorithmError:
        return False


def _framed_user_id(user_id: Packet) -> bytes:
    return b"\xb4" + len(user_id.body).to_bytes(4, "big") + user_id.body


def type_of(packet: Packet) -> SignatureType | None:
    """Return a signature's type; None for other packets, and where nobody has a name for it.

    Anybody can add such a signature to a copy of a certificate.
    """
    try:
        return packet.signature_type
    except RuntimeError:
        return None
