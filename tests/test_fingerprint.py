"""Fingerprints: full ones in every way people type them, and nothing shorter."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.fingerprint import Fingerprint, PemFingerprint, parse_signer

FULL = "56F8A1B2C3D4E5F60718293A4B5C6D7E8F901234"
PEM = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
"""That of github.com, as ssh-keygen -l prints it."""
PEM_WIRE = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
FINGERPRINTS = st.binary(min_size=20, max_size=20).map(Fingerprint.from_bytes)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FULL, id="as programs write it"),
        pytest.param(FULL.lower(), id="in lower case"),
        pytest.param(f"0x{FULL}", id="with 0x"),
        pytest.param(f"0X{FULL.lower()}", id="with 0X"),
        pytest.param("56F8 A1B2 C3D4 E5F6 0718  293A 4B5C 6D7E 8F90 1234", id="as gpg writes it"),
        pytest.param(":".join(FULL[at : at + 2] for at in range(0, 40, 2)), id="with colons"),
        pytest.param(f"  {FULL}\n", id="pasted with blanks around it"),
        pytest.param("56F8A1B2C3D4E5F60718\n293A4B5C6D7E8F901234", id="broken into two lines"),
        pytest.param("56F8\u00a0A1B2C3D4E5F60718293A4B5C6D7E8F901234", id="with a hard blank"),
    ],
)
def test_a_fingerprint_is_read_however_it_is_typed(text: str) -> None:
    assert Fingerprint.parse(text) == Fingerprint(FULL)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FULL[-16:], id="a long key id"),
        pytest.param(FULL[-8:], id="a short key id"),
        pytest.param(FULL[:-1], id="one digit missing"),
        pytest.param(FULL + "0", id="one digit too many"),
        pytest.param(FULL[:-1] + "G", id="no hexadecimal digit"),
        pytest.param(FULL[:-1] + "\uff14", id="a full-width digit"),
        pytest.param(FULL[:-1] + "\u0664", id="an Arabic digit"),
        pytest.param("0x0x" + FULL, id="0x twice"),
        pytest.param(FULL * 2, id="two of them"),
        pytest.param(FULL + "AB" * 12, id="a version 6 fingerprint"),
        pytest.param("ada@uni.example", id="an address"),
        pytest.param("", id="nothing"),
    ],
)
def test_anything_but_a_full_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="40 hexadecimal digits"):
        Fingerprint.parse(text)


@pytest.mark.parametrize("text", [FULL.lower(), FULL[:-1], FULL + "\n", ""])
def test_the_value_itself_has_one_form_only(text: str) -> None:
    with pytest.raises(ValueError, match="not a 40-digit"):
        Fingerprint(text)


@given(FINGERPRINTS)
def test_every_way_to_write_it_reads_back(one: Fingerprint) -> None:
    assert Fingerprint.parse(one.grouped()) == one
    assert Fingerprint.parse(str(one).lower()) == one
    assert Fingerprint.from_bytes(one.raw) == one
    assert one.hex.endswith(one.key_id)
    assert len(one.key_id) == 16


def test_people_see_it_in_groups_of_four() -> None:
    shown = Fingerprint(FULL).grouped()
    assert shown == "56F8 A1B2 C3D4 E5F6 0718 293A 4B5C 6D7E 8F90 1234"


@pytest.mark.parametrize("length", [0, 8, 19, 21, 32])
def test_raw_bytes_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="not a 40-digit"):
        Fingerprint.from_bytes(bytes(length))


def test_a_pem_key_has_the_fingerprint_that_ssh_keygen_prints() -> None:
    one = PemFingerprint.of_wire_encoding(base64.b64decode(PEM_WIRE))
    assert str(one) == one.grouped() == PEM
    assert parse_signer(f" {PEM}\n") == one
    assert parse_signer(FULL) == Fingerprint(FULL)


@given(st.binary(min_size=32, max_size=32).map(PemFingerprint))
def test_a_pem_fingerprint_reads_back_as_it_is_written(one: PemFingerprint) -> None:
    assert PemFingerprint.parse(str(one)) == parse_signer(str(one)) == one
    assert len(str(one)) == len(PEM)
    assert len(one.key_id) == 16


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PEM[:-1], id="one digit missing"),
        pytest.param(PEM + "A", id="one digit too many"),
        pytest.param(PEM + "=", id="with padding"),
        pytest.param(PEM[:-1] + "V", id="bits that are nobody's"),
        pytest.param(PEM.replace("+", "-").replace("/", "_"), id="the other base64"),
        pytest.param(PEM.lower(), id="in lower case"),
        pytest.param(PEM.replace("SHA256", "MD5"), id="another digest"),
        pytest.param(PEM.removeprefix("SHA256:"), id="no digest's name"),
        pytest.param(PEM[:20] + " " + PEM[20:], id="a blank inside"),
        pytest.param("SHA256:", id="nothing after the name"),
        pytest.param("SHA256:" + "é" * 43, id="no base64 at all"),
        pytest.param("", id="nothing"),
    ],
)
def test_anything_but_a_full_pem_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        PemFingerprint.parse(text)
    with pytest.raises(ValueError, match="fingerprint"):
        parse_signer(text)


def test_a_ligature_is_no_digit() -> None:
    with pytest.raises(ValueError, match="full fingerprint"):
        Fingerprint.parse("\ufb00" + "A" * 38)
