"""What one copy of a certificate says that another does not, in words for people."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from pysequoia.packet import PacketPile, Tag

from repro_sign.errors import MalformedError
from repro_sign.escaping import printable
from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.self_signatures import revocation_of
from repro_sign.openpgp.subkeys import Subkey, subkey_of
from repro_sign.values import dataclass


class Kind(StrEnum):
    """What a statement is about."""

    REVOCATION = "revocation"
    END = "end"
    SUBKEY = "subkey"
    SUBKEY_REVOCATION = "subkey-revocation"
    USER_ID = "user-id"
    USER_ID_REVOCATION = "user-id-revocation"
    SIGNATURES = "signatures"
    """Older or further signatures of its own, which change none of the above."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a certificate says; `words` are a noun phrase, safe to show."""

    kind: Kind
    words: str


def said_besides(copy: Certificate, other: Certificate, now: datetime) -> tuple[Statement, ...]:
    """Return what `other` says that `copy` does not, both being copies of one certificate.

    Raises `MalformedError` if both together are too large.
    """
    both = copy.merged(other)
    found = [*_of_the_key(copy, both), *_of_subkeys(copy, both, now), *_of_names(copy, both)]
    if not found:
        number = len(_identities(other) - _identities(copy))
        what = "signature" if number == 1 else "signatures"
        found = [Statement(Kind.SIGNATURES, f"{number} further {what}")] if number else []
    return tuple(found)


def _of_the_key(copy: Certificate, both: Certificate) -> Iterator[Statement]:
    if both.revoked:
        old, new = revocation_of(copy), revocation_of(both)
        if new is not None and new != old:
            yield Statement(Kind.REVOCATION, f"its revocation ({new.words})")
        elif not copy.revoked:
            yield Statement(Kind.REVOCATION, "its revocation")
    if both.usable and copy.usable and both.expires != copy.expires:
        yield Statement(Kind.END, f"its end, {_end(both)} (before: {_end(copy)})")


def _end(key: Certificate | Subkey) -> str:
    return f"{key.expires:%Y-%m-%d}" if key.expires else "never"


def _of_subkeys(copy: Certificate, both: Certificate, now: datetime) -> Iterator[Statement]:
    fingerprints = [
        packet.fingerprint
        for packet in PacketPile.from_bytes(both.binary)
        if packet.tag == Tag.PublicSubkey and packet.fingerprint
    ]
    for name in fingerprints:
        here = subkey_of(copy, name, now)
        there = subkey_of(both, name, now)
        if here is None:
            yield Statement(Kind.SUBKEY, f"the subkey {name.upper()}")
        elif there and there.revocation != here.revocation and there.revocation:
            words = f"the revocation of the subkey {name.upper()} ({there.revocation.words})"
            yield Statement(Kind.SUBKEY_REVOCATION, words)
        elif there and there.expires != here.expires:
            yield Statement(Kind.END, f"the end of the subkey {name.upper()}, {_end(there)}")


def _of_names(copy: Certificate, both: Certificate) -> Iterator[Statement]:
    for user_id in both.user_ids:
        if user_id not in copy.user_ids:
            yield Statement(Kind.USER_ID, f"the user id {printable(user_id)}")
    for user_id in copy.user_ids:
        if user_id not in both.user_ids and both.usable:
            words = f"the revocation of the user id {printable(user_id)}"
            yield Statement(Kind.USER_ID_REVOCATION, words)


def _identities(certificate: Certificate) -> set[tuple[int, bytes]]:
    """Return what tells packets apart, however a server frames them.

    Of a signature that is its hashed part and its numbers: what lies between them is not signed,
    and servers change it.
    """
    return {_identity(packet) for packet in packets.iterate(certificate.binary)}


def _identity(packet: packets.RawPacket) -> tuple[int, bytes]:
    if packet.tag != packets.TAG_SIGNATURE or packet.body[:1] != b"\x04":
        return packet.tag, packet.body
    try:
        hashed = packets.hashed_part(packet.body)
        return packet.tag, hashed + packets.signature_numbers(packet.body)
    except MalformedError:
        return packet.tag, packet.body
