"""PEM keys of every kind: signed here, accepted by the real apptainer and cosign, and held to."""

import subprocess
from pathlib import Path

import pytest

from tests.account import Account
from tests.conftest import Need

PASSPHRASE = "correct horse"
P256_KEY = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEa99SvT+WSWvpSnNfzCO91WtR6/Re
M4GAL23xm7XRGZ487tgBL1+RQ8PLlj3tKtAY/GqhPCRXkCqhZ3gA7LWd6w==
-----END PUBLIC KEY-----
"""
P256_FINGERPRINT = "SHA256:p9lXh+DCMAy7LBfXy/l2/+9uStLsP53c3O2eWShPMoQ"
"""As `ssh-keygen -l` prints it."""
KINDS = [
    pytest.param(["-algorithm", "ed25519"], id="Ed25519"),
    pytest.param(["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], id="P-256"),
    pytest.param(["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], id="P-384"),
    pytest.param(["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], id="P-521"),
    pytest.param(["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], id="RSA 2048"),
]


def make_key(folder: Path, kind: list[str], *protection: str) -> tuple[Path, Path]:
    """Make a key with the real openssl; return its private and its public file."""
    private, public = folder / "key.pem", folder / "key.pub"
    subprocess.run(
        ["openssl", "genpkey", *kind, *protection, "-out", private],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        [
            "openssl",
            "pkey",
            "-in",
            private,
            "-passin",
            f"pass:{PASSPHRASE}",
            "-pubout",
            "-out",
            public,
        ],
        check=True,
        capture_output=True,
    )
    return private, public


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_this_kind_signs_what_others_accept(
    account: Account, image: Path, tmp_path: Path, need: Need, kind: list[str]
) -> None:
    need("openssl", "apptainer")
    private, public = make_key(tmp_path, kind)
    account.ok("sign", image, "--key", private)
    result = account.verify(image, "--key", public, "--require-manifest")
    assert result.status == 0
    assert result.image["engines"] == {"native": "verified", "apptainer": "verified"}
    account.program("apptainer", "verify", "--key", public, image)
    changed = bytearray(image.read_bytes())
    changed[600_000] ^= 1
    image.write_bytes(changed)
    assert account.verify(image, "--key", public).status == 1


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_cosign_accepts_the_manifest_and_refuses_another_image(
    account: Account, image: Path, tmp_path: Path, need: Need, kind: list[str]
) -> None:
    need("openssl", "cosign")
    private, public = make_key(tmp_path, kind)
    account.ok("sign", image, "--key", private)
    ask = (
        *("cosign", "verify-blob-attestation", "--key", public, "--insecure-ignore-tlog"),
        *("--bundle", image.with_name("climate.sif.sigstore.json")),
        *("--type", "urn:repro-sign:manifest:v1", image),
    )
    account.program(*ask)
    image.write_bytes(image.read_bytes() + b"\0")
    assert account.program(*ask, check=False).status != 0


def test_an_encrypted_key_needs_its_passphrase(
    account: Account, image: Path, tmp_path: Path, need: Need
) -> None:
    need("openssl")
    protection = ("-aes256", "-pass", f"pass:{PASSPHRASE}")
    private, public = make_key(tmp_path, ["-algorithm", "ed25519"], *protection)
    before = image.read_bytes()
    assert account.run("sign", image, "--key", private).status == 2
    passphrase = tmp_path / "passphrase"
    for text, status in (("wrong", 1), (PASSPHRASE, 0)):
        assert image.read_bytes() == before
        passphrase.write_text(text)
        passphrase.chmod(0o600)
        options = ("--key", private, "--passphrase-file", passphrase)
        assert account.run("sign", image, *options).status == status
    assert account.verify(image, "--key", public).status == 0


def test_the_fingerprint_is_the_one_ssh_keygen_prints(account: Account) -> None:
    public = account.home / "p256.pub"
    public.write_text(P256_KEY)
    account.ok("trust", "add", public, "--yes")
    (entry,) = account.ok("trust", "list", "--json").json["signers"]
    assert entry["fingerprint"] == P256_FINGERPRINT


def test_a_weak_key_does_not_sign_and_proves_nothing(
    account: Account, image: Path, tmp_path: Path, need: Need
) -> None:
    need("openssl", "apptainer")
    private, public = make_key(tmp_path, ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"])
    refused = account.run("sign", image, "--key", private)
    assert refused.status == 1
    assert "1024 bits" in refused.err
    account.program("apptainer", "sign", "--key", private, image)
    result = account.verify(image, "--key", public)
    assert (result.status, result.image["verdict"]) == (1, "failed")
    assert "key-unfit" in result.codes


def test_a_private_key_handed_over_as_public_trusts_nobody(
    account: Account, image: Path, tmp_path: Path, need: Need
) -> None:
    need("openssl")
    private, _ = make_key(tmp_path, ["-algorithm", "ed25519"])
    account.ok("sign", image, "--key", private)
    for command in (("verify", image, "--key", private), ("trust", "add", private, "--yes")):
        result = account.run(*command)
        assert result.status in (1, 2)
        assert "SECRET" in result.err


def test_openpgp_and_pem_on_one_image_count_as_two_people(
    account: Account, image: Path, tmp_path: Path, need: Need
) -> None:
    need("openssl", "gpg")
    private, public = make_key(tmp_path, ["-algorithm", "ed25519"])
    signer = account.make_signer("Ada Author", "ada@uni.example", "gnupg")
    signer.sign(image)
    account.ok("sign", image, "--key", private)
    both = ("--key", public, "--key", signer.public_key, "--require", "2")
    assert account.verify(image, *both).status == 0
    assert account.verify(image, "--key", public, "--require", "2").status == 5


def test_a_key_in_a_file_of_any_name_signs(
    account: Account, image: Path, tmp_path: Path, need: Need
) -> None:
    need("openssl")
    private, public = make_key(tmp_path, ["-algorithm", "ed25519"])
    account.ok("sign", image, "--key", private.rename(tmp_path / "my.key"))
    assert account.verify(image, "--key", public).status == 0


def test_keygen_makes_a_pem_key_that_signs_and_is_trusted_as_you(
    account: Account, image: Path
) -> None:
    person = ("--name", "Ada Author", "--email", "ada@uni.example")
    made = account.ok("keygen", "--store", "pem", *person, "--no-passphrase", "--json")
    assert "carries no name" in made.err
    for key in ((), ("--key", made.json["fingerprint"]), ("--key", made.json["secret_key"])):
        account.ok("sign", image, *key)
    result = account.verify(image)
    assert (result.status, len(result.image["signatures"])) == (0, 1)
    assert account.verify(image, "--key", account.home / made.json["public_key"]).status == 0
