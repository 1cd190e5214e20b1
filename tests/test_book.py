"""Copies of one certificate from several places are one, and junk in one spoils no other."""

import pysequoia
import pytest
from pysequoia import Profile
from pysequoia.packet import PacketPile, Tag

from repro_sign.errors import MalformedError
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.certificate import MAX_CERTIFICATE_BYTES, Certificate, read_certificates


def flooded(public: bytes, mark: str) -> Certificate:
    """Return a copy with user ids that nobody signed, just below what is read."""
    junk = b""
    number = 0
    while len(public) + len(junk) < MAX_CERTIFICATE_BYTES * 3 // 4:
        text = f"{mark} {number} ".encode().ljust(4000, b"x")
        junk += b"\xcd\xff" + len(text).to_bytes(4, "big") + text
        number += 1
    (certificate,) = read_certificates(public + junk, "a flooded copy")
    return certificate


@pytest.fixture(scope="module")
def public() -> bytes:
    key = pysequoia.Tsk.generate("Ada <ada@uni.example>", profile=Profile.RFC4880)
    return bytes(key.extract_certificate())


def test_a_flooded_copy_spoils_none_that_is_there(public: bytes) -> None:
    first, second = flooded(public, "one"), flooded(public, "two")
    with pytest.raises(MalformedError):
        first.merged(second)
    book = CertificateBook()
    book.add(read_certificates(public, "the key"), "trust store")
    book.add([first, second], "manifest")
    (kept,) = book.find([first.fingerprint.hex])
    tags = [packet.tag for packet in PacketPile.from_bytes(kept.binary)]
    assert tags.count(Tag.PublicKey) == 1
    assert kept.user_ids == ("Ada <ada@uni.example>",)
    assert book.origins(kept.fingerprint) == {"trust store", "manifest"}


def test_a_revocation_in_any_copy_counts(public: bytes) -> None:
    key = pysequoia.Tsk.generate("Ada <ada@uni.example>", profile=Profile.RFC4880)
    plain = key.extract_certificate()
    revoked = bytes(plain) + bytes(plain.revoke(key.certifier()))
    for order in ((bytes(plain), revoked), (revoked, bytes(plain))):
        book = CertificateBook()
        for copy in order:
            book.add(read_certificates(copy, "the key"), "somewhere")
        (found,) = book
        assert found.revoked
