"""Names: what a manifest can't carry is refused before anything is signed; lines can be pasted."""

import shlex
import shutil
from pathlib import Path

import pytest

from tests.account import Account, Signer


def test_files_of_one_name_are_refused_before_anything_is_signed(
    grace: Signer, image: Path, tmp_path: Path
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.csv").write_text(folder)
    before = image.read_bytes()
    same_name = [tmp_path / folder / "data.csv" for folder in ("one", "two")]
    for companions in (same_name, [image]):
        options = [word for path in companions for word in ("--with", path)]
        result = grace.account.run("sign", image, *options)
        assert (result.status, result.out) == (1, "")
        assert image.read_bytes() == before


def test_a_name_no_manifest_may_carry_is_refused_before_signing(grace: Signer, image: Path) -> None:
    image = image.rename(image.with_name("cli\\mate.sif"))
    before = image.read_bytes()
    assert grace.account.run("sign", image).status == 1
    assert image.read_bytes() == before


@pytest.mark.parametrize("name", ["my image.sif", "-x.sif", "a;b.sif", "$HOME.sif"])
def test_the_printed_line_can_be_pasted_whatever_the_image_is_called(
    grace: Signer, image: Path, account: Account, name: str
) -> None:
    shutil.copy(image, image.with_name(name))
    out = grace.account.ok("sign", "--", name, cwd=image.parent).out
    words = shlex.split(out.splitlines()[-1])
    assert account.run(*words[1:], cwd=image.parent).status == 0


@pytest.mark.parametrize("email", ["ada\x1b[31m@uni.example", "ada\u202e@uni.example"])
def test_hidden_characters_in_an_address_are_refused(account: Account, email: str) -> None:
    result = account.run("keygen", "--name", "Ada", "--email", email, "--no-passphrase")
    assert (result.status, result.out) == (2, "")
