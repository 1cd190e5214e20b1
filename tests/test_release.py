"""`make release`: the project's own release is signed by itself."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.account import Signer
from tests.conftest import Need
from tests.programs import PROJECT, tools_path
from tests.repositories import Checkout

VERSION = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
WHEEL, SOURCES = f"repro_sign-{VERSION}-py3-none-any.whl", f"repro_sign-{VERSION}.tar.gz"
IMAGE = f"repro-sign-{VERSION}.sif"


@pytest.fixture
def project(tmp_path: Path, need: Need) -> Checkout:
    """Copy the project into a repository of its own, whose change log speaks of this version."""
    need("git", "siftool")
    top = tmp_path / "project"
    left_out = (".git", ".venv", ".tools", ".hypothesis", ".*_cache", "__pycache__")
    ignored = shutil.ignore_patterns(*left_out)
    shutil.copytree(PROJECT, top, ignore=ignored)
    log = top / "CHANGELOG.md"
    log.write_text(log.read_text().replace("## [Unreleased]", f"## [{VERSION}] - 2026-11-27", 1))
    checkout = Checkout(top)
    checkout.git("init", "--quiet", "--initial-branch", "main")
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "--message", "as released")
    return checkout


def release(project: Checkout, signer: Signer, target: Path) -> subprocess.CompletedProcess[str]:
    """Run the script with the programs of the environment that runs the tests."""
    environment = signer.account.environment
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), tools_path()])
    script = project.top / "scripts" / "release"
    return subprocess.run(
        [script, target, signer.fingerprint],
        env=environment,
        cwd=signer.account.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_a_release_is_verified_by_the_program_that_made_it(
    project: Checkout, ada: Signer, tmp_path: Path
) -> None:
    target = tmp_path / "dist"
    done = release(project, ada, target)
    assert done.returncode == 0, done.stderr
    files = {WHEEL, SOURCES, IMAGE, f"{IMAGE}.manifest.asc"}
    assert {one.name for one in target.iterdir()} == files
    checked = ada.account.run(
        "verify", target / IMAGE, "--signer", ada.fingerprint, "--require-manifest", "--json"
    )
    assert (checked.status, checked.image["verdict"]) == (0, "verified")
    assert checked.image["made_from"][0]["source"]["commit"] == project.git("rev-parse", "HEAD")
    with (target / WHEEL).open("ab") as file:
        file.write(b"a word more")
    checked = ada.account.run("verify", target / IMAGE, "--signer", ada.fingerprint, "--json")
    assert (checked.status, checked.codes & {"manifest-differs"}) == (1, {"manifest-differs"})
    assert WHEEL in checked.out


def test_a_commit_built_again_elsewhere_comes_out_the_same(
    project: Checkout, ada: Signer, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert release(project, ada, first).returncode == 0
    moved = project.top.rename(tmp_path / "elsewhere")
    for path in moved.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    assert release(Checkout(moved), ada, second).returncode == 0
    for name in (WHEEL, SOURCES):
        assert (first / name).read_bytes() == (second / name).read_bytes()


@pytest.mark.parametrize("what", ["uncommitted", "no word", "not empty"])
def test_what_is_no_release_is_refused(
    project: Checkout, ada: Signer, tmp_path: Path, what: str
) -> None:
    target = tmp_path / "dist"
    if what == "uncommitted":
        (project.top / "new.py").write_text("")
    elif what == "no word":
        project.commit("CHANGELOG.md", "# Changelog\n")
    else:
        target.mkdir()
        (target / "older.whl").touch()
    done = release(project, ada, target)
    said = {
        "uncommitted": "no commit holds",
        "no word": "says nothing of",
        "not empty": "not empty",
    }
    assert (done.returncode, done.stdout) == (1, "")
    assert said[what] in done.stderr
    assert not list(target.glob("repro*"))
