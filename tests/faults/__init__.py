"""Faults put into the real system calls of a command, by strace.

Only the command's main thread is watched: it alone writes to the image and beside it.
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.account import Account, Result, Signer
from tests.faults import tally

CHANGES = (
    *("write", "pwrite64", "copy_file_range", "ioctl", "ftruncate"),
    *("fchmod", "fsync", "fdatasync", "rename", "renameat2", "linkat", "unlink"),
)
"""System calls that change a file (`ioctl`: FICLONE), or say that the change is to stay."""


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that a command made: its name, how many-th of that name, how it looked."""

    name: str
    number: int
    shown: str

    @property
    def may_fail(self) -> bool:
        """Whether the command goes on where this fails: no reflinks, no syncing of folders."""
        synced = re.search(r"^fsync\(\d+<([^>]+)>", self.shown)
        return "FICLONE" in self.shown or bool(synced and "." not in Path(synced[1]).name)


def calls_of(
    account: Account,
    folders: tuple[Path, ...],
    *argv: str | Path,
    names: tuple[str, ...] = CHANGES,
) -> list[Call]:
    """Run a repro-sign command that has to succeed; return its calls on files in the folders."""
    result, log = strace(account, [f"trace={','.join(names)}"], *argv)
    assert result.status == 0, result.err
    seen: dict[str, int] = {}
    found = []
    for line in log.splitlines():
        if match := re.match(r"(\w+)\(", line):
            name = match[1]
            seen[name] = seen.get(name, 0) + 1
            if _is_in(line, folders) and (name != "ioctl" or "FICLONE" in line):
                found.append(Call(name, seen[name], line))
    return found


def run_with_fault(
    account: Account, call: Call, fault: str, folders: tuple[Path, ...], *argv: str | Path
) -> Result:
    """Run a repro-sign command with a fault at one of its calls.

    `fault` is in strace's words: `signal=KILL`, which comes before the call does anything, or
    `error=ENOSPC`.
    """
    injection = f"inject={call.name}:{fault}:when={call.number}"
    tally.note(argv, fault, call.name)
    result, log = strace(account, [f"trace={call.name}", "-e", injection], *argv)
    lines = [line for line in log.splitlines() if line.startswith(f"{call.name}(")]
    assert _is_in(lines[call.number - 1], folders), f"the fault went elsewhere: {lines}"
    return result


def strace(account: Account, options: list[str], *argv: str | Path) -> tuple[Result, str]:
    """Run a repro-sign command under strace; return its result, and what strace wrote.

    The first of the options is an expression (`trace=…`).
    """
    with tempfile.NamedTemporaryFile("r", prefix="rs-strace-") as log:
        quiet = account.with_variables(PYTHONDONTWRITEBYTECODE="1")  # its writes would be counted
        result = quiet.program(
            "strace", "-qq", "-y", "-o", log.name, "-e", *options, *account.argv(*argv), check=False
        )
        return result, log.read()


def _is_in(line: str, folders: tuple[Path, ...]) -> bool:
    """Whether a line of strace's names a file in one of the folders, or a folder itself."""
    starts = [mark + str(folder) for folder in folders for mark in '<"']
    return any(start + end in line for start in starts for end in "/>")


def build_library(folder: Path, name: str) -> Path:
    """Build one of the libraries beside this file that stand in front of the C library."""
    source, built = Path(__file__).with_name(f"{name}.c"), folder / f"{name}.so"
    argv = ["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(built), str(source), "-ldl"]
    subprocess.run(argv, check=True)
    return built


def key_files(signer: Signer) -> dict[str, bytes]:
    """Return what both stores of an account hold of secret and public keys."""
    home = signer.account.home
    places = (".apptainer/keys/*", ".gnupg/private-keys-v1.d/*", ".gnupg/pubring.kbx")
    return {str(path): path.read_bytes() for place in places for path in home.glob(place)}
