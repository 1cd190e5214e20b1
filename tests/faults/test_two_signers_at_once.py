"""Several `sign` commands on one image at the same time: each waits for the one before it."""

import fcntl
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.account import Account, Result, Signer
from tests.conftest import Need

SLOW = ("strace", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64")
"""Makes every write into the image take a while, so that the others come in the middle of it."""


def sign_at_once(signers: Sequence[Signer], image: Path) -> list[Result]:
    """Start all of them together; return how they ended."""
    slowed = [*SLOW, "-e", "inject=pwrite64:delay_enter=60000"]
    running = [
        subprocess.Popen(
            [*slowed, *one.account.argv("sign", image)],
            env=one.account.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for one in signers
    ]
    ended = [one.communicate(timeout=120) for one in running]
    return [Result(one.returncode, *texts) for one, texts in zip(running, ended, strict=True)]


def signers_of(account: Account, image: Path, *options: str) -> list[str]:
    """Verify, and return the signers of the signatures inside."""
    result = account.verify(image, "--engine", "both", "--require-manifest", *options)
    assert result.status == 0, result.out
    account.program("siftool", "list", image)
    return [one["fingerprint"] for one in result.image["signatures"]]


def test_with_one_key_there_is_one_signature_in_the_end(
    author: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace", "siftool", "apptainer")
    results = sign_at_once([author] * 3, image)
    assert [one.status for one in results] == [0, 0, 0], results
    assert sum("signature object" in one.out for one in results) == 1
    assert signers_of(account, image, "--signer", author.fingerprint) == [author.fingerprint]
    there = {one.name for one in image.parent.iterdir()}
    assert there == {"climate.sif", "climate.sif.manifest.asc"}


def test_who_has_to_wait_is_told_so(grace: Signer, image: Path) -> None:
    with image.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            grace.account.argv("sign", image),
            env=grace.account.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        assert "another repro-sign is signing" in waiting.stderr.readline()
    waiting.communicate(timeout=120)
    assert waiting.returncode == 0


def test_with_two_keys_both_signatures_and_manifests_are_there(
    ada: Signer, grace: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace", "siftool", "apptainer")
    results = sign_at_once([ada, grace], image)
    assert [one.status for one in results] == [0, 0], results
    both = ("--signer", ada.fingerprint, "--signer", grace.fingerprint, "--require", "2")
    found = signers_of(account, image, *both)
    assert sorted(found) == sorted([ada.fingerprint, grace.fingerprint])
    assert len(list(image.parent.glob("climate.sif.*manifest.asc"))) == 2
    for one in (ada, grace):
        assert account.verify(image, "--signer", one.fingerprint, "--require-manifest").status == 0


def test_whoever_verifies_meanwhile_never_hears_that_the_image_is_bad(
    ada: Signer, grace: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace", "apptainer")
    ada.sign(image, "--no-manifest")
    signing = threading.Thread(target=sign_at_once, args=([grace], image))
    signing.start()
    statuses = set()
    while signing.is_alive():
        statuses.add(account.verify(image, "--key", ada.public_key).status)
    signing.join()
    assert statuses <= {0, 3}  # 3: somebody was writing to it
    assert account.verify(image, "--key", ada.public_key).status == 0
