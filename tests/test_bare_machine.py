"""A machine with nothing on it, and one on which nothing may change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.programs import PROJECT


def bare(folder: Path, *arguments: str | Path, network: bool = True) -> tuple[int, str, str]:
    """Run repro-sign with an empty environment but for an empty PATH and a HOME that is not."""
    (programs := folder / "no-programs").mkdir(exist_ok=True)
    alone = [] if network else ["unshare", "-n", *([] if os.geteuid() == 0 else ["-r"])]
    start = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); sys.argv[0] = 'repro-sign';"
    start += " from repro_sign.__main__ import main; main()"
    done = subprocess.run(
        [
            *("env", "-i", f"PATH={programs}", f"HOME={folder / 'no-home'}"),
            *map(str, (*_absolute(alone), sys.executable, "-B", "-c", start, *arguments)),
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _absolute(argv: list[str]) -> list[str]:
    return [str(shutil.which(argv[0])), *argv[1:]] if argv else []


def without_network_works() -> bool:
    argv = ["unshare", "-n", *([] if os.geteuid() == 0 else ["-r"]), "true"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def test_image_and_manifest_alone_are_enough(author: Signer, image: Path) -> None:
    author.sign(image)
    status, out, err = bare(image.parent, "verify", image.name, "--signer", author.fingerprint)
    assert (status, err) == (0, "")
    assert out.startswith("VERIFIED  climate.sif\n")
    assert bare(image.parent, "verify", image.name)[0] == 5
    data = bytearray(image.read_bytes())
    data[700_000] ^= 1
    image.write_bytes(data)
    assert bare(image.parent, "verify", image.name, "--signer", author.fingerprint)[0] == 1
    assert not (image.parent / "no-home").exists()


def test_no_network_is_needed(author: Signer, image: Path, need: Need) -> None:
    need("unshare")
    if not without_network_works():
        pytest.skip("no network namespace can be made here")
    author.sign(image)
    arguments = ("verify", image.name, "--signer", author.fingerprint)
    status, _, err = bare(image.parent, *arguments, network=False)
    assert (status, err) == (0, "")


def test_an_image_and_a_key_file_are_enough(author: Signer, image: Path) -> None:
    author.sign(image, "--no-manifest")
    shutil.copy(author.public_key, image.with_name("key.asc"))
    assert bare(image.parent, "verify", image.name, "--key", "key.asc")[0] == 0
    assert bare(image.parent, "verify", image.name, "--signer", author.fingerprint)[0] == 5


def test_other_commands_say_what_is_missing(image: Path) -> None:
    status, out, _ = bare(image.parent, "inspect", image.name)
    assert status == 0
    assert "identity" in out
    status, out, _ = bare(image.parent, "doctor")
    assert status == 0
    assert out.count("not installed: verifying needs none") == 2
    status, out, err = bare(image.parent, "sign", image.name)
    assert (status, out) == (1, "")
    assert "repro-sign keygen" in err
    assert bare(image.parent, "key", "list")[:2] == (0, "no keys; make one: repro-sign keygen\n")
    assert not (image.parent / "no-home").exists()


def tree(*folders: Path) -> dict[str, tuple[int, int, int, int]]:
    """What is in these folders, as the file system tells: mode, size, time of change."""
    found = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            state = path.lstat()
            found[str(path)] = (state.st_mode, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return found


@pytest.mark.parametrize("engine", ["native", "both"])
def test_verify_writes_nothing(
    author: Signer, mallory: Signer, image: Path, account: Account, engine: str, need: Need
) -> None:
    need("apptainer", "gpg")
    author.sign(image)
    mallory.sign(image, "--no-manifest")
    (keys := image.parent / "keys").mkdir()
    shutil.copy(mallory.public_key, keys)
    for store in ("apptainer", "gnupg"):
        account.ok("key", "import", "--store", store, author.public_key)
    account.ok("trust", "add", author.public_key, "--yes")
    account.end_agents()
    before = tree(account.home, image.parent)
    for options in ((), ("-v",), ("--json",), ("--signer", author.fingerprint)):
        account.ok("verify", image, "--engine", engine, *options)
    account.ok("inspect", image)
    assert tree(account.home, image.parent) == before


def test_verify_opens_nothing_for_writing_but_its_own_scratch_files(
    author: Signer, image: Path, account: Account, need: Need
) -> None:
    need("apptainer", "gpg", "strace")
    author.sign(image)
    account.ok("trust", "add", author.public_key, "--yes")
    for store in ("apptainer", "gnupg"):
        account.ok("key", "import", "--store", store, author.public_key)
    log = image.parent.parent / "strace"
    strace = ("strace", "-f", "-qq", "-o", log, "-e", "trace=file,ftruncate,fchmod,fchown")
    command = account.argv("verify", image)
    traced = account.with_variables(PYTHONDONTWRITEBYTECODE="1")
    if traced.program(*strace, "true", check=False).status:
        pytest.skip("nothing can be traced here")
    assert traced.program(*strace, *command, check=False).status == 0
    assert "pubring.kbx" in log.read_text()
    changing = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "mkdir", "unlink", "rename", "chmod")
    theirs = (str(account.home), str(image.parent))
    for line in log.read_text().splitlines():
        if any(word in line for word in changing) and any(name in line for name in theirs):
            assert "= -1 " in line, line
