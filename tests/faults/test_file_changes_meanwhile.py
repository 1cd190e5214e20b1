"""The image changes while it is read, or the person gives up in the middle."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.faults import Call, calls_of, run_with_fault

SLOW = ("trace=pread64,readv", "inject=pread64,readv:delay_enter=150000")
"""Makes every read of the image take a while."""
MIDDLE = 600_000
"""A place in the image's file system."""
READING = ("pread64", "readv")
WRITING = ("copy_file_range", "ftruncate", "fsync", "rename")
LARGE = 24 << 20


@contextmanager
def going_on(change: Callable[[], None]) -> Iterator[None]:
    """Do something again and again until the block ends."""
    end = threading.Event()

    def loop() -> None:
        while not end.wait(0.01):
            change()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def rewrite(image: Path) -> Callable[[], None]:
    """Write the very bytes that are there: no digest tells, only the kernel."""
    data = image.read_bytes()[MIDDLE : MIDDLE + 4096]

    def change() -> None:
        with image.open("r+b") as file:
            file.seek(MIDDLE)
            file.write(data)

    return change


def flip(image: Path) -> Callable[[], None]:
    """Change a byte, and put it right again."""

    def change() -> None:
        with image.open("r+b") as file:
            file.seek(MIDDLE)
            byte = file.read(1)[0]
            file.seek(MIDDLE)
            file.write(bytes([byte ^ 1]))

    return change


def truncate(image: Path) -> Callable[[], None]:
    """Cut the image in the middle, and put it right again."""
    data = image.read_bytes()
    states = [MIDDLE, len(data)]

    def change() -> None:
        states.reverse()
        with image.open("r+b") as file:
            file.truncate(MIDDLE)
            if states[0] == MIDDLE:
                file.seek(MIDDLE)
                file.write(data[MIDDLE:])

    return change


def replace(image: Path) -> Callable[[], None]:
    """Put another file of the same content in its place."""
    original = Path(shutil.copy(image, image.with_name("original")))
    new = image.with_name("new")

    def change() -> None:
        shutil.copy(original, new)
        os.replace(new, image)

    return change


def touch_back(image: Path) -> Callable[[], None]:
    """Change a byte back and forth, and set the file's times to what they were."""
    status = image.stat()
    times = (status.st_atime_ns, status.st_mtime_ns)
    flip_it = flip(image)

    def change() -> None:
        flip_it()
        flip_it()
        os.utime(image, ns=times)

    return change


def verify_slowly(account: Account, *arguments: str | Path) -> Result:
    traced = [part for one in SLOW for part in ("-e", one)]
    argv = account.argv("verify", "--json", *arguments)
    return account.program("strace", "-f", "-qq", "-o", "/dev/null", *traced, *argv, check=False)


@pytest.mark.parametrize("way", [rewrite, flip, truncate, replace, touch_back])
def test_an_image_that_changes_while_it_is_read_is_never_verified(
    ada: Signer,
    image: Path,
    account: Account,
    need: Need,
    way: Callable[[Path], Callable[[], None]],
) -> None:
    need("strace")
    ada.sign(image)
    with going_on(way(image)):
        result = verify_slowly(account, image, "--key", ada.public_key, "--engine", "native")
    assert result.image["verdict"] in ("unknown", "failed")
    assert result.status in (1, 3)
    assert "Traceback" not in result.err


def test_a_large_image_that_changes_while_threads_read_it_is_never_verified(
    ada: Signer, image: Path, account: Account, need: Need
) -> None:
    """So large that it is read in parts, by one thread for several others."""
    need("strace", "siftool")
    zeros = image.with_name("zeros")
    zeros.touch()
    os.truncate(zeros, LARGE)
    account.program(
        *("siftool", "add", "--datatype", "4", "--partfs", "4", "--parttype", "3"),
        *("--partarch", "2", "--groupid", "1", image, zeros),
    )
    ada.sign(image)
    options = (image, "--key", ada.public_key, "--engine", "native")
    assert account.verify(*options).status == 0
    for way in (rewrite, truncate):
        intact = Path(shutil.copy(image, image.with_name("intact")))
        with going_on(way(image)):
            result = verify_slowly(account, *options)
        assert result.status in (1, 3), way
        assert "Traceback" not in result.err, way
        os.replace(intact, image)
    assert account.verify(*options).status == 0


def interrupted(account: Account, call: Call, image: Path, *argv: str | Path) -> bool:
    """Whether Ctrl-C at a call ends the command as it should."""
    result = run_with_fault(account, call, "signal=INT", (image.parent,), *argv)
    assert "Traceback" not in result.err, (call, result.err)
    assert result.status == 130, (call, result)
    return "interrupted" in result.err


def test_interrupting_verify_ends_it_without_a_trace(
    ada: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace")
    ada.sign(image)
    there = set(image.parent.iterdir())
    command = ("verify", image, "--signer", ada.fingerprint)
    for call in calls_of(account, (image.parent,), *command, names=READING):
        assert interrupted(account, call, image, *command), call
        assert set(image.parent.iterdir()) == there
    assert account.run(*command).status == 0


def test_interrupting_sign_leaves_nothing_half_done(
    author: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace")
    original = Path(shutil.copy(image, image.parent.parent))
    example = image.with_name("example")
    example.mkdir()
    command = ("sign", shutil.copy(image, example))
    calls = calls_of(author.account, (example,), *command, names=WRITING)
    shutil.rmtree(example)
    for call in calls:
        assert interrupted(author.account, call, image, "sign", image), call
        assert account.verify(image, "--key", author.public_key).status in (0, 4), call
        assert {one.name for one in image.parent.iterdir()} <= {
            image.name,
            "climate.sif.manifest.asc",
        }
        author.sign(image)
        signed = account.verify(image, "--signer", author.fingerprint, "--require-manifest")
        assert len(signed.image["signatures"]) == 1, call
        shutil.rmtree(image.parent)
        image.parent.mkdir()
        shutil.copy(original, image)
