"""Double-blind review: a key without a name, a manifest that gives nobody away, and the reveal."""

import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repro_sign.statements.reveal import REVEAL_TYPE
from tests.account import Account, Result, Signer
from tests.agents import gpg
from tests.repositories import Checkout

STORES = ("apptainer", "gnupg", "pem")


@pytest.fixture
def author() -> Iterator[Account]:
    """Give the author's account, with a key in her name and git set up."""
    with Account.new() as one:
        (one.home / ".gitconfig").write_text(
            "[user]\nname = Ada Lovelace-Byron\nemail = ada@uni.example\n"
        )
        yield one


@pytest.fixture
def named(author: Account) -> Signer:
    return author.make_signer("Ada Lovelace-Byron", "ada@uni.example", "gnupg")


def nameless(author: Account, store: str) -> str:
    """Make a key without a name; return what `--key` calls it."""
    made = author.ok(
        *("keygen", "--anonymous", "--store", store, "--no-passphrase", "--json"),
        *("--out", author.home),
    ).json
    return str(made.get("secret_key") or made["fingerprint"])


def fingerprint_of(author: Account, key: str) -> str:
    return Path(key).stem if key.endswith(".pem") else key


def sign(author: Account, image: Path, key: str, *options: str | Path) -> Result:
    return author.run("sign", "--anonymous", image, "--key", key, "--yes", *options)


def reveal(author: Account, image: Path, named: Signer, review: str) -> Result:
    keys = ("--key", named.fingerprint, "--review-key", review)
    return author.run("reveal", image, *keys, "--yes", "--json")


def clear_text(path: Path) -> str:
    """Return what a clear-signed file signs."""
    return path.read_text().split("\n\n", 1)[1].split("-----BEGIN PGP SIGNATURE")[0]


def verify(reader: Account, image: Path, *options: str | Path) -> Result:
    return reader.run("verify", image, "--json", *options)


@pytest.fixture
def review(author: Account, named: Signer, image: Path) -> str:
    """Give the nameless key that signed the image."""
    key = nameless(author, "gnupg")
    assert sign(author, image, key).status == 0
    return key


@pytest.fixture
def revealed(author: Account, named: Signer, image: Path, review: str) -> dict[str, Any]:
    done = reveal(author, image, named, review)
    assert done.status == 0, done.err
    document: dict[str, Any] = done.json
    return document


@pytest.mark.parametrize("store", STORES)
def test_a_key_without_a_name_bears_none(author: Account, named: Signer, store: str) -> None:
    key = nameless(author, store)
    listed = author.ok("key", "list", "--json").json["keys"]
    (one,) = [one for one in listed if one["fingerprint"] != named.fingerprint]
    assert one["user_id"] == (None if store == "pem" else "Anonymous (review)")
    for path in author.home.glob("*.asc"):
        if named.fingerprint not in path.name:
            packets = author.program("gpg", "--list-packets", path).out
            assert "uid" not in packets or "Anonymous (review)" in packets
            assert not re.search(r"\b(ada|lovelace|byron)\b", packets, re.IGNORECASE)
    assert key


def test_a_name_for_a_key_without_one_is_a_mistake(author: Account) -> None:
    refused = author.run("keygen", "--anonymous", "--name", "Ada", "--no-passphrase")
    assert (refused.status, "--anonymous excludes" in refused.err) == (2, True)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("names", ["gnupg", "pem"])
def test_a_revealed_author_is_verified_by_her_own_key(
    author: Account, image: Path, account: Account, store: str, names: str
) -> None:
    named = author.make_signer("Ada Lovelace-Byron", "ada@uni.example", names)
    key = nameless(author, store)
    assert sign(author, image, key).status == 0
    assert verify(account, image, "--signer", named.fingerprint).status == 5
    real = named.fingerprint
    if names == "pem":
        real = str(next((author.home / ".config").rglob(f"{named.public_key.stem}*.pem")))
    done = author.run("reveal", image, "--key", real, "--review-key", key, "--yes", "--json")
    assert done.status == 0, done.err
    result = verify(account, image, "--signer", named.fingerprint)
    assert (result.status, result.image["verdict"]) == (0, "verified"), result.out
    assert "revealed" in result.codes
    (signature,) = result.image["signatures"]
    assert signature["trusted"]
    assert signature["fingerprint"] == done.json["review"]
    assert "revealed this key as theirs" in signature["trusted_by"]
    assert result.image["manifest"]["trusted"]


def test_the_report_names_the_author(
    image: Path, account: Account, named: Signer, revealed: dict[str, Any]
) -> None:
    out = account.run("verify", image, "--signer", named.fingerprint).out
    assert "revealed     Ada Lovelace-Byron <ada@uni.example> signed for review with the key" in out
    page = image.with_name("report.html")
    account.ok("verify", image, "--signer", named.fingerprint, "--report", page)
    assert "Ada Lovelace-Byron" in page.read_text()
    (one, other) = verify(account, image, "--signer", named.fingerprint).image["reveals"]
    assert {one["fingerprint"], other["fingerprint"]} == {revealed["author"], revealed["review"]}
    assert one["author"] == other["author"] == named.fingerprint


@pytest.mark.parametrize("half", ["author", "review"])
def test_one_half_of_a_reveal_is_none(
    image: Path, account: Account, named: Signer, revealed: dict[str, Any], half: str
) -> None:
    number = ("author", "review").index(half)
    Path(revealed["files"][number]).unlink()
    result = verify(account, image, "--signer", named.fingerprint)
    assert (result.status, "revealed" in result.codes) == (5, False)
    assert "reveal-not-used" in result.codes


def test_nobody_takes_the_work_of_a_nameless_key(
    image: Path, account: Account, revealed: dict[str, Any], named: Signer
) -> None:
    """A stranger signs the author's half with a name of their own in it, and keeps the consent."""
    document = json.loads(clear_text(Path(revealed["files"][0])))
    assert document["predicateType"] == REVEAL_TYPE
    with Account.new() as elsewhere:
        stranger = elsewhere.make_signer("Mallory", "mallory@evil.example", "gnupg")
        lines = stranger.public_key.read_text().rstrip("\n").split("\n")
        document["predicate"]["author"] = stranger.fingerprint
        signer = document["predicate"]["signer"]
        assert [name for name, value in signer.items() if isinstance(value, list)]
        signer |= {name: lines for name, value in signer.items() if isinstance(value, list)}
        signer["fingerprint"] = stranger.fingerprint
        given = json.dumps(document, indent=2).encode()
        forged = gpg(elsewhere, elsewhere.home / ".gnupg", "--clearsign", stdin=given)
    name = f"{image.name}.{stranger.fingerprint[-16:]}.reveal.asc"
    image.with_name(name).write_bytes(forged)
    result = verify(account, image, "--signer", stranger.fingerprint)
    assert (result.status, "reveal-not-used" in result.codes) == (5, True)
    (half,) = [one for one in result.image["reveals"] if one["name"] == name]
    assert half["finding"] == "good"  # well signed, and yet no consent names this key
    assert verify(account, image, "--signer", named.fingerprint).status == 0


def test_a_reveal_is_for_its_image_only(
    author: Account,
    image: Path,
    base_image: Path,
    account: Account,
    named: Signer,
    review: str,
    revealed: dict[str, Any],
) -> None:
    other = image.with_name("other.sif")
    built = author.home / "other"
    built.mkdir()
    shutil.copy(base_image, other)
    data = built / "more.txt"
    data.write_text("another image\n")
    author.program(
        *("siftool", "add", other, data, "--datatype", "7", "--groupid", "1", "--filename", "more")
    )
    assert sign(author, other, review).status == 0
    for path in map(Path, revealed["files"]):
        shutil.copy(path, path.with_name(path.name.replace(image.name, other.name)))
    result = verify(account, other, "--signer", named.fingerprint)
    assert (result.status, "reveal-not-used" in result.codes) == (5, True)


def test_a_statement_of_another_kind_is_no_reveal(
    image: Path, account: Account, named: Signer, revealed: dict[str, Any]
) -> None:
    manifest = image.with_name(f"{image.name}.manifest.asc")
    shutil.copy(manifest, revealed["files"][1])
    result = verify(account, image, "--signer", named.fingerprint)
    assert (result.status, "reveal-not-used" in result.codes) == (5, True)


def test_a_nameless_key_and_its_owner_are_one_person(
    author: Account, image: Path, account: Account, named: Signer, revealed: dict[str, Any]
) -> None:
    author.ok("sign", image, "--key", named.fingerprint)
    both = ("--signer", named.fingerprint, "--signer", revealed["review"])
    result = verify(account, image, *both, "--require", "2")
    assert (result.status, result.image["reasons"][0]["code"]) == (5, "too-few-signers")
    assert verify(account, image, *both).status == 0


def test_a_nameless_key_that_was_revoked_is_not_followed(
    author: Account, image: Path, account: Account, named: Signer, revealed: dict[str, Any]
) -> None:
    review = revealed["review"]
    author.ok("key", "revoke", review, "--reason", "compromised", "--yes", "--out", image.parent)
    keys = image.with_name("keys")
    keys.mkdir()
    shutil.copy(next(image.parent.glob(f"{review}*.asc")), keys)
    result = verify(account, image, "--signer", named.fingerprint)
    assert (result.status, result.image["verdict"]) == (1, "failed")


def test_revealing_again_writes_the_same_files(
    author: Account, image: Path, account: Account, named: Signer, review: str
) -> None:
    first = reveal(author, image, named, review).json["files"]
    assert reveal(author, image, named, review).json["files"] == first
    assert len(list(image.parent.glob("*.reveal.*"))) == 2
    assert verify(account, image, "--signer", named.fingerprint).status == 0


def test_only_who_signed_for_review_can_be_revealed(
    author: Account, image: Path, named: Signer, review: str
) -> None:
    other = nameless(author, "gnupg")
    refused = reveal(author, image, named, other)
    assert (refused.status, list(image.parent.glob("*.reveal.*"))) == (1, [])
    same = author.run("reveal", image, "--key", review, "--review-key", review, "--yes")
    assert same.status == 2
    asked = author.run("reveal", image, "--key", named.fingerprint, "--review-key", review)
    assert (asked.status, "say --yes" in asked.err) == (2, True)


@pytest.fixture
def private(author: Account, named: Signer, image: Path) -> Path:
    """Give an image in the author's repository, whose address names her group."""
    checkout = Checkout.new(author.home / "lovelace-lab")
    checkout.git("remote", "add", "origin", "https://git.uni.example/lovelace-lab/climate.git")
    checkout.commit("requirements.txt", "lovelace-private>=1\n")
    return Path(shutil.copy(image, checkout.top / "climate.sif"))


def test_an_anonymous_manifest_tells_nothing_of_its_author(
    author: Account, private: Path, named: Signer
) -> None:
    key = nameless(author, "gnupg")
    done = sign(author, private, key, "--command", "python run.py", "--seed", "42")
    assert done.status == 0, done.err
    manifest = private.with_name("climate.sif.manifest.asc")
    document = json.loads(clear_text(manifest))
    key = document["predicate"]["signer"].pop("public_key")
    text = json.dumps(document)  # without what is random: a short name may be in that by chance
    for given in (
        *("lovelace", "uni.example", "Ada L", "requirements.txt", named.fingerprint),
        *(Checkout(private.parent).head, "v1.0", "swh:1", platform.node(), str(author.home)),
    ):
        assert given.lower() not in text.lower(), given
    packets = author.program("gpg", "--list-packets", stdin="\n".join(key).encode()).out
    packets += author.program("gpg", "--list-packets", manifest).out
    assert "Anonymous (review)" in packets
    assert not re.search("lovelace|uni.example", packets, re.IGNORECASE)
    assert "run.py" in text
    assert "left out of the manifest: source: " in done.err
    assert "left out of the manifest: dependencies: " in done.err
    assert "commit" in done.err


def test_what_in_the_image_gives_her_away_is_said_and_refused(
    author: Account, private: Path
) -> None:
    key = nameless(author, "gnupg")
    labels = private.with_name("about")
    labels.write_text(
        json.dumps({"maintainer": "Ada Lovelace-Byron", "url": "https://uni.example/lab"})
    )
    author.program("siftool", "add", private, labels, "--datatype", "3", "--groupid", "1")
    before = private.read_bytes()
    refused = author.run("sign", "--anonymous", private, "--key", key)
    assert (refused.status, private.read_bytes() == before) == (1, True)
    assert not private.with_name("climate.sif.manifest.asc").exists()
    for said in ("https://uni.example/lab", "maintainer", "a name of yours: Lovelace"):
        assert said in refused.err
    dry = author.run("sign", "--anonymous", private, "--key", key, "--dry-run", "--json")
    assert (dry.status, "https://uni.example/lab" in dry.err) == (0, True)
    assert "lovelace" not in json.dumps(dry.json["images"][0]["provenance"]).lower()
    assert sign(author, private, key).status == 0


def test_a_key_with_a_name_signs_nothing_anonymously(
    author: Account, image: Path, named: Signer
) -> None:
    refused = sign(author, image, named.fingerprint)
    assert (refused.status, "keygen --anonymous" in refused.err) == (1, True)


def test_an_older_manifest_that_tells_more_is_not_kept(author: Account, private: Path) -> None:
    key = nameless(author, "gnupg")
    author.ok("sign", private, "--key", key)
    refused = sign(author, private, key)
    assert (refused.status, "tells more" in refused.err) == (1, True)
    assert sign(author, private, key, "--again").status == 0
    assert "lovelace" not in private.with_name("climate.sif.manifest.asc").read_text()


@pytest.mark.parametrize("option", ["--source", "--sbom"])
def test_what_is_left_out_can_not_be_asked_for(author: Account, private: Path, option: str) -> None:
    bill = private.with_name("bill.json")
    bill.write_text('{"bomFormat": "CycloneDX"}')
    value = bill if option == "--sbom" else private.parent
    refused = author.run("sign", "--anonymous", private, option, value)
    assert (refused.status, "leads to the author" in refused.err) == (2, True)
    assert os.listdir(private.parent)


def test_a_reveal_leads_to_its_image_and_is_cited_by_its_author(
    author: Account, image: Path, named: Signer, revealed: dict[str, Any]
) -> None:
    by = ("--signer", named.fingerprint)
    assert author.ok("verify", revealed["files"][0], *by, "--json").image["path"] == str(image)
    text = author.ok("cite", image, *by).out
    assert "signed by Ada Lovelace-Byron <ada@uni.example>" in text
    assert f"--signer {named.fingerprint}" in text
    assert "Anonymous" not in text


def test_a_deposit_holds_the_reveal(
    author: Account, image: Path, account: Account, named: Signer, revealed: dict[str, Any]
) -> None:
    folder = image.with_name("deposit")
    author.ok("deposit", image, folder, "--signer", named.fingerprint)
    result = verify(account, folder, "--signer", named.fingerprint)
    assert (result.status, "revealed" in result.codes) == (0, True)
    assert (folder / "keys" / f"{named.fingerprint}.asc").exists()
