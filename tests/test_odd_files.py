"""FIFOs, devices, folders, sockets and files of /proc wherever a file is read: an answer, at once.

Nothing waits for a FIFO's other end, reads a device for ever, or takes what it says for something.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.account import Account, Signer

pytest.importorskip("resource", reason="memory is limited and measured the POSIX way")

from tests.many_commands import Commands


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def socket(path: Path) -> None:
    """Make a socket at which nobody listens."""
    os.mknod(path, stat.S_IFSOCK | 0o600)


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


ODD: Final = {
    "fifo": fifo,
    "folder": folder,
    **({"socket": socket} if sys.platform == "linux" else {}),
    "loop": lambda path: path.symlink_to(path.name),
    "nowhere": link_to("/nowhere"),
    **{
        name: link_to(name)
        for name in (
            *("/dev/zero", "/dev/null", "/dev/tty"),
            *("/proc/self/mem", "/proc/self/pagemap", "/proc/kmsg"),
        )
    },
}


@dataclass(frozen=True)
class Desk:
    """A reader who trusts Grace, and her image; `odd` is the file that is none."""

    commands: Commands
    image: Path
    author: Signer
    odd: Path

    def verify(self, *arguments: str | Path) -> int:
        return self.commands.run("verify", *arguments, "--engine", "native").status


@contextmanager
def put(kind: str, path: Path) -> Iterator[None]:
    """Put an odd file in a place, instead of what is there; afterwards that is there again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    away = path.with_name(f"away.{path.name}")
    with suppress(FileNotFoundError):
        path.rename(away)
    ODD[kind](path)
    try:
        yield
    except BaseException as error:
        error.add_note(f"{kind} as {path}")
        raise
    finally:
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            away.rename(path)


@pytest.fixture
def desk(grace: Signer, image: Path, account: Account, tmp_path: Path) -> Iterator[Desk]:
    grace.sign(image)
    account.ok("trust", "add", grace.public_key, "--yes")
    with Commands.of(account.with_variables(PATH="/usr/bin:/bin")) as commands:
        yield Desk(commands, image, grace, tmp_path / "odd.sif")


def named(desk: Desk) -> Iterator[tuple[str | Path, ...]]:
    """Yield commands that name the odd file."""
    odd, image, folder = desk.odd, desk.image, desk.odd.parent / "new"
    verify = ("verify", image, "--engine", "native")
    yield from (
        (command, odd) for command in ("verify", "inspect", "lint", "cite", "sign", "audit")
    )
    yield ("verify", odd, "--engine", "native", "--signer", "A" * 40)
    yield ("compare", odd, image)
    yield ("compare", image, odd)
    yield ("deposit", odd, folder)
    yield ("withdraw", odd, "--reason", "x", "--yes")
    for option in ("--key", "--policy", "--lock", "--tsa-cert", "--notices"):
        yield (*verify, option, odd)
    yield (*verify, "--certificate", odd, "--certificate-roots", odd)
    yield ("verify", "-@", odd)
    yield (*verify, "--source", odd)
    yield (*verify, "--outputs", odd)
    yield ("audit", image.parent, "--database", odd)
    yield ("lock", image, "--update", "--out", odd, "--yes")
    yield ("ecl", "lint", odd)
    yield ("ecl", "check", image.parent, "--ecl", odd)
    yield ("trust", "import", odd, "--yes")
    yield ("trust", "add", odd, "--yes")
    yield ("key", "import", odd, "--store", "gnupg")
    yield ("key", "restore", odd, "--passphrase-file", odd)
    yield ("key", "revoke", desk.author.fingerprint, "--reason", "retired", "--certificate", odd)
    yield ("sign", image, "--key", odd, "--passphrase-file", odd)


WAITED_FOR: Final = {"fifo": ("-@", "--passphrase-file"), "/proc/kmsg": ("-@", "--database")}
"""Where a pipe is fine: `-@ <(find ...)`. Whoever names one waits for what is written to it."""


@pytest.mark.parametrize("kind", ODD)
def test_a_file_that_is_named_and_is_none_has_an_answer(desk: Desk, kind: str) -> None:
    before = desk.image.read_bytes()
    for command in named(desk):
        if set(WAITED_FOR.get(kind, ())) & set(command):
            continue
        with put(kind, desk.odd):
            status = desk.commands.run(*command).status
            assert status or (kind, command[-2]) == ("folder", "--notices"), command
    assert desk.image.read_bytes() == before


@pytest.mark.parametrize("kind", ODD)
def test_a_file_that_is_none_beside_an_image_has_an_answer(desk: Desk, kind: str) -> None:
    for name in NOTED:
        with put(kind, desk.image.parent / name):
            assert desk.verify(desk.image) == desk.verify(desk.image.parent) == 0
    for name in HEEDED:
        with put(kind, desk.image.parent / name):
            assert desk.verify(desk.image) in (1, 3)


NOTED: Final = (
    *("keys", "keys/ada.asc", "climate.sif.manifest.asc.tsr"),
    f"climate.sif.{'A' * 16}.withdrawn.asc",
)
"""What is not needed where everything else is good."""
HEEDED: Final = ("climate.sif.manifest.asc", "climate.sif.sigstore.json")


@pytest.mark.parametrize("kind", ODD)
def test_an_image_that_is_none_in_a_folder_is_not_passed_over(desk: Desk, kind: str) -> None:
    with put(kind, desk.image.with_name("other.sif")):
        assert (desk.verify(desk.image.parent) == 0) == (kind == "folder")


@pytest.mark.parametrize("kind", ODD)
def test_a_store_that_is_none_has_an_answer(desk: Desk, kind: str) -> None:
    home = desk.commands.account.home
    for name in ("trust.toml", "repro-sign.toml"):
        with put(kind, home / ".config" / "repro-sign" / name):
            assert desk.verify(desk.image) == 3
    for name in ("pgp-public", "pgp-secret"):
        with put(kind, home / ".apptainer" / "keys" / name):
            assert desk.verify(desk.image) == 0
            assert desk.commands.run("doctor").status == 1
