"""`verify --remember` is killed, runs into a full or read-only disk, or runs twice at once."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.faults import calls_of, run_with_fault
from tests.test_memory import REMEMBERED, pins
from tests.versions import Versions

SLOW = ("strace", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e")
BEFORE_THE_LOCK = "inject=flock:delay_enter=2000000"
"""Makes a run wait after it has judged and before it may write, so that all have judged by then."""


def verify(image: Path, *options: str | Path) -> list[str | Path]:
    return ["verify", "--remember", "--engine", "native", "--json", image, *options]


@pytest.fixture
def second_sight(grace: Signer, versions: Versions, account: Account, need: Need) -> Account:
    """Give an account that has seen the older of two images by Grace."""
    need("strace", "gpg")
    versions.by(grace)
    account.ok(*verify(versions.old, "--signer", grace.fingerprint))
    return account


def text_of(account: Account) -> str:
    (file,) = (account.home / REMEMBERED).glob("[!.]*")
    return file.read_text()


def test_killed_at_any_call_it_leaves_the_old_memory_or_the_new(
    grace: Signer, versions: Versions, second_sight: Account
) -> None:
    account, folder = second_sight, second_sight.home / REMEMBERED
    old = text_of(account)
    command = verify(versions.new, "--signer", grace.fingerprint)
    calls = calls_of(account, (folder,), *command)
    new = text_of(account)
    assert old != new
    assert {one.name for one in calls} >= {"write", "fsync", "rename"}
    for call in calls:
        (file,) = folder.glob("[!.]*")
        file.write_text(old)
        result = run_with_fault(account, call, "signal=KILL", (folder,), *command)
        assert result.status == -9, call
        assert text_of(account) in (old, new), call
    account.ok(*command)
    assert text_of(account) == new
    assert len(list(folder.iterdir())) == 1
    assert account.run(*verify(versions.old, "--signer", grace.fingerprint)).status == 1


def test_killed_at_first_sight_it_has_pinned_the_signer_or_nobody(
    grace: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace", "gpg")
    grace.sign(image)
    folder, command = account.home / REMEMBERED, verify(image, "--signer", grace.fingerprint)
    for call in calls_of(account, (folder,), *command):
        shutil.rmtree(folder)
        run_with_fault(account, call, "signal=KILL", (folder,), *command)
        assert pins(account) in ({}, {"climate.sif": [grace.fingerprint]}), call
    account.ok(*command)
    assert pins(account) == {"climate.sif": [grace.fingerprint]}


@pytest.mark.parametrize("fault", ["ENOSPC", "EROFS"])
def test_on_a_full_or_read_only_disk_the_verdict_comes_out_and_the_status_tells(
    grace: Signer, versions: Versions, second_sight: Account, fault: str
) -> None:
    account, folder = second_sight, second_sight.home / REMEMBERED
    old = text_of(account)
    command = verify(versions.new, "--signer", grace.fingerprint)
    call = next(one for one in calls_of(account, (folder,), *command) if one.name == "rename")
    (file,) = folder.glob("[!.]*")
    file.write_text(old)
    result = run_with_fault(account, call, f"error={fault}", (folder,), *command)
    assert (result.status, result.image["verdict"]) == (3, "verified")
    assert "could not be written" in result.image["memory"]["problem"]
    assert "repro-sign: error: " in result.err
    assert text_of(account) == old
    assert len(list(folder.iterdir())) == 1


def at_once(account: Account, *images: Path) -> list[Result]:
    """Verify the images at the same time; return how the runs ended."""
    running = [
        subprocess.Popen(
            [*SLOW, BEFORE_THE_LOCK, *account.argv(*verify(image))],
            env=account.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for image in images
    ]
    ended = [one.communicate(timeout=120) for one in running]
    return [Result(one.returncode, *texts) for one, texts in zip(running, ended, strict=True)]


def test_of_two_first_sights_at_once_one_pins_and_the_other_is_judged_by_it(
    grace: Signer, mallory: Signer, versions: Versions, account: Account, need: Need
) -> None:
    need("strace", "gpg")
    grace.sign(versions.old)
    mallory.sign(versions.new)
    results = at_once(account, versions.old, versions.new)
    assert sorted(one.status for one in results) == [1, 5], results
    (pinned,) = pins(account)["climate.sif"]
    first = next(one for one in results if one.status == 5)
    assert first.image["memory"] == {"signers": [pinned], "new": True, "problem": None}
    other = next(one for one in results if one.status == 1)
    assert "signer-changed" in other.codes


def test_of_several_runs_at_once_none_loses_what_another_remembers(
    grace: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace", "gpg")
    grace.sign(image)
    images = [image]
    for number in range(4):
        images.append(image.with_name(f"{number}.sif"))
        shutil.copy(image, images[-1])
        shutil.copy(f"{image}.manifest.asc", f"{images[-1]}.manifest.asc")
    assert [one.status for one in at_once(account, *images)] == [5] * 5
    assert pins(account) == {one.name: [grace.fingerprint] for one in images}
