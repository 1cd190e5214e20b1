"""Starting is quick because a command imports what it needs and nothing else."""

import re
from pathlib import Path
from typing import Final

import pytest

from repro_sign import __version__
from tests.account import Account, Result, Signer

HEAVY: Final = {
    "cryptography",
    "rich",
    "gnupg",
    "pysequoia",
    "blake3",
    "tomlkit",
    "PySquashfsImage",
}
COMMANDS: Final = (
    "keygen",
    "key",
    "trust",
    "sign",
    "verify",
    "lock",
    "withdraw",
    "supersede",
    "inspect",
    "lint",
    "ecl",
    "compare",
    "doctor",
)


def imported_by(account: Account, *arguments: str | Path) -> tuple[Result, set[str]]:
    """Run a command; return what it printed, and the modules that Python says it imported."""
    result = account.with_variables(PYTHONPROFILEIMPORTTIME="1").run(*arguments)
    modules = set(re.findall(r"^import time:.*\| +([\w.]+)$", result.err, re.MULTILINE))
    assert "repro_sign" in modules
    return result, modules


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_version_is_told_without_any_library(account: Account) -> None:
    result, modules = imported_by(account, "--version")
    assert result.out == f"repro-sign {__version__}\n"
    assert not packages(modules) & (HEAVY | {"click", "platformdirs"})


@pytest.mark.parametrize("arguments", [("--help",), ()], ids=["help", "nothing"])
def test_the_help_is_told_without_any_command(account: Account, arguments: tuple[str, ...]) -> None:
    result, modules = imported_by(account, *arguments)
    told = result.out + result.err
    assert all(re.search(rf"^  {name} ", told, re.MULTILINE) for name in COMMANDS)
    assert not modules & {f"repro_sign.cli.{name}" for name in COMMANDS}
    assert not packages(modules) & HEAVY


def test_a_reviewer_without_gnupg_home_waits_for_no_module_of_the_authors(
    ada: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    result, modules = imported_by(
        account, "verify", "--engine", "native", "--signer", ada.fingerprint, image
    )
    assert result.status == 0
    assert not packages(modules) & (HEAVY - {"pysequoia", "blake3"})


def test_a_pem_key_waits_for_its_algorithms_and_nothing_else(image: Path, account: Account) -> None:
    cora = account.make_signer("Cora Curve", "cora@uni.example", "pem")
    cora.sign(image)
    trust = ("--engine", "native", "--key", cora.public_key)
    result, modules = imported_by(account, "verify", *trust, image)
    assert result.status == 0
    assert "cryptography" in packages(modules)
    assert not packages(modules) & (HEAVY - {"pysequoia", "blake3", "cryptography"})
    assert not modules & {
        "cryptography.x509",
        "cryptography.hazmat.primitives.serialization.pkcs12",
    }


def test_apptainers_opinion_needs_no_further_library(
    ada: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    result, modules = imported_by(account, "verify", "--signer", ada.fingerprint, image)
    assert "apptainer verify accepts it" in result.out
    assert not packages(modules) & (HEAVY - {"pysequoia", "blake3"})


def test_a_library_that_is_imported_and_not_used_brings_nothing_heavy(account: Account) -> None:
    code = "import sys, repro_sign; print(*sys.modules)"
    result = account.program(Path(account.argv()[0]), "-c", code)
    assert not packages(set(result.out.split())) & (HEAVY | {"click", "subprocess"})
