"""`sign` of files and on file systems that are not like others."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.faults import calls_of, run_with_fault, strace


def verified(account: Account, author: Signer, image: Path) -> bool:
    """Whether an image bears one good signature by the author, and no other."""
    result = account.verify(image, "--signer", author.fingerprint, "--key", author.public_key)
    return result.status == 0 and len(result.image["signatures"]) == 1


def test_a_signature_in_one_name_of_a_file_is_in_all(
    author: Signer, image: Path, account: Account
) -> None:
    other = image.with_name("other.sif")
    os.link(image, other)
    before = image.stat()
    author.sign(image)
    after = image.stat()
    assert (after.st_ino, after.st_nlink) == (before.st_ino, 2)
    assert other.samefile(image)
    assert verified(account, author, other)


def test_mode_owner_times_of_access_and_attributes_stay(
    author: Signer, image: Path, account: Account
) -> None:
    image.chmod(0o640)
    try:
        os.setxattr(image, "user.paper", b"10.1000/climate")
    except OSError:
        pytest.skip("this file system has no attributes")
    author.sign(image)
    assert stat.S_IMODE(image.stat().st_mode) == 0o640
    assert os.getxattr(image, "user.paper") == b"10.1000/climate"
    assert verified(account, author, image)


def test_a_sparse_image_stays_sparse(author: Signer, image: Path, account: Account) -> None:
    """An overlay partition is mostly a hole."""
    data = image.with_name("overlay.img")
    with data.open("wb") as file:
        file.truncate(64 << 20)
    author.account.program(
        *("siftool", "add", image, data, "--datatype", "7", "--groupid", "1", "--filename", "hole")
    )
    sparse = image.with_name("sparse.sif")
    subprocess.run(["cp", "--sparse=always", image, sparse], check=True)
    used = sparse.stat().st_blocks
    assert used * 512 < 16 << 20
    author.sign(sparse)
    assert sparse.stat().st_blocks <= used + 64
    assert verified(account, author, sparse)


def test_an_image_that_nobody_may_change_is_left_as_it_is(author: Signer, image: Path) -> None:
    if shutil.which("chattr") is None or os.geteuid():
        pytest.skip("making a file immutable takes root")
    if subprocess.run(["chattr", "+i", image], capture_output=True, check=False).returncode:
        pytest.skip("this file system knows no immutable files")
    try:
        before = image.read_bytes()
        result = author.account.run("sign", image)
        assert (result.status, image.read_bytes() == before) == (1, True)
        assert "repro-sign: hint: " in result.err
        assert "Traceback" not in result.err
    finally:
        subprocess.run(["chattr", "-i", image], check=True)


@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP"])
def test_a_file_system_without_locks_will_do(
    author: Signer, image: Path, account: Account, need: Need, error: str
) -> None:
    need("strace")
    options = ["trace=flock", "-e", f"inject=flock:error={error}"]
    result, _ = strace(author.account, options, "sign", image)
    assert result.status == 0, result.err
    assert verified(account, author, image)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("fsync", "EIO", "Input/output error"),
        ("pwrite64", "EIO", "Input/output error"),
        ("pwrite64", "EDQUOT", "Disk quota exceeded"),
    ],
)
def test_a_disk_that_fails_is_said_and_signing_again_completes_it(
    author: Signer, image: Path, account: Account, need: Need, name: str, error: str, words: str
) -> None:
    need("strace")
    folder = image.with_name("watched")
    folder.mkdir()
    calls = calls_of(author.account, (folder,), "sign", shutil.copy(image, folder))
    on_image = [one for one in calls if one.name == name and "climate.sif>" in one.shown]
    assert on_image
    for number, call in enumerate(on_image):
        place = image.with_name(f"try-{number}")
        place.mkdir()
        copy = Path(shutil.copy(image, place))
        result = run_with_fault(author.account, call, f"error={error}", (place,), "sign", copy)
        assert result.status == 1, call
        assert words in result.err, call
        assert "Traceback" not in result.err, call
        author.sign(copy)
        assert verified(account, author, copy), call


def test_a_signal_in_the_middle_of_a_write_is_no_fault(
    author: Signer, image: Path, account: Account, need: Need
) -> None:
    """A window that changes its size, a write that is done in part."""
    need("strace")
    options = ["trace=pwrite64", "-P", str(image), "-e", "inject=pwrite64:signal=WINCH"]
    result, _ = strace(author.account, options, "sign", image)
    assert result.status == 0, result.err
    assert verified(account, author, image)
