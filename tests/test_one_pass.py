"""However many signatures an image has, its bytes are read once."""

import re
import subprocess
from pathlib import Path

from tests.account import Account, Signer
from tests.conftest import Need
from tests.test_verify import without

READING = re.compile(r"(?:read|readv|pread64|preadv)\(.*\) = (\d+)$")
BESIDES = 64 << 10
"""Header, descriptors and signatures are read by themselves first."""


def bytes_read(account: Account, image: Path, *options: str | Path, status: int = 0) -> int:
    """Verify an image and count what was read from it."""
    return bytes_read_by(account, image, "verify", "--engine", "native", *options, status=status)


def bytes_read_by(account: Account, image: Path, *command: str | Path, status: int = 0) -> int:
    """Run a command on an image and count what was read from that file."""
    log = account.home / "strace"
    argv = account.argv(*command, image)
    calls = "trace=read,readv,pread64,preadv"
    done = subprocess.run(
        ["strace", "-f", "-o", log, "-e", calls, "-P", image, *argv],
        env=account.environment,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == status
    lines = log.read_text().splitlines()
    return sum(int(found[1]) for line in lines if (found := READING.search(line)))


def test_more_signatures_cost_no_second_pass(
    ada: Signer, grace: Signer, mallory: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace")
    for signer in (ada, grace, mallory):
        signer.sign(image)
        trust = ("--signer", ada.fingerprint, "--require-manifest")
        for deep in ((), ("--deep",)):
            assert bytes_read(account, image, *trust, *deep) <= image.stat().st_size + BESIDES


def test_without_a_manifest_it_is_one_pass_too(
    ada: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace")
    ada.sign(image, "--no-manifest")
    trust = ("--key", ada.public_key)
    assert bytes_read(account, image, *trust) <= image.stat().st_size + BESIDES


def test_only_a_file_that_a_trusted_manifest_promised_and_is_not_costs_two(
    ada: Signer, image: Path, account: Account, need: Need
) -> None:
    """The second pass says which part was changed."""
    need("strace")
    ada.sign(image)
    trust = ("--key", ada.public_key)
    size = image.stat().st_size
    with image.open("ab") as file:
        file.write(b"appended")
    assert bytes_read(account, image, *trust, status=1) <= size + BESIDES
    with image.open("r+b") as file:
        file.truncate(size)
        file.seek(600_000)
        file.write(b"changed")
    assert size < bytes_read(account, image, *trust, status=1) <= 2 * size + BESIDES


def test_signing_reads_once_for_the_signature_and_once_to_check_it(
    grace: Signer, image: Path, need: Need
) -> None:
    """A key in GnuPG: we make the document that is signed. Without Apptainer's second look."""
    need("strace")
    account = without(grace.account, "apptainer")
    for _ in ("anew", "again, with nothing left to do"):
        read = bytes_read_by(account, image, "sign")
        assert read <= 2 * (image.stat().st_size + BESIDES)


def test_signing_with_apptainer_adds_one_pass_also_beside_other_signatures(
    ada: Signer, grace: Signer, image: Path, need: Need
) -> None:
    """Apptainer signs a private copy, so of the image it reads what it is asked to accept: once."""
    need("strace", "apptainer")
    for signer in (None, grace):
        if signer is not None:
            signer.sign(image, "--no-manifest")
        before = image.read_bytes()
        read = bytes_read_by(ada.account, image, "sign", "--no-manifest")
        assert len(before) < read <= 2 * (image.stat().st_size + BESIDES)
        image.write_bytes(before)
