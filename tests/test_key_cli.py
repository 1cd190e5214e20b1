"""Keys in both stores: listed, shown, exported, imported, and picked to sign with."""

from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need

STORES = pytest.mark.parametrize("store", ["apptainer", "gnupg"])


@pytest.fixture(autouse=True)
def _programs(need: Need) -> None:
    need("apptainer", "gpg")


def keys(account: Account, *options: str) -> dict[str, dict[str, object]]:
    rows = account.ok("key", "list", "--json", *options).json["keys"]
    return {one["fingerprint"]: one for one in rows}


def test_a_key_is_listed_with_all_there_is_to_know(author: Signer) -> None:
    store = {"Ada": "apptainer", "Grace": "gnupg"}[author.user_id.split()[0]]
    one = keys(author.account)[author.fingerprint]
    assert (one["user_id"], one["algorithm"]) == (author.user_id, "Ed25519")
    assert (one["public_in"], one["secret_in"]) == ([store], [store])
    assert (one["revoked"], one["usable"]) == (False, True)
    assert one["encrypted"] is (False if store == "apptainer" else None)
    assert str(one["created"]) < str(one["expires"])
    shown = author.account.ok("key", "show", author.fingerprint)
    grouped = " ".join(author.fingerprint[at : at + 4] for at in range(0, 40, 4))
    place = "Apptainer's ring (NOT encrypted)" if store == "apptainer" else "GnuPG"
    for part in (grouped, author.user_id, "Ed25519", f"secret    {place}"):
        assert part in shown.out
    listed = author.account.ok("key", "list").out
    assert len(listed.splitlines()) == 1
    assert listed.split("\t")[:2] == [grouped, author.user_id]


def test_an_account_without_keys_is_told_how_to_make_one(account: Account) -> None:
    assert account.ok("key", "list").out == "no keys; make one: repro-sign keygen\n"
    assert keys(account) == {}
    result = account.run("key", "show", "A" * 40)
    assert (result.status, result.out) == (1, "")
    assert account.run("key", "show", "A" * 16).status == 2
    assert account.run("key", "export", "A" * 40).status == 1
    assert not any(account.home.iterdir())


def test_an_exported_key_is_a_public_key(author: Signer, account: Account) -> None:
    text = author.account.ok("key", "export", author.fingerprint.lower()).out
    assert text.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    shown = account.program("gpg", "--show-keys", "--with-colons", stdin=text.encode()).out
    assert author.fingerprint in shown
    assert "\nsec:" not in shown
    path = account.home / "ada.asc"
    written = author.account.ok("key", "export", author.fingerprint, "-o", path)
    assert written.out == ""
    assert f"wrote {path}" in written.err
    assert path.read_text() == text


@STORES
def test_imported_public_keys_are_there_for_the_stores_own_program(
    ada: Signer, grace: Signer, account: Account, store: str
) -> None:
    both = account.home / "both.asc"
    both.write_bytes(ada.public_key.read_bytes() + grace.public_key.read_bytes())
    done = account.ok("key", "import", both, "--store", store, "--json").json
    assert done["imported"] == [ada.fingerprint, grace.fingerprint]
    for one in (ada, grace):
        assert keys(account)[one.fingerprint]["public_in"] == [store]
    assert keys(account, "--secret") == {}
    if store == "apptainer":
        listing = account.program("apptainer", "key", "list").out
    else:
        listing = account.program("gpg", "--list-keys", "--with-colons").out
    assert ada.fingerprint in listing
    assert grace.fingerprint in listing
    assert account.ok("trust", "list", "--json").json["signers"] == []


def test_importing_again_changes_no_byte(ada: Signer, account: Account) -> None:
    ring = account.home / ".apptainer" / "keys" / "pgp-public"
    account.ok("key", "import", ada.public_key)
    before = ring.read_bytes()
    assert "imported" in account.ok("key", "import", ada.public_key).out
    assert ring.read_bytes() == before


def test_what_holds_no_key_is_refused(account: Account) -> None:
    (text := account.home / "text.asc").write_text("no key")
    for store in ("apptainer", "gnupg"):
        result = account.run("key", "import", text, "--store", store)
        assert (result.status, result.out) == (1, "")
    assert account.run("key", "import", account.home / "none.asc").status == 2
    assert [path.name for path in account.home.iterdir()] == ["text.asc"]


@STORES
def test_a_secret_key_moves_to_another_account_where_that_is_meant(
    grace: Signer, image: Path, account: Account, store: str
) -> None:
    secret = account.home / "secret.asc"
    export = ("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--armor")
    secret.write_text(grace.account.program(*export, "--export-secret-keys").out)
    refused = account.run("key", "import", secret, "--store", store)
    assert (refused.status, refused.out) == (1, "")
    assert "--secret" in refused.err
    assert keys(account) == {}
    account.ok("key", "import", secret, "--store", store, "--secret")
    assert keys(account, "--secret")[grace.fingerprint]["secret_in"] == [store]
    account.ok("sign", image)
    assert account.verify(image, "--signer", grace.fingerprint).status == 0


@STORES
def test_an_imported_revocation_reaches_the_listing(account: Account, store: str) -> None:
    signer = account.make_signer("Rita Revoked", "rita@uni.example", "gnupg")
    account.ok("key", "import", signer.public_key, "--store", store)
    account.ok("key", "import", revoked_copy(account, signer), "--store", store)
    assert keys(account)[signer.fingerprint]["revoked"] is True
    assert "revoked" in account.ok("key", "list").out
    assert "state     revoked" in account.ok("key", "show", signer.fingerprint).out


def revoked_copy(account: Account, signer: Signer) -> Path:
    """Give the signer's certificate with its revocation, which no store here has yet."""
    (revocation,) = (account.home / ".config" / "repro-sign" / "revocations").iterdir()
    path = account.home / "revoked.asc"
    with Account.new() as other:
        other.program("gpg", "--import", signer.public_key)
        other.program("gpg", "--import", revocation)
        path.write_text(other.program("gpg", "--armor", "--export").out)
    return path


def refuse(account: Account, image: Path, *options: str, status: int = 1) -> str:
    """Sign, expect a refusal that leaves the image and its folder alone; return the words."""
    before = image.read_bytes()
    result = account.run("sign", image, *options)
    assert (result.status, result.out) == (status, ""), result.err
    assert image.read_bytes() == before
    assert [path.name for path in image.parent.iterdir()] == [image.name]
    return result.err


def test_the_key_is_named_where_there_are_several(image: Path, account: Account) -> None:
    assert "no secret key" in refuse(account, image)
    first = account.make_signer("Ada One", "ada@one.example", "gnupg")
    second = account.make_signer("Ada Two", "ada@two.example", "apptainer")
    words = refuse(account, image, status=2)
    for one in (first, second):
        assert one.fingerprint in words
        assert one.user_id in words
    refuse(account, image, "--key", "eve@evil.example", status=2)
    refuse(account, image, "--key", "ada@", status=2)
    by_email = account.ok("sign", "--json", "--key", "Ada@One.example", image).json
    assert by_email["fingerprint"] == first.fingerprint
    by_key = account.ok("sign", "--json", "--key", second.fingerprint.lower(), image).json
    assert by_key["fingerprint"] == second.fingerprint


def test_a_key_that_expired_does_not_sign(image: Path, account: Account) -> None:
    account.program(
        *("gpg", "--batch", "--passphrase", "", "--faked-system-time", "20200101T000000"),
        *("--quick-gen-key", "Old Key <old@uni.example>", "ed25519", "sign", "1y"),
    )
    assert "expired on 2020-12-31" in refuse(account, image)
    assert "expired on 2020-12-31" in refuse(account, image, "--key", "old@uni.example")
    account.make_signer("New Key", "new@uni.example", "gnupg")
    signed = account.ok("sign", image).out
    assert "New Key" in signed


def test_a_revoked_key_does_not_sign(image: Path, account: Account) -> None:
    signer = account.make_signer("Rita Revoked", "rita@uni.example", "gnupg")
    account.ok("key", "import", revoked_copy(account, signer), "--store", "gnupg")
    assert "revoked" in refuse(account, image)


def test_a_revoked_key_in_apptainers_ring_does_not_sign(image: Path, account: Account) -> None:
    signer = account.make_signer("Rita Revoked", "rita@uni.example", "apptainer")
    account.ok("key", "import", revoked_copy(account, signer), "--store", "apptainer")
    assert "revoked" in refuse(account, image)


def test_a_key_that_was_fetched_is_listed_shown_and_removed(ada: Signer, account: Account) -> None:
    account.ok("key", "fetch", ada.fingerprint, "--from", ada.public_key)
    assert keys(account)[ada.fingerprint]["public_in"] == ["kept"]
    assert "public    the kept keys" in account.ok("key", "show", ada.fingerprint).out
    account.ok("key", "export", ada.fingerprint)
    refused = account.run("key", "remove", ada.fingerprint, "--yes")
    assert (refused.status, refused.out) == (1, "")
    assert "--store kept" in refused.err
    removed = account.ok("key", "remove", ada.fingerprint, "--store", "kept", "--yes")
    assert removed.out.startswith("removed from the kept keys")
    assert keys(account) == {}
