"""A crash leaves no memory on a disk: it may hold a passphrase."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.account import Account
from tests.conftest import Need

PASSPHRASE = "correct-horse-ünter-the-staple"
UNLIMITED = "import resource as r, sys, os; r.setrlimit(r.RLIMIT_CORE, (-1, -1)); "


def crash(folder: Path, argv: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Run a command in a folder, with core files allowed."""
    start = [sys.executable, "-c", UNLIMITED + "os.execvp(sys.argv[1], sys.argv[1:])", *argv]
    return subprocess.Popen(
        start, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def demand_core_files(folder: Path) -> None:
    """Skip where this system would write none into the folder of a program that crashes."""
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip("core files are not allowed here")
    folder.mkdir()
    crash(folder, [sys.executable, "-c", "os = __import__('os'); os.abort()"], {}).communicate()
    if not list(folder.iterdir()):
        pytest.skip("this system writes no core files into the current folder")
    shutil.rmtree(folder)


@pytest.mark.parametrize("call", ["memfd_create", "pipe2", "fsync"])
@pytest.mark.parametrize("store", ["apptainer", "pem"])
def test_a_crash_with_a_passphrase_in_memory_leaves_none_on_a_disk(
    account: Account, tmp_path: Path, need: Need, store: str, call: str
) -> None:
    """The signal comes at a system call, in this process or in one that it started."""
    need("strace", "apptainer", "gpg")
    demand_core_files(tmp_path / "control")
    (secret := tmp_path / "passphrase").touch(0o600)
    secret.write_text(PASSPHRASE)
    (folder := tmp_path / "here").mkdir()
    variables = {"PYTHONFAULTHANDLER": "1", "PYTHONDEVMODE": "", "TMPDIR": str(tmp_path / "here")}
    command = account.with_variables(**variables).argv(
        *("keygen", "--name", "Ada", "--email", "ada@uni.example", "--store", store, "-v"),
        *("--passphrase-file", secret, "--out", folder),
    )
    inject = ("-e", f"trace={call}", "-e", f"inject={call}:signal=SIGABRT:when=1+")
    environment = account.with_variables(**variables).environment
    process = crash(
        folder, ["strace", "-f", "-qq", "-o", os.devnull, *inject, *command], environment
    )
    out, err = process.communicate(timeout=120)
    if call == "fsync":  # every store does that
        assert process.returncode
    assert PASSPHRASE.encode() not in out + err
    needles = (PASSPHRASE.encode(), PASSPHRASE.encode("latin-1"))
    for path in (*folder.rglob("*"), *account.home.rglob("*")):
        assert not path.name.startswith("core"), path
        if path.is_file():
            assert not any(one in path.read_bytes() for one in needles), path
