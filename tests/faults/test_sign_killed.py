"""`sign` is killed, or the disk is full, at each call by which it changes anything."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.faults import Call, calls_of, key_files, run_with_fault

MANIFEST = "climate.sif.manifest.asc"


@pytest.fixture
def reader(need: Need, account: Account, author: Signer) -> Account:
    """Give a reader in whose Apptainer ring the author's public key is."""
    need("strace", "siftool", "apptainer")
    account.program("apptainer", "key", "import", author.public_key)
    return account


def calls_of_sign(author: Signer, image: Path) -> list[Call]:
    """Give the calls by which `sign` changes an image like this one, and what lies beside it."""
    folder = image.with_name("watched")
    folder.mkdir()
    copy = shutil.copy(image, folder)
    calls = calls_of(author.account, (folder,), "sign", copy)
    assert {"pwrite64", "ftruncate", "fsync", "write", "rename"} <= {one.name for one in calls}
    return calls


def fresh_copies(image: Path, calls: list[Call]) -> Iterator[tuple[Call, Path]]:
    """Give each call a copy of the image, in a folder of its own."""
    for number, call in enumerate(calls):
        folder = image.with_name(f"try-{number}")
        folder.mkdir()
        yield call, Path(shutil.copy(image, folder))
        shutil.rmtree(folder)


def sign_with_fault(author: Signer, image: Path, call: Call, fault: str) -> Result:
    return run_with_fault(author.account, call, fault, (image.parent,), "sign", image)


def is_signed(reader: Account, author: Signer, image: Path) -> bool:
    """Whether the image is signed; all programs have to agree that it is, or that it is not."""
    reader.program("siftool", "list", image)
    result = reader.verify(image, "--signer", author.fingerprint, "--engine", "both")
    assert result.status in (0, 4), result.out
    accepted = reader.program("apptainer", "verify", "--local", image, check=False).status == 0
    assert accepted == (result.status == 0)
    return accepted


def completes(reader: Account, author: Signer, image: Path) -> bool:
    """Whether signing again leaves one signature by the author, and a manifest that matches."""
    author.sign(image)
    result = reader.verify(image, "--signer", author.fingerprint, "--require-manifest")
    assert result.status == 0, result.out
    (signature,) = result.image["signatures"]
    assert result.image["manifest"]["match"] == "exact"
    assert set(result.image["engines"].values()) == {"verified"}
    return bool(signature["fingerprint"] == author.fingerprint)


def test_killed_at_any_call_the_image_is_unsigned_or_signed_and_signing_again_completes_it(
    author: Signer, image: Path, reader: Account
) -> None:
    before = key_files(author)
    states = []
    for call, copy in fresh_copies(image, calls_of_sign(author, image)):
        assert sign_with_fault(author, copy, call, "signal=KILL").status == -9, call
        states.append(is_signed(reader, author, copy))
        if copy.with_name(MANIFEST).exists():  # then it is whole
            complete = reader.verify(copy, "--key", author.public_key, "--require-manifest")
            assert complete.status == 0, call
        assert completes(reader, author, copy), call
        assert key_files(author) == before, call
    assert states == sorted(states)  # once signed, it stays signed
    assert {True, False} == set(states)


def test_on_a_full_disk_it_says_so_and_nothing_is_lost(
    author: Signer, image: Path, reader: Account
) -> None:
    for call, copy in fresh_copies(image, calls_of_sign(author, image)):
        result = sign_with_fault(author, copy, call, "error=ENOSPC")
        if result.status == 0:
            assert call.may_fail, call
        else:
            assert result.status == 1, (call, result)
            assert re.search(r"^repro-sign: error: ", result.err, re.MULTILINE), call
            assert "No space left on device" in result.err, call
            assert "repro-sign: hint: " in result.err, call
            assert "Traceback" not in result.err, call
        is_signed(reader, author, copy)
        assert {one.name for one in copy.parent.iterdir()} <= {copy.name, MANIFEST}, call
        assert completes(reader, author, copy), call


FATES = {"full": 'ulimit -f 1056; exec "$real" "$@"', "killed": '"$real" "$@"; kill -KILL $$'}


@pytest.mark.parametrize("fate", FATES.values(), ids=FATES)
def test_apptainer_failing_in_the_middle_leaves_the_image_as_it_was(
    ada: Signer, image: Path, account: Account, fate: str
) -> None:
    """Apptainer may write 1,081,344 bytes and no more; or it is killed when all is done."""
    assert image.stat().st_size == 1056 << 10
    program = account.home / "bin" / "apptainer"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nreal={shutil.which('apptainer')}\n{fate}\n")
    program.chmod(0o755)
    before = image.read_bytes()
    path = f"{program.parent}:{ada.account.environment['PATH']}"
    result = ada.account.with_variables(PATH=path).run("sign", image)
    assert result.status == 1, result
    assert "repro-sign: error: apptainer sign failed" in result.err
    assert "Traceback" not in result.err
    assert image.read_bytes() == before
    assert [one.name for one in image.parent.iterdir()] == [image.name]


def test_what_a_killed_run_left_beside_the_image_is_gone_after_the_next(
    ada: Signer, image: Path, need: Need
) -> None:
    need("strace")
    (rename,) = (one for one in calls_of_sign(ada, image) if one.name == "rename")
    assert sign_with_fault(ada, image, rename, "signal=KILL").status == -9
    ada.sign(image)
    there = {one.name for one in image.parent.iterdir() if one.is_file()}
    assert there == {image.name, MANIFEST}


def test_a_disk_full_after_the_signature_is_in_is_not_reported_as_nothing_done(
    ada: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace")
    *_, counters = (one for one in calls_of_sign(ada, image) if one.name == "pwrite64")
    result = sign_with_fault(ada, image, counters, "error=ENOSPC")
    assert account.verify(image, "--key", ada.public_key).status == 0
    assert "the image is as it was" not in result.err


def test_killing_a_second_signer_does_not_undo_the_first(
    ada: Signer, grace: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace")
    ada.sign(image)
    calls = [one for one in calls_of_sign(grace, image) if "climate.sif>" in one.shown]
    for call, copy in fresh_copies(image, calls):
        shutil.copy(image.with_name(MANIFEST), copy.parent)
        assert sign_with_fault(grace, copy, call, "signal=KILL").status == -9, call
        result = account.verify(copy, "--signer", ada.fingerprint, "--require-manifest")
        assert result.status == 0, (call, result.image["reasons"])


@pytest.mark.parametrize("options", [(), ("--manifest-only",)], ids=["sign", "manifest only"])
def test_a_gpg_that_takes_its_time_signs_as_well(
    grace: Signer, image: Path, account: Account, options: tuple[str, ...]
) -> None:
    """A person who types a passphrase, a smart card that wants a button pressed."""
    program = account.home / "bin" / "gpg"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nsleep 1.1\nexec {shutil.which("gpg")} "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{grace.account.environment['PATH']}"
    result = grace.account.with_variables(PATH=path).run("sign", *options, image)
    assert result.status == 0, result.err
