"""A person at a machine: a home of their own, the real command line, perhaps a key."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.programs import PROJECT


@dataclass(frozen=True)
class Result:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def image(self) -> Any:
        """The one image of a `verify --json`."""
        (image,) = self.json["images"]
        return image

    @property
    def codes(self) -> set[str]:
        """The codes of all reasons and notes of that image."""
        return {one["code"] for one in (*self.image["reasons"], *self.image["notes"])}


@dataclass(frozen=True)
class Account:
    """An account. Its home has a short path: GnuPG's sockets live in it."""

    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def new(cls) -> Iterator["Account"]:
        """Make an account with an empty home; end its agents and remove it afterwards."""
        home = Path(tempfile.mkdtemp(prefix="rs-"))
        try:
            yield cls(home)
        finally:
            if shutil.which("gpgconf"):
                subprocess.run(
                    ["gpgconf", "--homedir", str(home / ".gnupg"), "--kill", "all"],
                    check=False,
                    capture_output=True,
                )
            shutil.rmtree(home, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this account's commands: nothing of the machine's but PATH."""
        return {
            **{name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ},
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(PROJECT),
            "PYTHONWARNINGS": "error",
            **self.variables,
        }

    def with_variables(self, **variables: str) -> "Account":
        """Return the same account with further environment variables."""
        return Account(self.home, {**self.variables, **variables})

    def argv(self, *arguments: str | Path) -> list[str]:
        """Return the command line of a repro-sign command."""
        return [sys.executable, "-m", "repro_sign", *map(str, arguments)]

    def run(
        self, *arguments: str | Path, cwd: Path | None = None, stdin: str | None = None
    ) -> Result:
        """Run a repro-sign command."""
        done = subprocess.run(
            self.argv(*arguments),
            env=self.environment,
            cwd=cwd or self.home,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str | Path, cwd: Path | None = None) -> Result:
        """Run a repro-sign command that has to succeed."""
        result = self.run(*arguments, cwd=cwd)
        assert result.status == 0, f"{arguments}: {result.status}\n{result.out}\n{result.err}"
        return result

    def verify(self, *arguments: str | Path, cwd: Path | None = None) -> Result:
        """Run `verify --json`."""
        return self.run("verify", "--json", *arguments, cwd=cwd)

    def program(self, *argv: str | Path, stdin: bytes = b"", check: bool = True) -> Result:
        """Run another program in this account's environment."""
        done = subprocess.run(
            list(map(str, argv)),
            env=self.environment,
            cwd=self.home,
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        assert not check or done.returncode == 0, f"{argv}: {done.returncode}\n{out}\n{err}"
        return Result(done.returncode, out, err)

    def end_agents(self, folder: Path | None = None) -> None:
        """End the agents of a GnuPG home (this account's), and wait until their sockets are gone.

        gpgconf only asks them to end. A link to a socket is another home's, and stays.
        """
        home = folder or self.home / ".gnupg"
        self.program("gpgconf", "--homedir", home, "--kill", "all", check=False)
        for _ in range(600):
            if not [one for one in home.glob("S.*") if one.is_socket() and not one.is_symlink()]:
                return
            time.sleep(0.05)
        raise AssertionError("gpg-agent is asked to end and does not")

    @staticmethod
    def run_program(argv: Sequence[str]) -> None:
        """Run a program of the project that has to succeed."""
        subprocess.run(argv, check=True, capture_output=True, timeout=300)

    def make_signer(self, name: str, email: str, store: str) -> "Signer":
        """Make a key for this account."""
        out = self.home / "public"
        out.mkdir(exist_ok=True)
        made = self.ok(
            *("keygen", "--name", name, "--email", email, "--store", store),
            *("--no-passphrase", "--out", out, "--json"),
        ).json
        return Signer(self, made["fingerprint"], Path(made["public_key"]), f"{name} <{email}>")


@dataclass(frozen=True)
class Signer:
    """An account with one key."""

    account: Account
    fingerprint: str
    public_key: Path
    user_id: str

    def sign(self, image: Path, *options: str | Path) -> Result:
        """Sign an image with this key."""
        return self.account.ok("sign", "--json", *options, image)
