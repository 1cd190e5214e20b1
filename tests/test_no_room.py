"""No place for temporary files at all: verifying answers natively, and says what it lacked."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need


def test_without_any_temporary_folder_there_is_no_second_opinion_and_an_answer(
    grace: Signer, image: Path, account: Account, need: Need
) -> None:
    need("apptainer", "unshare")
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("mounts of one's own are not permitted here")
    grace.sign(image)
    verify = ("verify", image, "--signer", grace.fingerprint, "--json")
    script = """
        mount --make-rprivate /
        mount -t tmpfs -o ro none /dev/shm
        mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp
        mount -t tmpfs -o ro none /var/tmp
    """
    commands = [shlex.join(account.argv(*verify, "--engine", one)) for one in ("auto", "both")]
    for command, status, verdict in zip(commands, (0, 3), ("verified", "unknown"), strict=True):
        done = subprocess.run(
            ["unshare", "-m", "sh", "-ec", f"{script}\ncd {image.parent}\nexec {command}"],
            env={**account.environment, "TMPDIR": "/nonexistent"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert f'"verdict": "{verdict}"' in done.stdout
        assert '"no-second-opinion"' in done.stdout
