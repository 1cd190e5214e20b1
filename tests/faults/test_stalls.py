"""A file system gives no answer, or a slow one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.faults import build_library, tally

IMPATIENT = """
import repro_sign.cli.stalls as stalls
stalls.LIMIT_SECONDS, stalls.LOOK_SECONDS = 4.0, 0.5
from repro_sign.__main__ import main
main()
"""
"""The command line with other limits: nobody waits ten minutes for a test."""
NO_ANSWER = "a file system has given no answer"


@pytest.fixture(scope="module")
def library(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("gcc")
    return build_library(tmp_path_factory.mktemp("library"), "no_answer")


def held_up(
    account: Account, library: Path, call: str, path: Path, *arguments: str | Path, **more: str
) -> Result:
    """Run a command in which calls on a path do not come back."""
    variables = {"LD_PRELOAD": str(library), "NO_ANSWER_CALL": call, "NO_ANSWER_PATH": str(path)}
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT, *map(str, arguments)],
        env={**account.environment, **variables, **more},
        cwd=account.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    tally.note(arguments[:1], "slow" if more else "no answer", call)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("call", ["open", "pread", "readv"])
def test_an_image_that_can_not_be_read_is_not_waited_for_for_ever(
    grace: Signer, image: Path, account: Account, library: Path, call: str
) -> None:
    grace.sign(image)
    verify = ("verify", image, "--key", grace.public_key, "--engine", "native")
    result = held_up(account, library, call, image, *verify)
    assert (result.status, NO_ANSWER in result.err) == (3, True), result
    assert "repro-sign: hint: " in result.err
    assert "verified" not in result.out.lower()


def images(grace: Signer, image: Path, account: Account) -> Path:
    grace.sign(image)
    folder = account.home / "images"
    folder.mkdir()
    for name in ("a.sif", "b.sif", "c.sif"):
        shutil.copy(image, folder / name)
    return folder


def test_of_many_images_only_the_one_that_can_not_be_read_has_no_answer(
    grace: Signer, image: Path, account: Account, library: Path
) -> None:
    folder = images(grace, image, account)
    account.ok("trust", "add", grace.public_key, "--yes")
    options = ("--engine", "native", "--json", "--jobs", "2")
    for command in ("verify", "audit"):
        argv = (command, folder, *options)
        result = held_up(account, library, "pread", folder / "b.sif", *argv)
        found = {Path(one["path"]).name: one["verdict"] for one in result.json["images"]}
        assert found == {"a.sif": "verified", "b.sif": "unknown", "c.sif": "verified"}
        assert (result.status, NO_ANSWER in result.err) == (3, True)


def test_a_slow_file_system_is_waited_for(
    grace: Signer, image: Path, account: Account, library: Path
) -> None:
    """Each call takes two seconds; all of them together take longer than one may."""
    grace.sign(image)
    verify = ("verify", image, "--key", grace.public_key, "--engine", "native")
    slow = {"NO_ANSWER_SECONDS": "2"}
    result = held_up(account, library, "open,pread,readv", image, *verify, **slow)
    assert (result.status, NO_ANSWER in result.err) == (0, False)
