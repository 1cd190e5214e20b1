"""First-use memory: who signed images of a name before, and how new the newest was."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.versions import Versions

REMEMBERED = Path(".config", "repro-sign", "remembered")


@pytest.fixture
def reader(account: Account, grace: Signer) -> Account:
    """Give an account that believes Grace."""
    account.ok("trust", "add", grace.public_key, "--yes")
    return account


@pytest.fixture(scope="module")
def piet(need: Need) -> Iterator[Signer]:
    """Give an author who has a PEM key: his signatures have no date, his manifests do."""
    with Account.new() as one:
        arguments = ("keygen", "--store", "pem", "--no-passphrase", "--out", one.home, "--json")
        made = one.ok(*arguments).json
        yield Signer(one, made["fingerprint"], Path(made["public_key"]), "")


def remember(account: Account, *arguments: str | Path) -> Result:
    return account.verify("--remember", "--engine", "native", *arguments)


def pins(account: Account) -> dict[str, list[str]]:
    rows = account.ok("trust", "pins", "--json").json["images"]
    return {one["name"]: one["signers"] for one in rows}


def test_at_first_sight_the_signer_is_pinned_and_nobody_trusted(
    author: Signer, image: Path, account: Account
) -> None:
    author.sign(image)
    first = account.run("verify", image, "--remember")
    assert first.status == 5
    assert "from now on: climate.sif is signed by" in first.out
    assert "nobody became trusted by that" in first.out
    again = remember(account, image)
    assert again.status == 5
    assert again.image["memory"] == {
        "signers": [author.fingerprint],
        "new": False,
        "problem": None,
    }
    assert pins(account) == {"climate.sif": [author.fingerprint]}
    assert account.ok("trust", "list", "--json").json["signers"] == []
    assert remember(account, image, "--signer", author.fingerprint).status == 0


def test_without_being_asked_nothing_is_read_or_written(
    grace: Signer, mallory: Signer, versions: Versions, reader: Account
) -> None:
    grace.sign(versions.old)
    mallory.sign(versions.new)
    before = sorted(reader.home.rglob("*"))
    assert reader.verify(versions.old).image["memory"] is None
    assert sorted(reader.home.rglob("*")) == before
    assert remember(reader, versions.old).status == 0
    assert reader.verify(versions.new).status == 5


def test_of_several_signers_the_trusted_are_pinned(
    grace: Signer, mallory: Signer, image: Path, reader: Account
) -> None:
    grace.sign(image)
    mallory.sign(image)
    assert remember(reader, image).status == 0
    assert pins(reader) == {"climate.sif": [grace.fingerprint]}


def test_a_stranger_in_the_place_of_the_signer_fails(
    grace: Signer, mallory: Signer, versions: Versions, reader: Account
) -> None:
    grace.sign(versions.old)
    mallory.sign(versions.new)
    assert remember(reader, versions.old).status == 0
    result = remember(reader, versions.new)
    assert (result.status, result.image["verdict"]) == (1, "failed")
    assert result.codes >= {"signer-changed"}
    assert pins(reader) == {"climate.sif": [grace.fingerprint]}
    assert remember(reader, versions.old).status == 0


def test_a_signer_of_the_trust_store_who_is_not_the_pinned_one_fails_until_named(
    grace: Signer, mallory: Signer, versions: Versions, reader: Account
) -> None:
    grace.sign(versions.old)
    mallory.sign(versions.new)
    remember(reader, versions.old)
    reader.ok("trust", "add", mallory.public_key, "--yes")
    failed = reader.run("verify", versions.new, "--remember")
    assert failed.status == 1
    assert "trust forget" in failed.out
    named = remember(reader, versions.new, "--signer", mallory.fingerprint)
    assert (named.status, named.image["verdict"]) == (0, "verified")
    assert "signer-changed" in {one["code"] for one in named.image["notes"]}
    assert pins(reader) == {"climate.sif": [grace.fingerprint]}
    assert remember(reader, versions.new).status == 1


def test_naming_somebody_else_does_not_excuse_a_stranger(
    grace: Signer, mallory: Signer, versions: Versions, account: Account
) -> None:
    grace.sign(versions.old)
    mallory.sign(versions.new)
    remember(account, versions.old)
    result = remember(account, versions.new, "--signer", grace.fingerprint)
    assert result.status == 1
    assert "signer-changed" in result.codes


def test_what_is_forgotten_is_seen_for_the_first_time_again(
    grace: Signer, mallory: Signer, versions: Versions, account: Account
) -> None:
    grace.sign(versions.old)
    mallory.sign(versions.new)
    remember(account, versions.old)
    assert remember(account, versions.new).status == 1
    assert account.ok("trust", "forget", "climate.sif").out == ""
    assert pins(account) == {}
    result = remember(account, versions.new)
    assert (result.status, result.image["memory"]["new"]) == (5, True)
    assert pins(account) == {"climate.sif": [mallory.fingerprint]}
    account.ok("trust", "forget", "climate.sif")
    again = account.run("trust", "forget", "climate.sif")
    assert (again.status, again.out) == (1, "")


@pytest.mark.parametrize("left", ["manifest", "no manifest"])
def test_an_older_image_by_the_same_signer_is_a_rollback(
    grace: Signer, versions: Versions, reader: Account, left: str
) -> None:
    versions.by(grace)
    assert remember(reader, versions.old).status == 0
    assert remember(reader, versions.new).status == 0
    if left == "no manifest":
        for image in (versions.old, versions.new):
            image.with_name("climate.sif.manifest.asc").unlink()
    result = remember(reader, versions.old, "--signer", grace.fingerprint)
    assert (result.status, result.image["verdict"]) == (1, "failed")
    assert result.codes >= {"rollback"}
    assert reader.verify(versions.old).status == 0
    assert remember(reader, versions.new).status == 0
    reader.ok("trust", "forget", "climate.sif")
    assert remember(reader, versions.old).status == 0


@pytest.mark.parametrize("left", ["manifest", "no manifest"])
def test_an_older_image_whose_signatures_have_no_date_is_a_rollback(
    piet: Signer, versions: Versions, account: Account, left: str
) -> None:
    versions.by(piet, "--key", str(next((piet.account.home).rglob("*.pem"))))
    assert remember(account, versions.new, "--key", piet.public_key).status == 0
    manifests = [one.with_name("climate.sif.sigstore.json") for one in (versions.old, versions.new)]
    if left == "no manifest":
        for one in manifests:
            one.unlink()
    assert remember(account, versions.new, "--key", piet.public_key).status == 0
    result = remember(account, versions.old, "--key", piet.public_key)
    assert result.status == 1
    assert result.codes >= {"rollback"}


def test_an_image_that_gains_signatures_is_no_rollback(
    grace: Signer, mallory: Signer, image: Path, reader: Account
) -> None:
    grace.sign(image)
    assert remember(reader, image).status == 0
    mallory.sign(image)
    grace.sign(image, "--manifest-only", "--again")
    for _ in range(2):
        assert remember(reader, image).status == 0


def test_an_unsigned_image_of_a_name_that_was_signed_is_unsigned_and_said_to_be_missing_it(
    grace: Signer, image: Path, base_image: Path, reader: Account
) -> None:
    grace.sign(image)
    remember(reader, image)
    image.with_name("climate.sif.manifest.asc").unlink()
    shutil.copy(base_image, image)
    result = remember(reader, image)
    assert (result.status, result.image["verdict"]) == (4, "unsigned")
    assert "signature-missing" in result.codes
    assert pins(reader) == {"climate.sif": [grace.fingerprint]}


def test_nothing_is_remembered_of_an_image_that_failed_or_is_not_signed(
    grace: Signer, image: Path, account: Account
) -> None:
    assert remember(account, image).status == 4
    grace.sign(image)
    with image.open("r+b") as file:
        file.seek(600_000)
        file.write(b"changed")
    assert remember(account, image).status == 1
    assert remember(account, image.with_name("none.sif")).status == 3
    assert not (account.home / REMEMBERED).exists()


def test_a_folder_is_remembered_image_by_image(
    grace: Signer, mallory: Signer, image: Path, base_image: Path, reader: Account
) -> None:
    grace.sign(image, "--no-manifest")
    for number in range(40):
        os.link(image, image.with_name(f"{number}.sif"))
    assert remember(reader, image.parent).status == 0
    assert len(pins(reader)) == 41
    swapped = image.with_name("7.sif")
    swapped.unlink()
    shutil.copy(base_image, swapped)
    mallory.sign(swapped)
    result = remember(reader, image.parent)
    assert result.status == 1
    failed = [one["path"] for one in result.json["images"] if one["verdict"] != "verified"]
    assert failed == [str(swapped)]


def test_a_damaged_memory_is_no_answer_until_it_is_mended(
    grace: Signer, image: Path, reader: Account
) -> None:
    grace.sign(image)
    remember(reader, image)
    (file,) = (reader.home / REMEMBERED).iterdir()
    for damage in (
        b"",
        b"\xff",
        b'name = "climate.sif"\n',
        file.read_bytes() + b"\n[",
        b"x" * 99_999,
    ):
        file.write_bytes(damage)
        result = remember(reader, image)
        assert (result.status, result.image["verdict"]) == (3, "unknown")
        assert "memory-unreadable" in result.codes
        assert "trust forget" in result.err
        assert file.read_bytes() == damage
        assert reader.verify(image).status == 0
        assert reader.run("trust", "pins").status == 3
    reader.ok("trust", "forget", "climate.sif")
    assert remember(reader, image).status == 0


def test_a_damaged_memory_does_not_hide_that_an_image_fails(
    grace: Signer, image: Path, reader: Account
) -> None:
    grace.sign(image)
    remember(reader, image)
    (file,) = (reader.home / REMEMBERED).iterdir()
    file.write_bytes(b"")
    with image.open("r+b") as opened:
        opened.seek(600_000)
        opened.write(b"changed")
    result = remember(reader, image)
    assert (result.status, result.image["verdict"]) == (1, "failed")


def test_a_memory_of_another_name_is_not_taken_for_this_one(
    grace: Signer, image: Path, reader: Account
) -> None:
    grace.sign(image)
    remember(reader, image)
    other = image.rename(image.with_name("other.sif"))
    image.with_name("climate.sif.manifest.asc").unlink()
    remember(reader, other)
    one, another = sorted((reader.home / REMEMBERED).iterdir())
    shutil.copy(one, another)
    assert remember(reader, other).status == 3


def test_where_nothing_can_be_written_the_verdict_comes_out_and_the_status_tells(
    grace: Signer, image: Path, account: Account
) -> None:
    grace.sign(image)
    (account.home / ".config").mkdir()
    (account.home / ".config" / "repro-sign").write_text("in the way")
    result = remember(account, image, "--signer", grace.fingerprint)
    assert (result.status, result.image["verdict"]) == (3, "verified")
    assert result.image["memory"]["problem"]
    assert "repro-sign: error: " in result.err
    image.write_bytes(image.read_bytes()[:-5000])
    assert remember(account, image, "--signer", grace.fingerprint).status == 1


def test_a_hostile_name_is_shown_escaped_and_can_be_forgotten_as_shown(
    grace: Signer, image: Path, account: Account
) -> None:
    hostile = image.rename(image.with_name("\x1b[31mred\\\udcff\u202efis.sif"))
    grace.sign(hostile, "--no-manifest")
    assert remember(account, hostile, "--key", grace.public_key).status == 0
    (name,) = pins(account)
    assert name == r"\x1b[31mred\\\udcff\u202efis.sif"
    assert "\x1b" not in account.ok("trust", "pins").out
    account.ok("trust", "forget", name)
    assert pins(account) == {}
    assert account.run("trust", "forget", "folder/climate.sif").status == 2


def test_a_policy_that_asks_to_remember_is_heeded(
    grace: Signer, mallory: Signer, versions: Versions, account: Account
) -> None:
    grace.sign(versions.old)
    mallory.sign(versions.new)
    policy = account.home / "policy.toml"
    policy.write_text(
        f'[[signer]]\nname = "Grace"\nfingerprint = "{grace.fingerprint}"\n'
        '[[rule]]\nname = "all"\nrequire = "1 of Grace"\nremember = true\n'
    )
    result = account.verify(versions.old, "--policy", policy)
    assert result.status == 0, result.err
    assert pins(account) == {"climate.sif": [grace.fingerprint]}
    assert "signer-changed" in account.verify(versions.new, "--policy", policy).codes


def test_newer_than_takes_days_and_times_and_nothing_else(
    grace: Signer, image: Path, account: Account
) -> None:
    grace.sign(image)
    verify = ("verify", image, "--signer", grace.fingerprint, "--engine", "native")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    for limit in ("2020-01-31", today, "2020-01-31T10:00:00Z", "2020-01-31T10:00:00+02:00"):
        assert account.run(*verify, "--newer-than", limit).status == 0, limit
    for limit in ("2199-01-31", "2199-01-31T10:00:00-05:00"):
        result = account.verify(*verify[1:], "--newer-than", limit)
        assert (result.status, result.image["verdict"]) == (1, "failed")
        assert "too-old" in result.codes
    for limit in ("2020-1-31", "2020-02-30", "2020-01-31T10:00:00", "20200131", "yesterday", ""):
        result = account.run(*verify, "--newer-than", limit)
        assert (result.status, result.out) == (2, ""), limit


def test_more_names_than_there_is_room_for_are_not_remembered_and_none_is_dropped(
    grace: Signer, image: Path, reader: Account
) -> None:
    grace.sign(image)
    assert remember(reader, image).status == 0
    folder = reader.home / REMEMBERED
    for number in range(9_999):
        (folder / f"{number}.toml").touch()
    assert remember(reader, image).status == 0
    other = image.rename(image.with_name("other.sif"))
    result = remember(reader, other, "--key", grace.public_key)
    assert (result.status, result.image["verdict"]) == (3, "verified")
    assert "no room" in result.image["memory"]["problem"]
    assert len(list(folder.iterdir())) == 10_000
