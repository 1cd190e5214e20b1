"""`verify --keyserver`: asked only where that is wanted, only for keys that are named, once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.key_states import gpg_export, revoke
from tests.servers import document, free_port, small_server


@pytest.fixture
def owner(need: Need) -> Iterator[Signer]:
    """Give an author whose key a test may revoke or change."""
    need("gpg")
    with Account.new() as one:
        yield one.make_signer("Ada Author", "ada@uni.example", "gnupg")


def test_only_full_fingerprints_that_are_named_are_asked_for_and_each_once(
    owner: Signer, mallory: Signer, account: Account, image: Path
) -> None:
    owner.sign(image)
    mallory.sign(image, "--no-manifest")
    shutil.copy(image, image.with_name("copy.sif"))
    with small_server(document(b"", 404)) as server:
        result = account.verify(
            image.parent, "--signer", owner.fingerprint, "--keyserver", server.url
        )
    assert result.status in (0, 5)
    lookup = "/pks/lookup?op=get&options=mr&search=0x"
    assert sorted(server.paths) == sorted(f"{lookup}{one.fingerprint}" for one in (owner, mallory))


def test_nobody_is_asked_unless_that_is_wanted(
    owner: Signer, account: Account, image: Path
) -> None:
    owner.sign(image)
    with small_server(document(b"", 404)) as server:
        user = account.with_variables(HTTPS_PROXY=server.url, HTTP_PROXY=server.url)
        assert user.verify(image, "--signer", owner.fingerprint).status == 0
    assert server.paths == []


def test_without_an_answer_nothing_is_verified(
    owner: Signer, mallory: Signer, account: Account, image: Path
) -> None:
    owner.sign(image)
    lying = document(mallory.public_key.read_bytes())
    with small_server(document(b"", 500)) as ill, small_server(lying) as liar:
        for url in (ill.url, liar.url, f"http://127.0.0.1:{free_port()}"):
            result = account.verify(image, "--signer", owner.fingerprint, "--keyserver", url)
            assert (result.status, result.image["verdict"]) == (3, "unknown")
            assert result.image["reasons"][0]["code"] == "key-server-unanswered"
            shown = account.run("verify", image, "--signer", owner.fingerprint, "--keyserver", url)
            assert "the key server gave no answer" in shown.out


def test_evidence_against_an_image_needs_no_server(
    owner: Signer, account: Account, image: Path
) -> None:
    owner.sign(image)
    data = bytearray(image.read_bytes())
    data[700_000] ^= 1
    image.write_bytes(data)
    url = f"http://127.0.0.1:{free_port()}"
    result = account.verify(image, "--signer", owner.fingerprint, "--keyserver", url)
    assert result.status == 1


def test_a_dead_server_is_asked_once_for_all_images(
    owner: Signer, account: Account, image: Path
) -> None:
    owner.sign(image)
    for number in range(3):
        shutil.copy(image, image.with_name(f"{number}.sif"))
    with small_server(document(b"", 500)) as server:
        result = account.verify(image.parent, "--keyserver", server.url)
    assert (result.status, len(server.paths)) == (3, 1)
    assert {one["verdict"] for one in result.json["images"]} == {"unknown"}


def test_a_revocation_is_merged_with_the_copy_in_the_manifest(
    owner: Signer, account: Account, image: Path
) -> None:
    owner.sign(image)
    revoke(owner)
    with small_server(document(gpg_export(owner))) as server:
        command = (image, "--signer", owner.fingerprint, "--keyserver", server.url)
        result = account.verify(*command)
    assert (result.status, result.image["reasons"][0]["code"]) == (1, "key-revoked")
    assert not list(account.home.rglob("*.asc"))


def test_a_subkey_is_asked_for_by_its_primary_key_where_that_is_known(
    owner: Signer, account: Account, image: Path
) -> None:
    gpg = ("gpg", "--batch", "--passphrase", "")
    owner.account.program(*gpg, "--quick-add-key", owner.fingerprint, "ed25519", "sign", "1y")
    owner.sign(image, "--no-manifest")
    exported = gpg_export(owner)
    with small_server(document(exported)) as server:
        options = ("--signer", owner.fingerprint, "--keyserver", server.url)
        assert account.verify(image, *options).status == 0
        (asked,) = {path.rpartition("0x")[2] for path in server.paths}
        (image.parent / "keys").mkdir()
        (image.parent / "keys" / "ada.asc").write_bytes(exported)
        assert account.verify(image, *options).status == 0
    assert asked != owner.fingerprint
    assert server.paths[-1].endswith(owner.fingerprint)


def test_an_address_that_is_never_asked_is_a_usage_error(account: Account, image: Path) -> None:
    for url in ("http://keys.example", "keys.example", "https://u:p@keys.example"):
        assert account.run("verify", image, "--keyserver", url).status == 2
