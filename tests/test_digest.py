"""Digests: known algorithms, exact form, and what a caller may expect."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.digest import SIF_ALGORITHMS, Digest
from repro_sign.trust.policy import Expectation

SHA256 = hashlib.sha256(b"climate").hexdigest()
ALGORITHMS = sorted([*SIF_ALGORITHMS, "blake3"])


def digits(algorithm: str) -> int:
    name = "sha256" if algorithm == "blake3" else SIF_ALGORITHMS[algorithm]
    return hashlib.new(name).digest_size * 2


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_accepted_algorithm_reads_back_as_it_is_written(algorithm: str) -> None:
    text = f"{algorithm}:{'0a' * (digits(algorithm) // 2)}"
    assert str(Digest.parse(text)) == text


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("change", [-2, -1, 1, 2])
def test_a_digest_of_another_length_is_refused(algorithm: str, change: int) -> None:
    with pytest.raises(ValueError, match=f"has {digits(algorithm)} lower-case hex digits"):
        Digest(algorithm, "a" * (digits(algorithm) + change))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"md5:{'a' * 32}", id="MD5"),
        pytest.param(f"sha1:{'a' * 40}", id="SHA-1"),
        pytest.param(f"sha3_256:{SHA256}", id="SHA-3"),
        pytest.param(f"SHA256:{SHA256}", id="an algorithm in upper case"),
        pytest.param(f"sha-256:{SHA256}", id="an algorithm with a hyphen"),
        pytest.param(f"sha256 :{SHA256}", id="a blank after the algorithm"),
        pytest.param(f":{SHA256}", id="no algorithm"),
        pytest.param(SHA256, id="no colon"),
        pytest.param(f"sha256:{SHA256.upper()}", id="upper-case digits"),
        pytest.param(f"sha256:{SHA256[:-1]}\n", id="a line end for a digit"),
        pytest.param(f"sha256:{SHA256}\n", id="a line end after it"),
        pytest.param(f"sha256:{SHA256[:-1]}g", id="no hexadecimal digit"),
        pytest.param(f"sha256:{SHA256[:-1]}\u0661", id="an Arabic digit"),
        pytest.param(f"sha256:0x{SHA256[2:]}", id="0x"),
        pytest.param("", id="nothing"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        Digest.parse(text)


def test_digests_of_different_algorithms_are_never_equal() -> None:
    assert Digest("sha256", SHA256) != Digest("blake3", SHA256)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"sha256:{SHA256}", f"sha256:{SHA256}", id="of the file"),
        pytest.param(f"blake3:{SHA256}", f"blake3:{SHA256}", id="of the file, BLAKE3"),
        pytest.param(f" SHA256:{SHA256.upper()}\n", f"sha256:{SHA256}", id="pasted, upper case"),
        pytest.param(f"identity:sha256:{SHA256}", f"identity:sha256:{SHA256}", id="identity"),
        pytest.param(f"identity:{SHA256}", f"identity:sha256:{SHA256}", id="identity, bare"),
    ],
)
def test_an_expectation_is_read_as_papers_print_it(text: str, shown: str) -> None:
    assert str(Expectation.parse(text)) == shown
    assert Expectation.parse(shown) == Expectation.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SHA256, id="no algorithm"),
        pytest.param(f"sha256:{SHA256[:12]}", id="shortened"),
        pytest.param(f"md5:{'a' * 32}", id="an algorithm that can be forged"),
        pytest.param(f"identity:blake3:{SHA256}", id="an identity of another algorithm"),
        pytest.param("identity:", id="no digest"),
        pytest.param("", id="nothing"),
    ],
)
def test_an_expectation_that_proves_little_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        Expectation.parse(text)


@given(st.text(max_size=80))
def test_any_text_is_a_digest_or_a_value_error(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except ValueError:
        return
    assert str(digest) == text
