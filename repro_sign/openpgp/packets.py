"""The few octets of OpenPGP that pysequoia does not tell us.

Packet lengths (to count packets and to cut rings apart), the hashed part of a signature, the
reason in a revocation, multi-precision integers, and whether a secret key packet is encrypted.
References are to RFC 4880.
"""

from collections.abc import Iterator
from typing import Final

from repro_sign.errors import MalformedError
from repro_sign.values import dataclass

TAG_SIGNATURE: Final = 2
TAG_SECRET_KEY: Final = 5
TAG_PUBLIC_KEY: Final = 6
SECRET_TAGS: Final = (TAG_SECRET_KEY, 7)
"""Secret key and secret subkey (section 4.3)."""
PUBLIC_TAGS: Final = (TAG_PUBLIC_KEY, 14)
"""Public key and public subkey (section 4.3)."""
_SUBPACKET_REVOCATION_REASON: Final = 29
_SUBPACKET_EMBEDDED_SIGNATURE: Final = 32
_SIGNATURE_FIXED_OCTETS: Final = 6
"""Version, type, key algorithm, hash algorithm, two octets of hashed length (section 5.2.3)."""
_S2K_GNU: Final = 101
"""A private type of S2K (section 3.7.1): gpg writes it where the secret part is elsewhere."""
_MAX_BITS: Final = 0xFFFF
"""A number's length is two octets (section 3.2)."""


@dataclass(frozen=True, slots=True)
class RawPacket:
    """A packet's tag, its whole bytes and its body."""

    tag: int
    whole: bytes
    body: bytes


def iterate(data: bytes) -> Iterator[RawPacket]:
    """Cut a binary stream into packets (section 4.2).

    Raises `MalformedError` where a packet does not fit or has a length of unknown end.
    """
    position = 0
    while position < len(data):
        tag, start, length = _header(data, position)
        if start + length > len(data):
            raise MalformedError("an OpenPGP packet is cut short")
        yield RawPacket(tag, data[position : start + length], data[start : start + length])
        position = start + length


def split_ring(data: bytes) -> list[bytes]:
    """Cut a binary key ring into the packets of one key each; junk before the first is dropped."""
    keys: list[bytearray] = []
    for packet in iterate(data):
        if packet.tag in (TAG_PUBLIC_KEY, TAG_SECRET_KEY):
            keys.append(bytearray())
        if keys:
            keys[-1] += packet.whole
    return [bytes(key) for key in keys]


def hashed_part(signature_body: bytes) -> bytes:
    """Return the part of a version 4 signature that is hashed with the data (section 5.2.4)."""
    length = int.from_bytes(signature_body[4:6], "big")
    end = _SIGNATURE_FIXED_OCTETS + length
    if len(signature_body) < end:
        raise MalformedError("an OpenPGP signature is cut short")
    return signature_body[:end]


def signature_numbers(signature_body: bytes) -> bytes:
    """Return what follows both subpacket areas and the two check octets: the numbers."""
    start = len(hashed_part(signature_body))
    unhashed = int.from_bytes(signature_body[start : start + 2], "big")
    end = start + 2 + unhashed + 2
    if len(signature_body) < end:
        raise MalformedError("an OpenPGP signature is cut short")
    return signature_body[end:]


def revocation_reason(signature_body: bytes) -> int:
    """Return the reason code of a revocation (section 5.2.3.23); 0 if it gives none."""
    for kind, content in _subpackets(hashed_part(signature_body)[_SIGNATURE_FIXED_OCTETS:]):
        if kind == _SUBPACKET_REVOCATION_REASON and content:
            return content[0]
    return 0


def embedded_signatures(signature_body: bytes) -> list[bytes]:
    """Return the bodies of the signatures inside a signature (section 5.2.3.26).

    They speak for themselves, so it does not matter whether the part they are in is hashed.
    """
    hashed = hashed_part(signature_body)
    start = len(hashed) + 2
    length = int.from_bytes(signature_body[start - 2 : start], "big")
    areas = hashed[_SIGNATURE_FIXED_OCTETS:], signature_body[start : start + length]
    return [
        content
        for area in areas
        for kind, content in _subpackets(area)
        if kind == _SUBPACKET_EMBEDDED_SIGNATURE
    ]


def integers(data: bytes) -> list[int]:
    """Read a run of multi-precision integers (section 3.2)."""
    found = []
    position = 0
    while position < len(data):
        bits = int.from_bytes(data[position : position + 2], "big")
        end = position + 2 + (bits + 7) // 8
        if end > len(data) or position + 2 > len(data):
            raise MalformedError("an OpenPGP number is cut short")
        found.append(int.from_bytes(data[position + 2 : end], "big"))
        position = end
    return found


def canonical_numbers(signature_body: bytes) -> bytes:
    """Rewrite a signature's numbers with their true bit counts.

    Go tools of 2020-22 wrote the count of whole octets although the leading bit was 0. The count
    is not signed, so putting it right changes nothing that anybody vouched for.
    """
    numbers = signature_numbers(signature_body)
    head = signature_body[: len(signature_body) - len(numbers)]
    return head + b"".join(_encode(number) for number in integers(numbers))


def signature_packet(body: bytes) -> bytes:
    """Wrap a signature's body as a packet (new format, five-octet length)."""
    return bytes([0xC0 | TAG_SIGNATURE, 0xFF]) + len(body).to_bytes(4, "big") + body


def secret_is_encrypted(secret_body: bytes, public_body: bytes) -> bool:
    """Whether a secret key packet's secret part is encrypted (section 5.5.3).

    The octet after the public part says how: 0 means in clear.
    """
    if not secret_body.startswith(public_body) or len(secret_body) <= len(public_body):
        raise MalformedError("a secret key packet does not belong to its public key")
    return secret_body[len(public_body)] != 0


def secret_is_missing(secret_body: bytes, public_body: bytes) -> bool:
    """Whether a secret key packet is a stub: the secret part is on a card or kept offline.

    Such packets are an extension of GnuPG (its doc/DETAILS, "GNU extensions to the S2K algorithm"):
    usage octet, cipher, and then 101 where the kind of key derivation stands.
    """
    secret = secret_body[len(public_body) :]
    return secret[:1] in (b"\xfe", b"\xff") and secret[2:3] == bytes([_S2K_GNU])


def _encode(number: int) -> bytes:
    bits = number.bit_length()
    if bits > _MAX_BITS:
        raise MalformedError("an OpenPGP number is too large")
    return bits.to_bytes(2, "big") + number.to_bytes((bits + 7) // 8, "big")


def _header(data: bytes, position: int) -> tuple[int, int, int]:
    """Return tag, start of the body and its length."""
    first = data[position]
    if not first & 0x80:
        raise MalformedError("these are not OpenPGP packets")
    if first & 0x40:
        length, start = _new_length(data, position + 1)
        return first & 0x3F, start, length
    size = (1, 2, 4, 0)[first & 3]
    if not size:
        raise MalformedError("an OpenPGP packet has no length")
    start = position + 1 + size
    return (first >> 2) & 0x0F, start, int.from_bytes(data[position + 1 : start], "big")


def _new_length(data: bytes, position: int) -> tuple[int, int]:
    if position >= len(data):
        raise MalformedError("an OpenPGP packet is cut short")
    first = data[position]
    if first < 192:
        return first, position + 1
    if first < 224:
        second = data[position + 1] if position + 1 < len(data) else 0
        return ((first - 192) << 8) + second + 192, position + 2
    if first == 255:
        return int.from_bytes(data[position + 1 : position + 5], "big"), position + 5
    raise MalformedError("an OpenPGP packet has a partial length")


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of each subpacket (section 5.2.3.1)."""
    position = 0
    while position < len(area):
        length, position = _subpacket_length(area, position)
        content = area[position : position + length]
        if content:
            yield content[0] & 0x7F, content[1:]
        position += max(length, 1)


def _subpacket_length(area: bytes, position: int) -> tuple[int, int]:
    first = area[position]
    if first < 192:
        return first, position + 1
    if first < 255:
        second = area[position + 1] if position + 1 < len(area) else 0
        return ((first - 192) << 8) + second + 192, position + 2
    return int.from_bytes(area[position + 1 : position + 5], "big"), position + 5
