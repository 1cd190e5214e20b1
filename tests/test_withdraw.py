"""`withdraw` and `supersede`: notices by keys of every kind, checked by other programs too."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.forge import judged
from tests.notices import WORDS, rebuilt, verify, withdraw


@pytest.fixture
def newer(image: Path) -> Path:
    """Give a second image, of another build, beside the first."""
    return rebuilt(image, image.with_name("climate-2.sif"))


def pem_key(account: Account) -> tuple[Path, Path]:
    made = account.ok(
        *("keygen", "--store", "pem", "--no-passphrase", "--out", account.home, "--json")
    ).json
    return Path(made["secret_key"]), Path(made["public_key"])


def test_a_withdrawn_image_fails_with_the_authors_words(
    author: Signer, image: Path, account: Account
) -> None:
    author.sign(image)
    assert verify(account, image, author).status == 0
    notice = withdraw(author, image, reason=f"{WORDS}\n\nUse climate-2.sif.")
    assert notice.name == f"climate.sif.{author.fingerprint[-16:]}.withdrawn.asc"
    result = verify(account, image, author)
    judged(result, "failed", "withdrawn")
    (shown,) = result.image["notices"]
    assert (shown["in_force"], shown["finding"]) == (True, "good")
    assert shown["words"] == [WORDS, "", "Use climate-2.sif."]
    text = account.run("verify", image, "--signer", author.fingerprint).out
    assert f"WITHDRAWN    by {author.user_id} on " in text
    assert f"\n                 {WORDS}\n" in text
    assert WORDS in account.run("verify", "-q", image, "--signer", author.fingerprint).out
    assert verify(account, notice, author).image["path"] == str(image)


def test_gpg_accepts_the_notice_and_shows_the_words(author: Signer, image: Path) -> None:
    author.sign(image)
    notice = withdraw(author, image)
    with Account.new() as reader:
        reader.program("gpg", "--import", author.public_key)
        assert "Good signature" in reader.program("gpg", "--verify", notice).err
        assert WORDS in reader.program("gpg", "--decrypt", notice).out


def test_a_pem_key_withdraws_too_and_its_notice_is_taken_for_no_manifest(
    account: Account, image: Path
) -> None:
    private, public = pem_key(account)
    account.ok("sign", image, "--key", private)
    assert account.verify(image, "--key", public, "--engine", "native").status == 0
    options = ("--reason", WORDS, "--yes", "--key", private)
    account.ok("withdraw", image, *options)
    (notice,) = image.parent.glob("*.withdrawn.sigstore.json")
    for path in (image, notice, image.parent):
        result = account.verify(path, "--key", public, "--engine", "native")
        judged(result, "failed", "withdrawn")
        assert [one["name"] for one in result.image["manifests"]] == ["climate.sif.sigstore.json"]
        assert result.image["notices"][0]["signed_at"] is not None
    assert len(account.ok("inspect", "--json", image).json["manifests"]) == 1
    account.ok("sign", image, "--key", private)  # finds its manifest, not the notice
    assert len(list(image.parent.iterdir())) == 3


@pytest.mark.heavy
def test_cosign_accepts_a_pem_keys_notice_and_refuses_another_image(
    account: Account, image: Path, need: Need
) -> None:
    need("cosign")
    private, public = pem_key(account)
    account.ok("sign", image, "--key", private)
    account.ok("withdraw", image, "--reason", WORDS, "--yes", "--key", private)
    (notice,) = image.parent.glob("*.withdrawn.sigstore.json")
    ask = (
        *("cosign", "verify-blob-attestation", "--key", public, "--insecure-ignore-tlog"),
        *("--bundle", notice, "--type", "urn:repro-sign:notice:v1", image),
    )
    account.program(*ask)
    image.write_bytes(image.read_bytes() + b"\0")
    assert account.program(*ask, check=False).status != 0


def test_a_notice_holds_when_others_sign_the_image_later_and_when_it_is_renamed(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    folder = image.parent / "notices"
    folder.mkdir()
    withdraw(ada, image, "--out", folder)
    grace.sign(image)
    image = image.rename(image.with_name("copy.sif"))
    account.ok("key", "import", ada.public_key)
    assert verify(account, image, ada).status == 0
    judged(verify(account, image, ada, "--notices", folder), "failed", "withdrawn")


def test_who_signed_by_manifest_alone_can_withdraw(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    grace.sign(image, "--manifest-only")
    withdraw(grace, image)
    both = verify(account, image, grace, "--signer", ada.fingerprint)
    judged(both, "failed", "withdrawn")
    judged(verify(account, image, ada), "verified", "notice-without-force")


def test_who_has_not_signed_an_image_can_not_withdraw_it(
    ada: Signer, grace: Signer, image: Path
) -> None:
    ada.sign(image)
    result = grace.account.run("withdraw", image, "--reason", WORDS, "--yes")
    assert result.status == 1
    assert "no force" in result.err
    assert "repro-sign sign" in result.err
    assert not list(image.parent.glob("*.withdrawn.*"))


def test_an_image_that_was_changed_since_is_not_the_one_to_withdraw(
    ada: Signer, image: Path
) -> None:
    ada.sign(image)
    data = bytearray(image.read_bytes())
    data[600_000] ^= 1
    image.write_bytes(data)
    result = ada.account.run("withdraw", image, "--reason", WORDS, "--yes")
    assert (result.status, "does not hold" in result.err) == (1, True)
    assert not list(image.parent.glob("*.withdrawn.*"))


@pytest.mark.parametrize("reason", ["", " \n\t", "\n" * 3])
def test_an_empty_reason_is_refused(ada: Signer, image: Path, reason: str) -> None:
    ada.sign(image)
    result = ada.account.run("withdraw", image, "--reason", reason, "--yes")
    assert (result.status, result.out) == (2, "")
    assert "reason" in result.err


@pytest.mark.parametrize("reason", ["x" * 2001, "x\n" * 101], ids=["a long line", "many lines"])
def test_a_reason_too_long_to_be_shown_is_refused(ada: Signer, image: Path, reason: str) -> None:
    ada.sign(image)
    assert ada.account.run("withdraw", image, "--reason", reason, "--yes").status == 2
    assert not list(image.parent.glob("*.withdrawn.*"))


def test_nobody_is_withdrawn_without_being_asked(ada: Signer, image: Path) -> None:
    ada.sign(image)
    result = ada.account.run("withdraw", image, "--reason", WORDS)
    assert (result.status, "--yes" in result.err) == (2, True)
    for answer, status in (("n", 1), ("y", 0)):
        assert not list(image.parent.glob("*.withdrawn.*"))
        shown, ended = on_terminal(ada.account, answer, "withdraw", image, "--reason", WORDS)
        assert ended == status
        assert WORDS in shown
        assert "identity  sha256:" in shown
    assert list(image.parent.glob("*.withdrawn.*"))


def on_terminal(account: Account, answer: str, *arguments: str | Path) -> tuple[str, int]:
    """Run a command on a terminal of its own, on which this is typed; return what it says."""
    theirs, ours = os.openpty()
    os.write(theirs, f"{answer}\n".encode())
    try:
        done = subprocess.run(
            account.argv(*arguments),
            env=account.environment,
            stdin=ours,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    return done.stderr, done.returncode


def test_withdrawing_again_adds_nothing_and_other_words_lose_none(
    author: Signer, image: Path, account: Account
) -> None:
    author.sign(image)
    notice = withdraw(author, image)
    before = notice.read_bytes()
    withdraw(author, image)
    assert notice.read_bytes() == before
    assert withdraw(author, image, reason="And the years are wrong.") == notice
    assert notice.read_bytes().startswith(before)
    shown = verify(account, image, author).image["notices"]
    assert [one["words"] for one in shown] == [[WORDS], ["And the years are wrong."]]
    withdraw(author, image)
    assert len(verify(account, image, author).image["notices"]) == 2


def test_a_withdrawal_of_an_earlier_image_of_that_name_is_kept(
    ada: Signer, image: Path, newer: Path, account: Account
) -> None:
    account.ok("key", "import", ada.public_key)
    ada.sign(image, "--no-manifest")
    ada.sign(newer, "--no-manifest")
    notice = withdraw(ada, image)
    old = image.rename(image.with_name("old.sif"))
    newer.rename(image)
    judged(verify(account, image, ada), "verified")
    withdraw(ada, image, reason="This one too.")
    judged(verify(account, image, ada), "failed", "withdrawn")
    judged(verify(account, old, ada, "--notices", notice), "failed", "withdrawn")


def test_something_else_in_the_notices_place_is_not_overwritten(ada: Signer, image: Path) -> None:
    ada.sign(image)
    there = image.with_name(f"climate.sif.{ada.fingerprint[-16:]}.withdrawn.asc")
    there.write_text("a letter\n")
    result = ada.account.run("withdraw", image, "--reason", WORDS, "--yes")
    assert (result.status, there.read_text()) == (1, "a letter\n")
    assert "is no notice" in result.err


def test_a_superseded_image_stays_what_it_was_and_names_its_successor(
    author: Signer, image: Path, newer: Path, account: Account
) -> None:
    author.sign(image)
    author.sign(newer)
    report = author.account.ok("supersede", image, newer, "--reason", "More years.", "--json").json
    new = verify(account, newer, author, "--deep").image
    successor = {
        "name": "climate-2.sif",
        "identity": new["identity"],
        "sha256": new["digest"]["sha256"],
    }
    assert report["successor"] == successor
    result = verify(account, image, author)
    judged(result, "verified", "superseded")
    (shown,) = result.image["notices"]
    assert (shown["in_force"], shown["words"]) == (True, ["More years."])
    assert shown["successor"] == successor
    assert new["notices"] == []
    text = account.run("verify", image, "--signer", author.fingerprint).out
    assert f"superseded   by climate-2.sif, says {author.user_id} on " in text
    assert f"--expect sha256:{successor['sha256']}" in text
    assert not author.account.ok(
        "supersede", image, newer, "--reason", "More years.", "--json"
    ).json["written"]


def test_a_withdrawal_is_final(ada: Signer, image: Path, newer: Path, account: Account) -> None:
    ada.sign(image)
    ada.sign(newer)
    withdraw(ada, image)
    ada.account.ok("supersede", image, newer)
    judged(verify(account, image, ada), "failed", "withdrawn", "superseded")
    ada.sign(image, "--again")
    judged(verify(account, image, ada), "failed", "withdrawn")


def test_a_successor_has_to_be_a_sound_image_by_the_same_key(
    ada: Signer, grace: Signer, image: Path, newer: Path
) -> None:
    ada.sign(image)
    same = Path(shutil.copy(image, image.with_name("same.sif")))
    grace.sign(same)
    grace.sign(newer)
    missing = image.with_name("missing.sif")
    refused = {same: "one image", newer: "is not signed by", missing: "No such file"}
    for successor, words in refused.items():
        result = ada.account.run("supersede", image, successor)
        assert (result.status, result.out) == (3 if successor == missing else 1, "")
        assert words in result.err
    ada.sign(newer)
    withdraw(ada, newer)
    result = ada.account.run("supersede", image, newer)
    assert (result.status, "withdrawn" in result.err) == (1, True)
    assert not list(image.parent.glob("*.superseded.*"))
