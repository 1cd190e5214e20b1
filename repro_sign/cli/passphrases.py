"""Where passphrases come from: a hidden prompt, or a file that only its owner can read.

Never from the command line, and never from the environment itself: both can be read by others.
"""

import os
import stat
import sys
from pathlib import Path
from typing import Final

import click

from repro_sign.errors import RefusedError, UnreadableError, UsageError
from repro_sign.escaping import printable

FILE_VARIABLE: Final = "REPRO_SIGN_PASSPHRASE_FILE"
_MAX_BYTES: Final = 4096


def passphrase_file(option: Path | None) -> Path | None:
    """Return the file that the option or the environment names."""
    if option is not None:
        return option
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else None


def read_passphrase(path: Path) -> str:
    """Read a passphrase; one final line end is not part of it.

    Raises `RefusedError` if others can read the file, `UnreadableError` if nobody can.
    """
    shown = printable(str(path))
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
                raise RefusedError(f"{shown} is neither a file nor a pipe")
            if os.name == "posix" and status.st_mode & 0o077:
                raise RefusedError(
                    f"others can read the passphrase file {shown}", hint=f"chmod 600 {shown}"
                )
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableError(f"{shown}: {error.strerror}") from error
    text = data.removesuffix(b"\n").removesuffix(b"\r")
    if len(data) > _MAX_BYTES or b"\n" in text:
        raise RefusedError(f"{shown} holds more than one line: no passphrase has that")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(f"the passphrase in {shown} is not UTF-8 text") from error


def ask_passphrase(prompt: str, *, twice: bool = False) -> str:
    """Ask on the terminal without showing what is typed. Raises `UsageError` without one."""
    if not sys.stdin.isatty():
        hint = f"give it with --passphrase-file FILE, or name the file in {FILE_VARIABLE}"
        raise UsageError("a passphrase is needed and there is no terminal to ask on", hint=hint)
    answer = click.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True)
    return str(answer)


def key_passphrase(name: str, encrypted: bool | None, option: Path | None) -> str | None:
    """Return a key's passphrase if we are the ones who have to know it.

    Of a key in GnuPG (`encrypted` is None) gpg-agent asks by itself, unless a file was named.
    """
    path = passphrase_file(option)
    if encrypted is False:
        return None
    if path is not None:
        return read_passphrase(path)
    return ask_passphrase(f"Passphrase of {name}") if encrypted else None
