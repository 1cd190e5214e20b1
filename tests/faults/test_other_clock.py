"""The clock of this machine is wrong, or jumps: what counts is not said wrongly because of it."""

import shutil
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.faults import build_library, tally

HOUR, YEAR = 3600, 365 * 24 * 3600


@pytest.fixture(scope="module")
def library(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("gcc")
    return build_library(tmp_path_factory.mktemp("library"), "other_clock")


def with_clock(account: Account, library: Path, seconds: int, **more: str) -> Account:
    """Give the same account at a time so far from now; other programs go by the real one."""
    return account.with_variables(LD_PRELOAD=str(library), OTHER_CLOCK=str(seconds), **more)


def note(command: str, how: str) -> None:
    tally.note((command,), how, "clock_gettime")


@pytest.mark.parametrize("seconds", [-2 * HOUR, -YEAR])
def test_before_a_signature_was_made_it_does_not_count_and_the_clock_is_looked_at(
    author: Signer, image: Path, account: Account, library: Path, seconds: int
) -> None:
    before = image.read_bytes()
    refused = with_clock(author.account, library, seconds).run("sign", image)
    note("sign", "clock behind")
    assert (refused.status, image.read_bytes() == before) == (1, True)
    assert "which is in the future: is this machine's clock right?" in refused.err
    author.sign(image)
    early = with_clock(account, library, seconds)
    answer = early.run("verify", image, "--key", author.public_key)
    note("verify", "clock behind")
    assert answer.status == 1
    assert "look at this machine's clock first" in answer.out


def test_long_after_its_key_has_expired_a_signature_counts(
    author: Signer, image: Path, account: Account, library: Path
) -> None:
    author.sign(image)
    later = with_clock(account, library, 20 * YEAR)
    answer = later.verify(image, "--key", author.public_key, "--engine", "native")
    note("verify", "clock ahead")
    assert (answer.status, "key-since" in answer.codes) == (0, True)
    refused = with_clock(author.account, library, 20 * YEAR).run("sign", image)
    note("sign", "clock ahead")
    assert (refused.status, "it expired on" in refused.err) == (1, True)


@pytest.mark.parametrize("seconds", [90 * YEAR, -60 * YEAR])
def test_at_a_time_that_openpgp_does_not_know_there_is_no_answer(
    author: Signer, image: Path, account: Account, library: Path, seconds: int
) -> None:
    author.sign(image)
    before = image.read_bytes()
    lost = with_clock(author.account, library, seconds)
    for command in (
        ("verify", image, "--key", author.public_key),
        ("sign", image),
        ("key", "list"),
        ("trust", "add", author.public_key, "--yes"),
        ("keygen", "--name", "A", "--email", "a@uni.example", "--no-passphrase"),
        ("doctor",),
    ):
        result = lost.run(*command)
        note(command[0], "clock lost")
        assert result.status == 3, (command, result)
        assert "a time that OpenPGP does not know" in result.out + result.err, command
        assert "Traceback" not in result.err, command
    assert image.read_bytes() == before


def test_a_clock_that_jumps_at_every_look_makes_no_changed_image_right(
    author: Signer, image: Path, account: Account, library: Path
) -> None:
    author.sign(image)
    changed = Path(shutil.copy(image, image.with_name("changed.sif")))
    data = bytearray(changed.read_bytes())
    data[600_000] ^= 1
    changed.write_bytes(data)
    for seconds in (-YEAR, -HOUR, HOUR, YEAR, 20 * YEAR):
        jumping = with_clock(account, library, seconds, OTHER_CLOCK_JUMPS="1")
        answer = jumping.verify(changed, "--key", author.public_key)
        note("verify", "clock jumps")
        assert answer.status == 1, seconds
        assert jumping.run("verify", image, "--key", author.public_key).status in (0, 1)
        fresh = Path(shutil.copy(image, image.with_name(f"{seconds}.sif")))
        signing = with_clock(author.account, library, seconds, OTHER_CLOCK_JUMPS="1")
        signed = signing.run("sign", fresh)
        note("sign", "clock jumps")
        assert signed.status in (0, 1), signed
        assert "Traceback" not in signed.err
        assert account.verify(fresh, "--key", author.public_key).status in (0, 1)
