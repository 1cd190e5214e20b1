"""What a certificate says of one of its subkeys: its binding, its end, its revocation.

Each statement is a signature by the primary key over both keys (RFC 4880, section 5.2.4), and is
believed only where its value is good. A subkey that signs must have signed its binding too:
otherwise anybody could claim another's key as their subkey.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.self_signatures import (
    Revocation,
    framed,
    gravest,
    in_force,
    is_good,
    type_of,
)


@dataclass(frozen=True, slots=True)
class Subkey:
    """A subkey, judged by the genuine binding that counts at a moment; `bound` is false without.

    `renewed` says that all bindings at hand are younger than the moment. `expires` and
    `revocation` are facts about the subkey; what they mean for a signature is not.
    """

    bound: bool
    renewed: bool
    signs: bool
    expires: datetime | None
    revocation: Revocation | None


def subkey_of(certificate: Certificate, name: str, moment: datetime) -> Subkey | None:
    """Return the subkey with this fingerprint or key id, as it counts at `moment`."""
    pile: list[Packet] = list(PacketPile.from_bytes(certificate.binary))
    primary = pile[0]
    for position, packet in enumerate(pile):
        if packet.tag == Tag.PublicSubkey and name.lower() in (packet.fingerprint, packet.key_id):
            return _describe(primary, packet, _signatures(pile[position + 1 :]), moment)
    return None


def _signatures(following: Iterable[Packet]) -> Iterator[Packet]:
    for packet in following:
        if packet.tag != Tag.Signature:
            return
        yield packet


def _describe(
    primary: Packet, subkey: Packet, signatures: Iterable[Packet], moment: datetime
) -> Subkey:
    both = framed(primary) + framed(subkey)
    bindings: list[tuple[datetime, Packet]] = []
    revocations = []
    for packet in signatures:
        created = packet.signature_created if is_good(primary, packet, both) else None
        if created is None:
            continue
        if type_of(packet) == SignatureType.SubkeyBinding:
            bindings.append((created, packet))
        elif type_of(packet) == SignatureType.SubkeyRevocation:
            revocations.append(Revocation(packets.revocation_reason(packet.body), created))
    binding, renewed = in_force(bindings, moment)
    revocation = gravest(revocations)
    if binding is None:
        return Subkey(bound=False, renewed=False, signs=False, expires=None, revocation=revocation)
    flags = binding.key_flags
    return Subkey(
        bound=True,
        renewed=renewed,
        signs=bool(flags and flags.signing) and _agrees(subkey, binding, both),
        expires=_end(subkey, binding),
        revocation=revocation,
    )


def _agrees(subkey: Packet, binding: Packet, both: bytes) -> bool:
    """Whether the subkey itself signed that it belongs to the primary key."""
    for body in packets.embedded_signatures(binding.body):
        try:
            (back,) = PacketPile.from_bytes(packets.signature_packet(body))
        except (RuntimeError, ValueError):
            continue
        if type_of(back) == SignatureType.PrimaryKeyBinding and is_good(subkey, back, both):
            return True
    return False


def _end(subkey: Packet, binding: Packet) -> datetime | None:
    period = binding.key_validity_period
    if subkey.key_created is None or period is None or period <= timedelta(0):
        return None
    return subkey.key_created + period
