"""Agents, and what they ask: homes whose secret keys only an agent elsewhere has."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.account import Account

PASSPHRASE = "correct-horse-of-the-vault"
_PINENTRY = """\
#!/bin/sh
# Answers in a person's place what gpg-agent asks (Assuan protocol), and writes down each question.
echo OK
while read -r command rest; do
    echo "$command $rest" >>{log}
    case $command in
        GETPIN) {getpin} ;;
        CONFIRM | MESSAGE) {confirm} ;;
        BYE) echo OK; exit 0 ;;
        *) echo OK ;;
    esac
done
"""


@dataclass(frozen=True)
class Pinentry:
    """A program that answers gpg-agent's questions, and the questions so far."""

    program: Path
    log: Path

    @classmethod
    def that_types(cls, folder: Path, text: str) -> "Pinentry":
        """Give one that types this text, at the pace of a person in a hurry."""
        return cls._write(folder, f"sleep 0.2; echo 'D {text}'; echo OK", "sleep 0.2; echo OK")

    @classmethod
    def that_cancels(cls, folder: Path) -> "Pinentry":
        """Give one that presses Cancel."""
        cancelled = "echo 'ERR 83886179 Operation cancelled <Pinentry>'"
        return cls._write(folder, cancelled, cancelled)

    @classmethod
    def that_nobody_answers(cls, folder: Path) -> "Pinentry":
        """Give one before which nobody sits: it goes when its log does, at the test's end."""
        return cls._write(folder, f"while [ -e {folder} ]; do sleep 0.2; done; exit 0", "exit 0")

    @classmethod
    def _write(cls, folder: Path, getpin: str, confirm: str) -> "Pinentry":
        program, log = folder / "pinentry", folder / "pinentry.log"
        log.touch()
        program.write_text(_PINENTRY.format(log=log, getpin=getpin, confirm=confirm))
        program.chmod(0o700)
        return cls(program, log)

    @property
    def questions(self) -> list[str]:
        """The requests to type something, with the text that a person would see."""
        lines = self.log.read_text().splitlines()
        asked = [at for at, line in enumerate(lines) if line.startswith("GETPIN")]
        return [
            next(line for line in reversed(lines[:at]) if line.startswith("SETDESC"))
            for at in asked
        ]


@dataclass(frozen=True)
class Vault:
    """A home beside the account's own, whose agent has the only secret key."""

    account: Account
    folder: Path
    fingerprint: str

    @classmethod
    @contextmanager
    def new(
        cls, account: Account, *, passphrase: str = "", pinentry: Pinentry | None = None
    ) -> Iterator["Vault"]:
        """Make one, and put the public key into the account's own home. Its agent runs."""
        with gnupg_home(account, "vault") as folder:
            options = ["allow-preset-passphrase", "pinentry-program"]
            options[1] += f" {pinentry.program if pinentry else '/bin/false'}"
            (folder / "gpg-agent.conf").write_text("\n".join([*options, ""]))
            key = ("Vera Vault <vera@uni.example>", "ed25519", "sign", "1y")
            gpg(account, folder, "--quick-gen-key", *key, passphrase=passphrase)
            (fingerprint,) = fingerprints(account, folder)
            public = gpg(account, folder, "--export", fingerprint)
            own = account.home / ".gnupg"
            own.mkdir(0o700)
            gpg(account, own, "--import", stdin=public)
            account.end_agents(own)
            vault = cls(account, folder, fingerprint)
            vault.stop()  # forgets the passphrase of the key's making
            vault.start()
            yield vault

    @property
    def link(self) -> Path:
        """Where the account's gpg looks for its agent."""
        return self.account.home / ".gnupg" / "S.gpg-agent"

    def be_linked(self, how: str = "symbolic link", *, socket: str = "S.gpg-agent.extra") -> None:
        """Lead the account's gpg to a socket of this home's agent."""
        target = self.folder / socket
        if how == "symbolic link":
            self.link.symlink_to(target)
        else:
            self.link.write_text(f"%Assuan%\nsocket={target}\n")

    def start(self) -> None:
        """Start the agent."""
        self.account.program("gpg-connect-agent", "--homedir", self.folder, "/bye")

    def stop(self) -> None:
        """End the agent, so that nothing answers behind the link."""
        self.account.end_agents(self.folder)


@contextmanager
def gnupg_home(account: Account, name: str) -> Iterator[Path]:
    """Make a home for GnuPG in the account's folder; its agents end with it."""
    folder = account.home / name
    folder.mkdir(0o700)
    try:
        yield folder
    finally:
        account.end_agents(folder)


def agent_answers(account: Account, folder: Path) -> bool:
    """Whether an agent runs for a home; starts none."""
    argv = ("gpg-connect-agent", "--homedir", folder, "--no-autostart", "GETINFO pid", "/bye")
    return "OK" in account.program(*argv, check=False).out


def gpg(
    account: Account,
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    passphrase: str | None = "",
) -> bytes:
    """Run gpg in a home and return what it prints; it has to succeed.

    With a passphrase of None the agent asks its pinentry, as it does for a card's PIN.
    """
    argv = ["gpg", "--homedir", str(folder), "--batch", "--quiet", "--no-tty"]
    if passphrase is not None:
        argv += ["--pinentry-mode", "loopback", "--passphrase", passphrase]
    argv += arguments
    done = subprocess.run(
        argv, env=account.environment, input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def fingerprints(account: Account, folder: Path) -> list[str]:
    """Return the primary fingerprints in a home."""
    lines = gpg(account, folder, "--list-keys", "--with-colons").decode().splitlines()
    rows = [line.split(":") for line in lines]
    heads = [at for at, row in enumerate(rows) if row[0] == "pub"]
    return [next(row[9] for row in rows[at:] if row[0] == "fpr") for at in heads]


def tree(folder: Path) -> dict[str, bytes | str | None]:
    """Return all that is in a folder: contents of files, targets of links, None for the rest."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found
