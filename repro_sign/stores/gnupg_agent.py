"""The agent behind a GnuPG home: whether it is somebody else's, answers, holds a key.

An agent may live on another machine, with the keys: the home then holds a link to its socket, a
symbolic one or a file of two lines (`%Assuan%`, `socket=PATH`). If nothing answers there, gpg
would silently start an agent of its own, which is empty and takes the link's place.
"""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.escaping import printable
from repro_sign.system.files import read_if_there
from repro_sign.system.process import Completed, find_program, fresh_environment, run
from repro_sign.values import dataclass

NO_AGENT: Final = "--no-autostart"
_SECONDS: Final = 20.0
_REDIRECT: Final = re.compile(rb"%Assuan%\s*\nsocket=([^\n]+)")
"""GnuPG's way to say where a socket really is (libassuan, "Assuan sockets")."""
_ESCAPE: Final = re.compile(rb"%([0-9a-fA-F]{2})")
"""How gpgconf writes a colon or a percent sign in a path."""
_MAX_FILE_BYTES: Final = 1 << 20
_OPTION_FILES: Final = ("gpg.conf", "common.conf")


class Keeper(StrEnum):
    """What keeps the secret half of a key in GnuPG, as far as it tells."""

    DISK = "disk"
    CARD = "card"
    AGENT = "agent"
    """An agent that is reached from elsewhere, which does not say whether the key is on a card."""


@dataclass(frozen=True, slots=True)
class AgentPlace:
    """Where a home's agent listens. A `foreign` one is not ours to start."""

    folder: Path
    socket: str
    target: str | None
    foreign: bool

    @property
    def gpg_options(self) -> tuple[str, ...]:
        """What keeps gpg from starting an empty agent in a foreign one's place."""
        return (NO_AGENT,) if self.foreign else ()

    def silence(self) -> NoAnswerError | None:
        """Return what to tell the user if a foreign agent does not answer."""
        if not self.foreign:
            return None
        try:
            answered = bool(self._ask("GETINFO version").stdout.strip())  # a refusal is one, too
        except NoAnswerError:  # it took the call, and says nothing
            answered = False
        if answered:
            return None
        linked = f", where {printable(self.socket)} leads," if self.target else ""
        return NoAnswerError(
            f"no gpg-agent answers at {printable(self.target or self.socket)}{linked}"
            " so the keys behind it can't be used",
            hint="is the connection to the machine with the keys up (ssh), and does its agent run"
            " (there: gpgconf --launch gpg-agent)? --key names a key that lives elsewhere; without"
            " the link or the option no-autostart gpg uses an agent of this machine",
        )

    def holds(self, keygrip: str) -> bool:
        """Whether the agent has the secret key with this keygrip, on a card or not.

        An agent that is reached from elsewhere answers nothing else about its keys.
        """
        if not find_program("gpg-connect-agent"):
            return True  # gpg will see
        return b"\nOK" in b"\n" + self._ask(f"HAVEKEY {keygrip}").stdout

    def _ask(self, command: str) -> Completed:
        argv = ["gpg-connect-agent", "--homedir", str(self.folder), NO_AGENT, command]
        return run([*argv, "/bye"], env=fresh_environment("HOME"), timeout=_SECONDS)


def find_agent(folder: Path) -> AgentPlace:
    """Look where the agent of a home is. Starts none and asks none."""
    socket = _socket(folder)
    target = _target(socket)
    foreign = target is not None or _forbids_start(folder)
    return AgentPlace(folder, socket, target, foreign)


def _socket(folder: Path) -> str:
    program = find_program("gpgconf")
    if program is not None:
        argv = [str(program), "--homedir", str(folder), "--list-dirs", "agent-socket"]
        done = run(argv, env=fresh_environment("HOME"), timeout=_SECONDS)
        told = _ESCAPE.sub(lambda one: bytes([int(one[1], 16)]), done.stdout.strip())
        if done.status == 0 and told:
            return os.fsdecode(told)
    return str(folder / "S.gpg-agent")


def _target(socket: str) -> str | None:
    """Return where a link leads; None if the socket is none."""
    if os.path.islink(socket):
        return os.readlink(socket)
    match = _REDIRECT.match(_content(Path(socket)))
    return match[1].decode("utf-8", "replace").strip() if match else None


def _forbids_start(folder: Path) -> bool:
    """Whether the user's own options say that gpg must start no agent (as with ssh's forwarding).

    It is the one thing in them that we heed.
    """
    lines = (line for name in _OPTION_FILES for line in _content(folder / name).splitlines())
    return any(line.strip() == b"no-autostart" for line in lines)


def _content(path: Path) -> bytes:
    """Return a small file's content; nothing where there is none that can be read."""
    try:
        return read_if_there(path, _MAX_FILE_BYTES, "options file") or b""
    except (NoAnswerError, MalformedError):  # an ordinary socket, above all
        return b""
