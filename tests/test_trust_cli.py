"""Whom an account believes: said by its owner, never by what happens to lie about."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.account import Account, Signer

pytest_plugins = ["tests.spoilt_keys"]


def trusted(account: Account) -> dict[str, str]:
    rows = account.ok("trust", "list", "--json").json["signers"]
    return {one["fingerprint"]: one["name"] for one in rows}


def grouped(fingerprint: str) -> str:
    return " ".join(fingerprint[at : at + 4] for at in range(0, 40, 4))


def test_a_public_key_file_is_trusted_and_forgotten_again(
    author: Signer, image: Path, account: Account
) -> None:
    author.sign(image, "--no-manifest")
    assert account.verify(image).status == 5
    added = account.ok("trust", "add", author.public_key, "--yes")
    assert added.out == "trusted from now on\n"
    assert grouped(author.fingerprint) in added.err
    assert author.user_id in added.err
    result = account.verify(image)
    assert result.status == 0
    (signature,) = result.image["signatures"]
    assert signature["trusted_by"] == f"your trust store ({author.user_id})"
    again = account.ok("trust", "add", author.public_key, "--yes", "--json").json
    assert (again["fingerprint"], again["added"]) == (author.fingerprint, False)
    assert again["changed"] == []
    listed = account.ok("trust", "list").out
    assert grouped(author.fingerprint) in listed
    assert author.user_id in listed
    removed = account.ok("trust", "remove", author.fingerprint)
    assert removed.out == ""
    assert "trusted no more" in removed.err
    assert trusted(account) == {}
    assert account.verify(image).status == 5


def test_a_fingerprint_is_trusted_with_a_name(
    author: Signer, image: Path, account: Account
) -> None:
    author.sign(image)
    typed = grouped(author.fingerprint).lower()
    account.ok("trust", "add", typed, "--as", "Ada of the paper", "--yes", "-q")
    assert trusted(account) == {author.fingerprint: "Ada of the paper"}
    result = account.verify(image)
    assert result.status == 0
    assert result.image["manifest"]["trusted_by"] == "your trust store (Ada of the paper)"


def test_nobody_is_trusted_without_a_yes(grace: Signer, account: Account) -> None:
    for stdin in (None, "y\n"):
        result = account.run("trust", "add", grace.public_key, stdin=stdin)
        assert (result.status, result.out) == (2, "")
        assert "--yes" in result.err
    assert trusted(account) == {}
    assert "nobody is trusted yet" in account.ok("trust", "list").out


@pytest.mark.parametrize("who", ["56F8", "A" * 16, "0x" + "B" * 8, "no-such-file.asc"])
def test_less_than_a_full_fingerprint_is_a_usage_error(account: Account, who: str) -> None:
    result = account.run("trust", "add", who, "--yes")
    assert (result.status, result.out) == (2, "")
    assert "not a full fingerprint" in result.err


def test_what_is_no_single_public_key_is_refused(
    ada: Signer, grace: Signer, account: Account
) -> None:
    both = account.home / "both.asc"
    both.write_bytes(ada.public_key.read_bytes() + grace.public_key.read_bytes())
    assert "2 keys" in account.run("trust", "add", both, "--yes").err
    text = account.home / "text.asc"
    text.write_text("no key\n")
    for path in (both, text):
        assert account.run("trust", "add", path, "--yes").status == 1
    assert account.run("trust", "add", account.home, "--yes").status == 3
    unknown = account.run("trust", "remove", grace.fingerprint)
    assert (unknown.status, unknown.out) == (1, "")
    assert trusted(account) == {}


def test_a_trust_file_edited_by_hand_keeps_its_comments(
    ada: Signer, grace: Signer, account: Account
) -> None:
    account.ok("trust", "add", ada.fingerprint, "--yes")
    path = account.home / ".config" / "repro-sign" / "trust.toml"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("# reviewed every spring\n" + path.read_text())
    account.ok("trust", "add", grace.fingerprint, "--yes")
    account.ok("trust", "remove", ada.fingerprint)
    assert "# reviewed every spring" in path.read_text()
    assert set(trusted(account)) == {grace.fingerprint}


def test_a_damaged_trust_file_is_no_answer_and_stays_as_it_is(
    ada: Signer, image: Path, account: Account
) -> None:
    account.ok("trust", "add", ada.fingerprint, "--yes")
    path = account.home / ".config" / "repro-sign" / "trust.toml"
    path.write_text('[[signer]]\nfingerprint = "56F8"\n')
    ada.sign(image)
    for command in (("trust", "list"), ("trust", "add", ada.fingerprint, "--yes")):
        assert account.run(*command).status == 1
    result = account.run("verify", image)
    assert (result.status, result.out) == (3, "")
    assert "trust.toml" in result.err
    assert account.run("verify", image, "--signer", ada.fingerprint).status == 0
    assert "56F8" in path.read_text()


def secret_files(sam: Signer) -> list[Path]:
    """Secret keys in files that somebody may call public keys."""
    home = sam.account.home
    mixed = home / "mixed.asc"
    mixed.write_bytes(sam.public_key.read_bytes() + (home / "secret.asc").read_bytes())
    return [home / "secret.asc", home / "secret.gpg", mixed]


def test_a_secret_key_in_place_of_a_public_one_makes_nobody_trusted(
    sam: Signer, image: Path, account: Account
) -> None:
    sam.sign(image)
    for path in secret_files(sam):
        for status, command in (
            (1, ("trust", "add", path, "--yes")),
            (1, ("key", "import", path, "--store", "apptainer")),
            (1, ("key", "import", path, "--store", "gnupg")),
            (2, ("verify", image, "--key", path)),
        ):
            result = account.run(*command)
            assert (result.status, result.out) == (status, ""), command
            assert "SECRET" in result.err or "2 keys" in result.err
    assert trusted(account) == {}
    assert account.ok("key", "list", "--json").json["keys"] == []
    assert account.verify(image).status == 5


@pytest.mark.parametrize("place", ["apptainer", "gnupg", "keys folder"])
def test_a_secret_key_that_lies_about_makes_nobody_trusted(
    sam: Signer, image: Path, account: Account, place: str
) -> None:
    sam.sign(image, "--no-manifest")
    secret = sam.account.home / "secret.asc"
    if place == "keys folder":
        (keys := image.parent / "keys").mkdir()
        shutil.copy(secret, keys)
    else:
        account.ok("key", "import", "--secret", "--store", place, secret)
    result = account.verify(image)
    assert (result.status, result.image["verdict"]) == (5, "untrusted")
    (signature,) = result.image["signatures"]
    assert (signature["finding"], signature["trusted"]) == ("good", False)
    assert account.verify(image, "--signer", sam.fingerprint).status == 0


def _import(store: str) -> Callable[[Account, Path, Path], None]:
    def put(account: Account, _: Path, certificate: Path) -> None:
        account.ok("key", "import", "--store", store, certificate)

    return put


def _trust(account: Account, _: Path, certificate: Path) -> None:
    account.ok("trust", "add", certificate, "--yes")


def _lay_beside(_: Account, image: Path, certificate: Path) -> None:
    (keys := image.parent / "keys").mkdir(exist_ok=True)
    shutil.copy(certificate, keys / f"{len(list(keys.iterdir()))}.asc")


PLACES = {
    "Apptainer's ring": _import("apptainer"),
    "GnuPG": _import("gnupg"),
    "trust store": _trust,
    "keys folder": _lay_beside,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_copy_without_its_revocation_hides_nothing(
    rita: Signer, image: Path, account: Account, place: str
) -> None:
    rita.sign(image)
    believed = (("--signer", rita.fingerprint), ("--key", rita.public_key))
    for put in PLACES.values():
        put(account, image, rita.public_key)
    assert account.verify(image, *believed[0]).status == 0
    PLACES[place](account, image, rita.account.home / "revoked.asc")
    for trust in (*believed, ()):
        result = account.verify(image, *trust)
        assert (result.status, result.image["verdict"]) == (1, "failed")
        assert "key-revoked" in result.codes
        assert "no reason given" in result.out


def test_a_signer_who_was_removed_can_come_back(account: Account, ada: Signer) -> None:
    for _ in range(2):
        account.ok("trust", "add", ada.fingerprint, "--yes")
        account.ok("trust", "remove", ada.fingerprint)
    account.ok("trust", "add", ada.fingerprint, "--yes")
    (entry,) = account.ok("trust", "list", "--json").json["signers"]
    assert entry["fingerprint"] == ada.fingerprint
