"""The main job on real images: keygen, sign, verify, and a changed copy refused."""

from pathlib import Path

from tests.account import Account, Signer


def test_a_signed_image_is_verified_by_its_fingerprint(
    author: Signer, image: Path, account: Account
) -> None:
    author.sign(image)
    result = account.verify(image, "--signer", author.fingerprint)
    assert result.status == 0
    assert result.image["verdict"] == "verified"
    assert {one["trusted_by"] for one in result.image["signatures"]} == {"--signer"}
    assert result.image["manifest"]["match"] == "exact"


def test_without_any_trust_it_is_untrusted(author: Signer, image: Path, account: Account) -> None:
    author.sign(image)
    result = account.verify(image)
    assert result.status == 5
    assert result.image["verdict"] == "untrusted"


def test_one_changed_bit_fails_with_and_without_manifest(
    author: Signer, image: Path, account: Account
) -> None:
    author.sign(image)
    data = bytearray(image.read_bytes())
    data[600_000] ^= 1
    image.write_bytes(data)
    for manifest in (True, False):
        if not manifest:
            image.with_name("climate.sif.manifest.asc").unlink()
        for options in ((), ("--signer", author.fingerprint), ("--key", author.public_key)):
            assert account.verify(image, *options).status == 1
