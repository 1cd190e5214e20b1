"""A kernel may read and write less than it is asked for: nothing is left out, nothing is lost."""

import shutil
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.faults import build_library, tally


@pytest.fixture(scope="module")
def library(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("gcc")
    return build_library(tmp_path_factory.mktemp("library"), "short_writes")


def slowed(account: Account, library: Path) -> Account:
    """Give the same account, in which our program's calls do little at a time.

    The programs that it starts inherit no variables.
    """
    return account.with_variables(LD_PRELOAD=str(library), PYTHONDONTWRITEBYTECODE="1")


def note(command: str, *names: str) -> None:
    for name in names:
        tally.note((command,), "short", name)


def test_an_image_is_signed_and_verified(
    author: Signer, image: Path, account: Account, library: Path
) -> None:
    signed = slowed(author.account, library).run("sign", image)
    assert signed.status == 0, signed.err
    note("sign", "write", "pwrite64", "copy_file_range")
    options = ("--key", author.public_key, "--require-manifest", "--deep")
    for reader in (account, slowed(account, library)):
        result = reader.verify(image, *options)
        assert result.status == 0, (result.out, result.err)
    note("verify", "read", "pread64")
    changed = bytearray(image.read_bytes())
    changed[600_000] ^= 1
    image.write_bytes(changed)
    assert slowed(account, library).verify(image, *options).status == 1


@pytest.mark.parametrize("store", ["apptainer", "gnupg", "pem"])
def test_a_key_is_whole(account: Account, image: Path, library: Path, store: str) -> None:
    named = ("--name", "Ada Author", "--email", "ada@uni.example")
    person = (*(named if store != "pem" else ()), "--no-passphrase")
    out = account.home / "public"
    out.mkdir()
    little = slowed(account, library)
    made = little.ok("keygen", *person, "--store", store, "--out", out, "--json").json
    note("keygen", "write")
    account.ok("sign", image, "--key", made.get("secret_key") or made["fingerprint"])
    public = next(one for one in out.iterdir() if one.suffix in (".asc", ".pem", ".pub"))
    with Account.new() as reader:
        little = slowed(reader, library)
        little.ok("trust", "add", public, "--yes", "--as", "Ada")
        note("trust add", "write")
        assert reader.verify(image).status == 0
        place = Path(shutil.copy(image, reader.home / image.name))
        little.ok("lock", place, "--out", reader.home / "repro-sign.lock", "--yes")
        note("lock", "write")
        reader.ok("verify", "--lock", reader.home / "repro-sign.lock")
