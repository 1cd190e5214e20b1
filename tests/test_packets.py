"""The few octets of OpenPGP that we read ourselves: right on real keys, harmless on any bytes."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.errors import MalformedError
from repro_sign.openpgp import packets
from tests.account import Signer

NUMBERS = st.lists(st.integers(0, (1 << 600) - 1), max_size=4)


def new_length(size: int) -> bytes:
    """A length as new packets and subpackets write it (RFC 4880, section 4.2.2)."""
    if size < 192:
        return bytes([size])
    if size < 8384:
        return bytes([192 + (size - 192 >> 8), size - 192 & 0xFF])
    return b"\xff" + size.to_bytes(4, "big")


def old_packet(tag: int, body: bytes) -> bytes:
    kind, octets = next((k, o) for k, o in ((0, 1), (1, 2), (2, 4)) if len(body) < 256**o)
    return bytes([0x80 | tag << 2 | kind]) + len(body).to_bytes(octets, "big") + body


def new_packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag]) + new_length(len(body)) + body


def number(value: int) -> bytes:
    bits = value.bit_length()
    return bits.to_bytes(2, "big") + value.to_bytes((bits + 7) // 8, "big")


def signature_body(hashed: bytes, numbers: bytes = b"", unhashed: bytes = b"") -> bytes:
    """A version 4 signature: Ed25519, SHA-512."""
    return b"".join(
        [
            b"\x04\x20\x16\x0a",
            len(hashed).to_bytes(2, "big") + hashed,
            len(unhashed).to_bytes(2, "big") + unhashed,
            b"\xab\xcd" + numbers,
        ]
    )


def subpacket(kind: int, content: bytes) -> bytes:
    return new_length(1 + len(content)) + bytes([kind]) + content


BODIES = st.binary(max_size=300) | st.integers(180, 9000).map(bytes)


@given(st.lists(st.tuples(st.integers(1, 15), BODIES, st.sampled_from([old_packet, new_packet]))))
def test_packets_come_apart_as_they_were_put_together(
    parts: list[tuple[int, bytes, Callable[[int, bytes], bytes]]],
) -> None:
    wholes = [make(tag, body) for tag, body, make in parts]
    found = list(packets.iterate(b"".join(wholes)))
    assert [(one.tag, one.body) for one in found] == [(tag, body) for tag, body, _ in parts]
    assert [one.whole for one in found] == wholes


@given(st.lists(st.lists(st.sampled_from([2, 13, 14]), max_size=3), max_size=4), st.booleans())
def test_a_ring_is_cut_at_each_primary_key(keys: list[list[int]], secret: bool) -> None:
    primary = packets.TAG_SECRET_KEY if secret else packets.TAG_PUBLIC_KEY
    chunks = [b"".join(new_packet(tag, b"x") for tag in (primary, *tags)) for tags in keys]
    junk = new_packet(13, b"belongs to nobody")
    assert packets.split_ring(junk + b"".join(chunks)) == chunks


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x00", id="no packet"),
        pytest.param(b"-----BEGIN", id="armor"),
        pytest.param(b"\x9b" + b"rest", id="old format, length of unknown end"),
        pytest.param(b"\xc2\xe0" + b"rest", id="new format, partial length"),
        pytest.param(b"\xc2", id="cut before its length"),
        pytest.param(b"\xc2\xff\x00", id="cut within its length"),
        pytest.param(b"\xc2\xc0", id="cut within its length of two octets"),
        pytest.param(b"\x89\x00", id="old format, cut within its length"),
        pytest.param(new_packet(2, b"body")[:-1], id="cut within its body"),
        pytest.param(b"\xc2\xff\xff\xff\xff\xff", id="claims four gigabytes"),
        pytest.param(new_packet(2, b"body") + b"\x7f", id="something behind it"),
    ],
)
def test_what_is_no_run_of_whole_packets_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError, match="OpenPGP packet"):
        list(packets.iterate(data))


@given(NUMBERS)
def test_numbers_are_read_as_they_were_written(values: list[int]) -> None:
    assert packets.integers(b"".join(map(number, values))) == values


@given(NUMBERS, st.binary(max_size=40), st.binary(max_size=40))
def test_wrong_bit_counts_are_put_right_and_nothing_else_is_touched(
    values: list[int], hashed: bytes, unhashed: bytes
) -> None:
    octets = [value.to_bytes((value.bit_length() + 7) // 8, "big") for value in values]
    sloppy = b"".join((8 * len(one)).to_bytes(2, "big") + one for one in octets)
    right = signature_body(hashed, b"".join(map(number, values)), unhashed)
    assert packets.canonical_numbers(signature_body(hashed, sloppy, unhashed)) == right
    assert packets.canonical_numbers(right) == right
    assert packets.hashed_part(right) == right[: 6 + len(hashed)]


@given(st.integers(0, 255), st.lists(st.binary(max_size=400), max_size=3), st.booleans())
def test_the_reason_of_a_revocation_is_found_among_other_subpackets(
    reason: int, others: list[bytes], critical: bool
) -> None:
    kind = 29 | (0x80 if critical else 0)
    area = b"".join(subpacket(2, content) for content in others)
    area += subpacket(kind, bytes([reason]) + b"words") + subpacket(33, bytes(21))
    assert packets.revocation_reason(signature_body(area)) == reason


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(signature_body(b""), id="no subpackets"),
        pytest.param(signature_body(subpacket(2, bytes(4))), id="others only"),
        pytest.param(signature_body(subpacket(29, b"")), id="a reason without its octet"),
        pytest.param(
            signature_body(b"", unhashed=subpacket(29, b"\x03")), id="a reason that is not signed"
        ),
    ],
)
def test_a_revocation_that_states_no_reason_counts_as_the_gravest(body: bytes) -> None:
    assert packets.revocation_reason(body) == 0


def test_a_real_ring_of_gpg_comes_apart(grace: Signer, tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    grace.account.program("gpg", "--batch", "--output", ring, "--export", grace.fingerprint)
    (key,) = packets.split_ring(ring.read_bytes())
    first, user_id, certification, *_ = packets.iterate(key)
    assert (first.tag, user_id.body.decode()) == (packets.TAG_PUBLIC_KEY, grace.user_id)
    assert packets.signature_packet(certification.body)[6:] == certification.body
    assert packets.canonical_numbers(certification.body) == certification.body


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda data: list(packets.iterate(data)), id="packets"),
        pytest.param(packets.split_ring, id="rings"),
        pytest.param(packets.hashed_part, id="hashed parts"),
        pytest.param(packets.signature_numbers, id="numbers of a signature"),
        pytest.param(packets.revocation_reason, id="reasons"),
        pytest.param(packets.canonical_numbers, id="canonical numbers"),
        pytest.param(packets.integers, id="numbers"),
        pytest.param(lambda data: packets.secret_is_encrypted(data, data[:9]), id="secret keys"),
    ],
)
@given(
    data=st.binary(max_size=80)
    | st.binary(max_size=80).map(lambda tail: b"\xc2" + tail)
    | st.binary(max_size=80).map(lambda area: signature_body(area)[: 6 + len(area)])
    | st.binary(max_size=80).map(lambda numbers: signature_body(b"", numbers))
)
def test_any_bytes_are_read_or_malformed(read: Callable[[bytes], object], data: bytes) -> None:
    with suppress(MalformedError):
        read(data)
