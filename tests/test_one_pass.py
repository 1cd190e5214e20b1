"""However many signatures an image has, its bytes are read once."""

import re
import subprocess
from pathlib import Path

from tests.account import Account, Signer
from tests.conftest import Need

READING = re.compile(r"(?:read|readv|pread64|preadv)\(.*\) = (\d+)$")
BESIDES = 64 << 10
"""Header, descriptors and signatures are read by themselves first."""


def bytes_read(account: Account, image: Path, *options: str) -> int:
    """Verify an image and count what was read from it."""
    log = account.home / "strace"
    argv = account.argv("verify", "--engine", "native", *options, image)
    calls = "trace=read,readv,pread64,preadv"
    subprocess.run(
        ["strace", "-f", "-o", log, "-e", calls, "-P", image, *argv],
        env=account.environment,
        capture_output=True,
        check=True,
        timeout=120,
    )
    lines = log.read_text().splitlines()
    return sum(int(found[1]) for line in lines if (found := READING.search(line)))


def test_more_signatures_cost_no_second_pass(
    ada: Signer, grace: Signer, mallory: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace")
    for signer in (ada, grace, mallory):
        signer.sign(image)
        trust = ("--signer", ada.fingerprint, "--require-manifest")
        assert bytes_read(account, image, *trust) <= image.stat().st_size + BESIDES
