"""Inputs that the fuzz harnesses (fuzz/) stumbled over: each is now one of our own errors."""

import base64
from datetime import UTC, datetime, timedelta

import pysequoia
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pysequoia.packet import PacketPile

from repro_sign.errors import MalformedError
from repro_sign.openpgp import packets, value
from repro_sign.openpgp.certificate import Certificate, read_certificates
from repro_sign.openpgp.check import parse_signature
from repro_sign.openpgp.self_signatures import self_signature_at
from repro_sign.pem.chain import read_chain

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NO_FINGERPRINT = (
    "iHUEARYIAB0WIcUE5fA3sUefBjnbOsZqwSs364NGPQUCawTAEgAKCRBqwSsw64NGPU5KAP0f6HiWbbaPPZ96wa2vwHlU"
    "pepKE4SMKeBoHFTJ0eh4swEA1tT4wQPHXE0WoimSk78gnHNX2N9yXYriQwAAAAAAAAA="
)
"""A signature packet whose issuer fingerprint is of no known kind."""
HASH_64 = (
    "iHUEARZAAB0WIQTw5cU3sUefBjnbOsZqwSs364NGPQUCawTAEgAKCRBqwSs364NGPU5KAP0f6HiWbbaPPZ96wa2vwHlU"
    "pepKE4SMKeBoHFTJ0eh4swEA1tT4wQPHXE0WoimSk78gnHNX2N9yXYri+7xs/G7ARAA="
)
"""A signature packet that says it used the hash number 64."""


def armored(packet: bytes) -> bytes:
    return pysequoia.armor(packet, pysequoia.ArmorKind.Signature).encode()


def signature_body(secret: pysequoia.Tsk) -> bytes:
    block = pysequoia.sign(secret.signer(), b"text", mode=pysequoia.SignatureMode.CLEAR)
    (packet,) = PacketPile.from_bytes(block[block.index(b"-----BEGIN PGP SIGNATURE") :])
    return bytes(packet.body)


@pytest.mark.parametrize(
    ("packet", "code"), [(NO_FINGERPRINT, "malformed"), (HASH_64, "unsupported")]
)
def test_a_signature_with_a_value_nobody_has_a_name_for(packet: str, code: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_signature(armored(base64.b64decode(packet)))
    assert caught.value.code == code


def test_a_signature_of_a_type_nobody_has_a_name_for() -> None:
    body = bytearray(signature_body(pysequoia.Tsk.generate("Ada")))
    body[1] = 0x99
    with pytest.raises(MalformedError):
        parse_signature(armored(packets.signature_packet(bytes(body))))


def test_such_a_signature_in_a_certificate_hides_nothing() -> None:
    secret = pysequoia.Tsk.generate("Ada")
    body = bytearray(signature_body(secret))
    body[1] = 0x99
    data = bytes(secret.extract_certificate()) + packets.signature_packet(bytes(body))
    (flooded,) = read_certificates(data, "the key")
    assert isinstance(flooded, Certificate)
    found, _ = self_signature_at(flooded, datetime.now(UTC))
    assert found is not None


def test_numbers_too_large_for_the_key_are_no_signature() -> None:
    secret = pysequoia.Tsk.generate("Ada")
    body = signature_body(secret)
    head = body[: len(body) - len(packets.signature_numbers(body))]
    large = (600).to_bytes(2, "big") + b"\x80" + bytes(74)
    (signature,) = PacketPile.from_bytes(packets.signature_packet(head + large + large))
    key = next(iter(PacketPile.from_bytes(bytes(secret.extract_certificate()))))
    assert not value.is_good(key, signature, b"text")


def test_a_number_longer_than_its_count_can_say() -> None:
    body = bytes.fromhex("04000108000000000000") + b"\xff\xff" + b"\xff" * 8192
    with pytest.raises(MalformedError, match="too large"):
        packets.canonical_numbers(body)


def pem_certificate() -> bytes:
    """Return the DER of a certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ada Author")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 0x4242424242424242)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    ends = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=9))
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.99"), usage.public_bytes())
    extended = ends.add_extension(usage, critical=False).add_extension(unknown, critical=False)
    made = extended.sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def pem(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("a003020102", "a003020127", id="a version of 40"),
        pytest.param("2a8648ce3d030107", "2a8648ce3d030177", id="an unknown curve"),
        pytest.param("0c0a416461", "0c0aff6461", id="a name that is no text"),
        pytest.param("0c0a416461", "030a006461", id="a name of bits"),
        pytest.param("170d", "170c", id="a date that is cut"),
    ],
)
def test_a_certificate_with_an_odd_part(before: str, after: str) -> None:
    good = pem_certificate()
    odd = good.replace(bytes.fromhex(before), bytes.fromhex(after))
    assert odd != good
    with pytest.raises(MalformedError):
        read_chain(pem(odd), None, pem(good), NOW + timedelta(days=1))


def test_a_certificate_without_a_positive_serial_number_warns_nobody() -> None:
    good = pem_certificate()
    odd = good.replace(bytes.fromhex("02084242"), bytes.fromhex("0208c242"))
    assert odd != good
    assert read_chain(pem(good), pem(odd), pem(odd), NOW + timedelta(days=1)).unproven


def test_a_certificate_with_a_country_of_four_letters_warns_nobody() -> None:
    good = pem_certificate()
    odd = good.replace(bytes.fromhex("550403"), bytes.fromhex("550406"))
    assert odd != good
    assert read_chain(pem(odd), None, pem(good), NOW + timedelta(days=1)).subject


def test_an_extension_twice_is_not_for_code_signing() -> None:
    good = pem_certificate()
    odd = good.replace(bytes.fromhex("0603551d63"), bytes.fromhex("0603551d25"))
    assert odd != good
    assert read_chain(pem(odd), None, pem(good), NOW + timedelta(days=1)).unfit
