"""`repro-sign deposit`: one folder that checks itself, and that nobody changes unseen."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rocrate.rocrate import ROCrate

from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.repositories import Checkout


@pytest.fixture
def checkout(need: Need, tmp_path: Path) -> Checkout:
    """Give the author's repository; the results in it are ignored."""
    need("git")
    one = Checkout.new(tmp_path / "climate")
    one.commit("requirements.txt", "numpy==2.1.0\n")
    one.commit(".gitignore", "results/\n*.sif*\n")
    one.git("tag", "--force", "--annotate", "--message", "as published", "v1.0")
    (one.top / "results").mkdir()
    (one.top / "results" / "warming.txt").write_text("1.5\n")
    return one


@pytest.fixture
def signed(ada: Signer, image: Path, checkout: Checkout) -> Path:
    """Give an image in the repository, signed with its source, a result and a data file."""
    place = Path(shutil.copy(image, checkout.top / "climate.sif"))
    data = checkout.top / "data.sif.csv"
    data.write_text("year,warming\n")
    claimed = checkout.top / "results" / "warming.txt"
    ada.sign(place, "--output", claimed, "--with", data)
    return place


def deposit(ada: Signer, image: Path, folder: Path, *options: str | Path) -> Result:
    return ada.account.run("deposit", image, folder, *options)


@pytest.fixture
def deposited(ada: Signer, signed: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "deposit"
    done = deposit(ada, signed, folder, "--outputs", signed.parent / "results")
    assert done.status == 0, done.err
    return folder


def verify(reader: Account, folder: Path, ada: Signer, *options: str) -> Result:
    return reader.run("verify", folder, "--signer", ada.fingerprint, "--json", *options)


def notes(result: Result) -> str:
    return " ".join(one["message"] for one in result.image["notes"])


def test_a_deposit_holds_what_a_reader_needs_and_is_verified_whole(
    ada: Signer, signed: Path, deposited: Path, checkout: Checkout, account: Account
) -> None:
    found = {one.relative_to(deposited).as_posix() for one in deposited.rglob("*") if one.is_file()}
    assert found == {
        *("climate.sif", "climate.sif.manifest.asc", f"keys/{ada.fingerprint}.asc"),
        *("source.tar", "source.commit", "dependencies/requirements.txt", "data.sif.csv"),
        *("results/warming.txt", "README.md", "ro-crate-metadata.json"),
    }
    assert (deposited / "climate.sif").read_bytes() == signed.read_bytes()
    result = verify(account, deposited, ada)
    assert (result.status, result.image["verdict"]) == (0, "verified")
    said = notes(result)
    assert f"source.tar is commit {checkout.head}, which was signed, and nothing else" in said
    assert "1 list of dependencies is what was signed" in said
    assert "1 result file is what the author claims" in said
    assert "data.sif.csv is what was signed" in said
    assert "the manifest says nothing" not in said


def test_the_one_command_in_the_readme_is_the_one_that_works(
    ada: Signer, deposited: Path, account: Account
) -> None:
    text = (deposited / "README.md").read_text()
    (command,) = [line.strip() for line in text.splitlines() if "repro-sign verify" in line]
    argv = command.split()[1:]
    assert account.run(*argv, cwd=deposited).status == 0
    assert argv == ["verify", "climate.sif", "--signer", ada.fingerprint]


def test_the_source_is_checked_by_hand_as_the_readme_says(
    deposited: Path, checkout: Checkout
) -> None:
    text = (deposited / "README.md").read_text()
    lines = [one.strip() for one in text.splitlines() if "git " in one and one.startswith("    ")]
    script = "\n".join(("set -e", *lines[:1], "tar -xf source.tar", *lines[1:]))
    done = subprocess.run(
        ["sh", "-c", script], cwd=deposited, capture_output=True, text=True, check=True
    )
    commit, tree = done.stdout.split()
    assert commit == checkout.head
    assert tree == checkout.git("rev-parse", "HEAD^{tree}")
    assert tree in (deposited / "source.commit").read_text()


def test_the_crate_is_read_by_others(ada: Signer, deposited: Path) -> None:
    crate = ROCrate(deposited)
    names = {one.id for one in crate.root_dataset["hasPart"]}
    there = {one.relative_to(deposited).as_posix() for one in deposited.rglob("*") if one.is_file()}
    assert names == there - {"ro-crate-metadata.json"}
    digest = hashlib.sha256((deposited / "climate.sif").read_bytes()).hexdigest()
    assert crate.dereference("climate.sif")["sha256"] == digest


def changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("source.tar", "source-differs"),
        ("source.commit", "source-differs"),
        ("dependencies/requirements.txt", "source-differs"),
        ("results/warming.txt", "output-changed"),
        ("data.sif.csv", "manifest-differs"),
        ("climate.sif", "manifest-differs"),
    ],
)
def test_whatever_is_changed_in_a_deposit_fails(
    ada: Signer, deposited: Path, account: Account, name: str, code: str
) -> None:
    changed(deposited / name)
    result = verify(account, deposited, ada)
    assert (result.status, result.image["verdict"]) == (1, "failed")
    assert code in result.codes


def test_the_source_of_another_commit_fails(
    ada: Signer, deposited: Path, checkout: Checkout, account: Account, tmp_path: Path
) -> None:
    """Archive and commit agree with each other, and not with the manifest."""
    shutil.copytree(checkout.top, tmp_path / "other")
    other = Checkout(tmp_path / "other")
    other.commit("run.py", "print('something else')\n")
    image = other.top / "climate.sif"
    ada.sign(image, "--again", "--manifest-only")
    second = tmp_path / "second"
    assert deposit(ada, image, second, "--without", "results").status == 0
    for name in ("source.tar", "source.commit"):
        shutil.copy(second / name, deposited / name)
    result = verify(account, deposited, ada)
    assert (result.status, result.codes & {"source-differs"}) == (1, {"source-differs"})


@pytest.mark.parametrize("name", ["source.tar", "results", "dependencies", "data.sif.csv"])
def test_what_is_missing_is_said(ada: Signer, deposited: Path, account: Account, name: str) -> None:
    before = notes(verify(account, deposited, ada))
    place = deposited / name
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    result = verify(account, deposited, ada)
    assert result.status == 0  # the image is what it was
    assert notes(result) != before
    if name != "dependencies":
        assert "holds no" in notes(result) or "not here" in notes(result)


def test_one_of_the_results_missing_fails(ada: Signer, deposited: Path, account: Account) -> None:
    (deposited / "results" / "warming.txt").rename(deposited / "results" / "other.txt")
    result = verify(account, deposited, ada)
    assert (result.status, result.codes & {"output-missing"}) == (1, {"output-missing"})


def test_what_nobody_vouches_for_is_named(ada: Signer, deposited: Path, account: Account) -> None:
    (deposited / "notes\x1b[31m.txt").write_text("trust me")
    (deposited / "results" / "more.txt").write_text("2.5\n")
    result = verify(account, deposited, ada)
    assert result.status == 0
    assert "also holds notes" in notes(result)
    assert "results/more.txt" in notes(result)
    text = account.run("verify", deposited, "--signer", ada.fingerprint).out
    assert "\x1b" not in text


def test_a_folder_that_lies_about_itself_makes_nobody_trusted(
    ada: Signer, grace: Signer, deposited: Path, account: Account
) -> None:
    for name in ("README.md", "ro-crate-metadata.json"):
        path = deposited / name
        path.write_text(path.read_text().replace(ada.fingerprint, grace.fingerprint))
    assert verify(account, deposited, ada).status == 0
    assert verify(account, deposited, grace).status == 5
    assert account.run("verify", deposited).status == 5


def test_without_its_mark_a_folder_is_a_folder(
    ada: Signer, deposited: Path, account: Account
) -> None:
    """The mark is nobody's word: without it less is checked, and less is said."""
    crate = deposited / "ro-crate-metadata.json"
    document: Any = json.loads(crate.read_text())
    for one in document["@graph"]:
        one.pop("additionalType", None)
    crate.write_text(json.dumps(document))
    result = verify(account, deposited, ada)
    assert result.status == 0
    assert "source.tar" not in notes(result)


def test_only_a_verified_image_is_deposited(
    ada: Signer, signed: Path, account: Account, tmp_path: Path
) -> None:
    folder = tmp_path / "deposit"
    refused = account.run("deposit", signed, folder)
    assert (refused.status, folder.exists()) == (1, False)
    assert "only a verified image" in refused.err
    changed(signed)
    refused = deposit(ada, signed, folder)
    assert (refused.status, folder.exists()) == (1, False)


def test_a_result_that_is_not_the_signed_one_is_not_deposited(
    ada: Signer, signed: Path, tmp_path: Path
) -> None:
    (signed.parent / "results" / "warming.txt").write_text("1.6\n")
    folder = tmp_path / "deposit"
    refused = deposit(ada, signed, folder, "--outputs", signed.parent / "results")
    assert (refused.status, folder.exists()) == (1, False)
    assert "warming.txt is not the one that the author claims" in refused.err
    assert list(tmp_path.glob(".deposit*")) == []


def test_an_author_who_went_on_working_deposits_the_commit_that_was_signed(
    ada: Signer, signed: Path, checkout: Checkout, account: Account, tmp_path: Path
) -> None:
    head = checkout.head
    checkout.commit("run.py", "print(3)\n")
    folder = tmp_path / "deposit"
    done = deposit(ada, signed, folder, "--source", checkout.top, "--without", "results")
    assert done.status == 0, done.err
    assert f"source.tar is commit {head}" in notes(verify(account, folder, ada))


@pytest.mark.parametrize("what", ["nowhere", "another"])
def test_a_source_that_is_not_to_be_had_is_asked_for(
    ada: Signer, signed: Path, tmp_path: Path, what: str
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for path in signed.parent.glob("*.sif*"):
        shutil.copy(path, alone)
    folder = tmp_path / "deposit"
    options: tuple[str | Path, ...] = ()
    if what == "another":
        options = ("--source", Checkout.new(tmp_path / "another").top)
    refused = deposit(ada, alone / signed.name, folder, *options)
    assert (refused.status, folder.exists()) == (1, False)
    assert "--without source" in refused.err
    assert deposit(ada, alone / signed.name, folder, "--without", "source").status == 0
    assert not (folder / "source.tar").exists()


def test_nothing_is_overwritten(ada: Signer, signed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deposit"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    refused = deposit(ada, signed, folder)
    assert (refused.status, os.listdir(folder)) == (1, ["mine.txt"])
    assert "is not overwritten" in refused.err
    (folder / "mine.txt").unlink()
    assert deposit(ada, signed, folder).status == 0  # an empty folder is as good as none


def test_a_linked_image_takes_no_room(ada: Signer, signed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deposit"
    assert deposit(ada, signed, folder, "--link").status == 0
    assert (folder / "climate.sif").samefile(signed)


def test_killed_at_any_write_there_is_no_deposit_and_the_next_run_cleans_up(
    ada: Signer, signed: Path, tmp_path: Path, need: Need
) -> None:
    need("strace")
    folder = tmp_path / "deposit"
    argv = ada.account.argv("deposit", signed, folder)
    killed = 0
    for call, number in (("mkdir", 3), ("write", 5), ("fsync", 1), ("fsync", 4), ("rename", 1)):
        inject = f"inject={call}:signal=KILL:when={number}"
        trace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", inject]
        done = subprocess.run(
            [*trace, *argv], env=ada.account.environment, capture_output=True, check=False
        )
        killed += done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
        assert not folder.exists(), call
    assert killed == 5
    assert deposit(ada, signed, folder).status == 0
    assert list(tmp_path.glob(".deposit*")) == []


def test_a_full_disk_leaves_nothing(ada: Signer, signed: Path, tmp_path: Path) -> None:
    if os.geteuid() or shutil.which("unshare") is None:
        pytest.skip("mounting takes root")
    small = tmp_path / "small"
    small.mkdir()
    argv = " ".join(ada.account.argv("deposit", signed, small / "deposit"))
    script = f"mount -t tmpfs -o size=600k tmpfs {small} && {argv}; echo $?; ls -A {small}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        env=ada.account.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1"]
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
