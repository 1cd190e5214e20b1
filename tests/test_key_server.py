"""The whole way with a real key server (SKS): publish, fetch from an empty home, verify, revoke."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro_sign.openpgp.certificate import read_certificates
from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.key_states import dearmored, gpg_export, renew, revoke
from tests.servers import sks_server

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="session")
def sks(need: Need, mallory: Signer) -> Iterator[str]:
    """Give the URL of a real key server, which knows Mallory's key."""
    need("sks")
    with sks_server(dearmored(mallory.account, mallory.public_key.read_bytes())) as url:
        yield url


@pytest.fixture
def owner(need: Need) -> Iterator[Signer]:
    """Give an author whose key a test may revoke or change."""
    need("gpg")
    with Account.new() as one:
        yield one.make_signer("Ada Author", "ada@uni.example", "gnupg")


def publish(signer: Signer, url: str, *, account: Account | None = None) -> Result:
    command = ("key", "publish", signer.fingerprint, "--keyserver", url, "--json")
    return (account or signer.account).run(*command)


def without_apptainer(account: Account) -> Account:
    """Return the same account on a machine without Apptainer."""
    programs = account.home / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("gpg", "gpg-agent", "gpgconf", "gpg-connect-agent"):
        (programs / name).symlink_to(str(shutil.which(name)))
    return account.with_variables(PATH=str(programs))


@pytest.mark.parametrize("sent_by", ["apptainer", "repro-sign"])
def test_publish_then_fetch_and_verify_from_an_empty_home(
    sks: str, owner: Signer, account: Account, image: Path, need: Need, sent_by: str
) -> None:
    need("apptainer")
    owner.sign(image, "--no-manifest")
    sender = owner.account if sent_by == "apptainer" else without_apptainer(owner.account)
    published = publish(owner, sks, account=sender)
    assert published.status == 0, published.err
    report = published.json["keyserver"]
    assert (report["sent_by"], report["complete"], report["missing"]) == (sent_by, True, [])
    assert report["user_ids"] == [owner.user_id]
    signer = ("--signer", owner.fingerprint)
    assert account.verify(image, *signer).image["reasons"][0]["code"] == "unknown-key"
    account.ok("key", "fetch", owner.fingerprint, "--keyserver", sks)
    assert account.verify(image, *signer).status == 0
    assert account.verify(image).status == 5


def test_apptainer_and_gnupg_take_what_was_published(
    sks: str, author: Signer, account: Account, image: Path, need: Need
) -> None:
    need("apptainer", "gpg", "dirmngr")
    author.sign(image, "--no-manifest")
    assert publish(author, sks).status == 0
    verified = account.program("apptainer", "verify", "-u", sks, image, check=False)
    # Apptainer asks for the key id without its leading zeros; SKS answers 500 to 15 digits.
    assert (verified.status == 0) == (author.fingerprint[-16] != "0"), verified.err
    account.program("apptainer", "key", "pull", "-u", sks, author.fingerprint)
    pulled = (account.home / ".apptainer/keys/pgp-public").read_bytes()
    assert read_certificates(pulled, "pulled")[0].fingerprint.hex == author.fingerprint
    account.program("apptainer", "verify", "--local", image)
    hkp = sks.replace("http:", "hkp:")
    account.program("gpg", "--keyserver", hkp, "--recv-keys", author.fingerprint)


def test_a_revoked_key_published_later_fails_the_image(
    sks: str, owner: Signer, account: Account, image: Path
) -> None:
    owner.sign(image)
    assert publish(owner, sks).status == 0
    account.ok("key", "fetch", owner.fingerprint, "--keyserver", sks)
    signer = ("--signer", owner.fingerprint)
    asking = (*signer, "--keyserver", sks)
    assert account.verify(image, *asking).status == 0
    revoke(owner)
    published = publish(owner, sks)
    assert (published.status, published.json["keyserver"]["revoked"]) == (0, True)
    assert account.verify(image, *signer).status == 0, "nobody has told"
    result = account.verify(image, *asking)
    assert (result.status, result.image["reasons"][0]["code"]) == (1, "key-revoked")
    assert account.verify(image, *signer).status == 0, "verify writes nothing"
    account.ok("key", "fetch", owner.fingerprint, "--keyserver", sks)
    result = account.verify(image, *signer)
    assert (result.status, result.image["reasons"][0]["code"]) == (1, "key-revoked")


def test_an_owner_learns_of_a_revocation_that_only_the_server_knows(
    sks: str, owner: Signer
) -> None:
    old = gpg_export(owner)
    revoke(owner)
    assert publish(owner, sks).status == 0
    with Account.new() as other:
        (other.home / "old.asc").write_bytes(old)
        other.ok("key", "import", other.home / "old.asc", "--store", "gnupg")
        published = publish(owner, sks, account=other)
        assert [one["kind"] for one in published.json["keyserver"]["besides"]] == ["revocation"]
        other.ok("key", "fetch", "--all", "--keyserver", sks)
        assert not other.ok("key", "show", owner.fingerprint, "--json").json["key"]["revoked"]
        other.ok("key", "fetch", owner.fingerprint, "--keyserver", sks)
        assert other.ok("key", "show", owner.fingerprint, "--json").json["key"]["revoked"]


def test_renewals_arrive_with_all_keys(sks: str, owner: Signer, account: Account) -> None:
    assert publish(owner, sks).status == 0
    account.ok("key", "fetch", owner.fingerprint, "--keyserver", sks)
    renew(owner, "9y")
    assert publish(owner, sks).status == 0
    entries = account.ok("key", "fetch", "--all", "--keyserver", sks, "--json").json["keys"]
    assert [one["kind"] for one in entries[0]["news"]] == ["end"]


def test_a_key_that_is_not_on_the_server_is_said_to_be_none(
    sks: str, owner: Signer, account: Account, image: Path
) -> None:
    result = account.run("key", "fetch", owner.fingerprint, "--keyserver", sks)
    assert (result.status, f"{sks} does not have key" in result.err) == (1, True)
    owner.sign(image)
    verified = account.verify(image, "--signer", owner.fingerprint, "--keyserver", sks)
    assert verified.status == 0
    assert "key-server" in verified.codes


def test_a_server_brings_the_key_and_no_trust_and_no_name(
    sks: str, owner: Signer, account: Account, image: Path
) -> None:
    owner.sign(image, "--no-manifest")
    assert publish(owner, sks).status == 0
    result = account.verify(image, "--keyserver", sks)
    assert (result.status, result.image["reasons"][0]["code"]) == (5, "signer-not-trusted")
    assert result.image["signatures"][0]["user_id"] is None
    trusting = account.verify(image, "--keyserver", sks, "--signer", owner.fingerprint)
    assert (trusting.status, trusting.image["signatures"][0]["user_id"]) == (0, owner.user_id)
