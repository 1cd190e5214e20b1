"""What released versions wrote is still read, and comes to what it came to then."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro_sign.known_keys import read_keys
from tests.account import Account, Result
from tests.conftest import Need
from tests.releases.writing import PASSPHRASE

RELEASES = sorted(path for path in Path(__file__).with_name("releases").iterdir() if path.is_dir())


@pytest.fixture(
    params=[path for path in RELEASES if (path / "ada.asc").exists()], ids=lambda path: path.name
)
def release(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a copy of what a version wrote."""
    return Path(shutil.copytree(request.param, tmp_path / "release"))


@pytest.fixture
def reader(release: Path) -> Iterator[Account]:
    """Give an account whose settings that version wrote."""
    with Account.new() as one:
        shutil.copytree(release / "settings", one.home / ".config" / "repro-sign")
        yield one


def fingerprint(path: Path) -> str:
    (signer,) = read_keys(path.read_bytes(), path.name).signers
    return str(signer)


def verified(result: Result) -> set[str]:
    assert result.status == 0, result.out
    return result.codes


def test_an_image_and_its_manifest_are_verified(release: Path, account: Account) -> None:
    native = ("--engine", "native", "--require-manifest", "--exact")
    for image, key in (("climate.sif", "ada.asc"), ("lab.sif", "lab.pub")):
        signer = fingerprint(release / key)
        verified(account.verify(release / image, "--signer", signer, *native))


def test_a_timestamp_still_proves_its_date(release: Path, account: Account) -> None:
    signer = ("--signer", fingerprint(release / "ada.asc"), "--engine", "native")
    result = account.verify(release / "climate.sif", *signer, "--tsa-cert", release / "clock.pem")
    verified(result)
    assert result.image["manifest"]["existed_before"]
    assert result.image["signatures"][0]["existed_before"]


def test_notices_still_have_force(release: Path, account: Account) -> None:
    signer = ("--signer", fingerprint(release / "ada.asc"), "--engine", "native")
    withdrawn = account.verify(release / "wrong.sif", *signer)
    assert (withdrawn.status, withdrawn.image["reasons"][0]["code"]) == (1, "withdrawn")
    assert "superseded" in verified(account.verify(release / "old.sif", *signer))


def test_a_policy_and_a_delegation_are_still_followed(release: Path, account: Account) -> None:
    policy = ("--policy", release / "policy.toml", "--engine", "native")
    assert "rule-met" in verified(account.verify(release / "climate.sif", *policy))
    assert "rule-met" in verified(account.verify(release / "lab.sif", *policy))


def test_trust_store_and_memory_are_still_read(release: Path, reader: Account) -> None:
    image = release / "climate.sif"
    known = reader.verify(image, "--remember", "--engine", "native")
    verified(known)
    assert known.image["memory"] == {
        "signers": [fingerprint(release / "ada.asc")],
        "new": False,
        "problem": None,
    }
    shutil.copy(release / "lab.sif", image)
    other = reader.verify(image, "--remember", "--engine", "native")
    assert "signer-changed" in other.codes


def test_an_exported_trust_store_is_still_taken(release: Path, account: Account) -> None:
    account.ok("trust", "import", release / "people.toml", "--yes")
    trusted = {one["fingerprint"] for one in account.ok("trust", "list", "--json").json["signers"]}
    assert fingerprint(release / "ada.asc") in trusted


def test_a_backup_still_gives_the_key_back(release: Path, account: Account, need: Need) -> None:
    need("gpg")
    secret = account.home / "passphrase"
    secret.touch(0o600)
    secret.write_text(PASSPHRASE)
    options = ("--passphrase-file", secret, "--json")
    restored = account.ok("key", "restore", release / "backup.asc", *options)
    assert restored.json["fingerprint"] == fingerprint(release / "ada.asc")


def test_a_content_digest_is_still_the_same(release: Path, account: Account) -> None:
    manifest = release / "climate.sif.manifest.asc"
    said = json.loads(manifest.read_text().split("\n\n", 1)[1].split("\n-----BEGIN")[0])
    found = account.ok("inspect", "--content-digest", "--json", release / "climate.sif").json
    assert found["content"] == said["predicate"]["image"]["content"]
