"""What a certificate says of one of its subkeys: its binding, its end, its revocation.

Each statement is a signature by the primary key over both keys (RFC 4880, section 5.2.4), and is
believed only where its value is good. A subkey that signs must have signed its binding too:
otherwise anybody could claim another's key as their subkey.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from repro_sign.fingerprint import Fingerprint
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
from repro_sign.times import readable
from repro_sign.values import dataclass


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
    for packet, following in _subkeys(pile := _packets(certificate)):
        if name.lower() in (packet.fingerprint, packet.key_id):
            return _describe(pile[0], packet, _signatures(following), moment)
    return None


def subkeys_of(
    certificate: Certificate, moment: datetime
) -> tuple[tuple[Fingerprint, Subkey], ...]:
    """Return all subkeys of version 4 with their fingerprints, as they count at `moment`."""
    pile = _packets(certificate)
    return tuple(
        (
            Fingerprint.parse(packet.fingerprint),
            _describe(pile[0], packet, _signatures(following), moment),
        )
        for packet, following in _subkeys(pile)
        if packet.fingerprint
    )


def _packets(certificate: Certificate) -> list[Packet]:
    return list(PacketPile.from_bytes(certificate.binary))


def _subkeys(pile: list[Packet]) -> Iterator[tuple[Packet, list[Packet]]]:
    """Yield each subkey and what follows it."""
    for position, packet in enumerate(pile):
        if packet.tag == Tag.PublicSubkey:
            yield packet, pile[position + 1 :]


def why_it_may_not_sign(certificate: Certificate, moment: datetime) -> str | None:
    """Return why neither the primary key nor a subkey may sign at `moment`; None if one may.

    Expiry and revocation of the whole certificate are another matter.
    """
    if certificate.primary_signs:
        return None
    signing = [one for _, one in subkeys_of(certificate, moment) if one.bound and one.signs]
    if not signing:
        return "neither its primary key nor a subkey of it is meant for signing"
    reasons = [_why_not(one, moment) for one in signing]
    if None in reasons:
        return None
    which = "signing subkey" if len(reasons) == 1 else "last signing subkey"
    return f"its primary key is not meant for signing, and its {which} {reasons[-1]}"


def _why_not(subkey: Subkey, moment: datetime) -> str | None:
    revocation, expires = subkey.revocation, subkey.expires
    if revocation is not None and revocation.undoes(moment):
        return f"is revoked ({revocation.words})"
    if expires is not None and expires <= moment:
        return f"expired on {readable(expires)}"
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
