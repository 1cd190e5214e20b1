"""Options and parameter types that several commands share, each with one help text."""

import logging
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from repro_sign.errors import ReproSignError, UsageError
from repro_sign.escaping import printable, visible
from repro_sign.fingerprint import Fingerprint, PemFingerprint, SignerId, parse_signer
from repro_sign.times import parse_day_or_time

_Command = TypeVar("_Command", bound=Callable[..., Any])


class FingerprintType(click.ParamType[SignerId]):
    """A full fingerprint, OpenPGP or PEM: text becomes a value before the command runs."""

    name = "fingerprint"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> SignerId:
        """Parse, or fail as a usage error."""
        if isinstance(value, Fingerprint | PemFingerprint):
            return value
        try:
            return parse_signer(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DateType(click.ParamType[datetime]):
    """A day, or a time as in RFC 3339."""

    name = "date"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse, or fail as a usage error."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_day_or_time(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


FINGERPRINT = FingerprintType()
DATE = DateType()
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def add_options(command: _Command, options: Sequence[Callable[[_Command], _Command]]) -> _Command:
    """Add options to a command, in the order in which --help shows them."""
    for option in reversed(options):
        command = option(command)
    return command


json_option = click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask: for scripts.")
passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, allow_dash=False),
    help="Read the passphrase from this file (only you may be able to read it).",
)
out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the public key (default: keys/ if there is one, else this folder).",
)


def out_folder(option: Path | None) -> Path:
    """Return the folder to write a public key into; one that is named has to be there.

    Raises `UsageError` if it can't be written to.
    """
    import os

    folder = option or (Path("keys") if Path("keys").is_dir() else Path())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{printable(str(folder))} is no folder that can be written to")
    return folder


class _VisibleFormatter(logging.Formatter):
    """Writes a line of the log on one line: paths and addresses in it come from anywhere."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, nothing hidden left in it."""
        return visible(super().format(record))


def _quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta["repro_sign.quiet"] = value


def _verbose(ctx: click.Context, _: click.Parameter, value: int) -> None:
    ctx.meta["repro_sign.verbose"] = bool(value)
    if value:
        logger = logging.getLogger("repro_sign")
        logger.setLevel(logging.DEBUG)
        if not logger.handlers:
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(_VisibleFormatter("repro-sign: %(message)s"))
            logger.addHandler(handler)


def _color(ctx: click.Context, _: click.Parameter, value: str) -> None:
    import os

    if value == "auto" and os.environ.get("NO_COLOR"):
        value = "never"
    ctx.color = {"auto": None, "always": True, "never": False}[value]


def output_options(command: _Command) -> _Command:
    """Add the options that say how much is shown, and in which colours."""
    for option in (
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            callback=_color,
            expose_value=False,
            help="Colours: on a terminal (auto), always or never.",
        ),
        click.option(
            "-v",
            "--verbose",
            count=True,
            callback=_verbose,
            expose_value=False,
            help="Say on standard error what is being done.",
        ),
        click.option(
            "-q",
            "--quiet",
            is_flag=True,
            callback=_quiet,
            expose_value=False,
            help="Print as little as possible.",
        ),
    ):
        command = option(command)
    return command


def is_quiet() -> bool:
    """Whether the running command was told to be quiet."""
    return bool(click.get_current_context().meta.get("repro_sign.quiet"))


def is_verbose() -> bool:
    """Whether the running command was told to leave nothing out."""
    return bool(click.get_current_context().meta.get("repro_sign.verbose"))


def say(message: str) -> None:
    """Tell the person something that is no result, on standard error."""
    if not is_quiet():
        click.echo(message, err=True)


def explain(error: ReproSignError) -> None:
    """Print an error and its hint on standard error.

    What they name is escaped already; what they quote of another library's errors may not be.
    """
    click.echo(f"repro-sign: error: {visible(str(error))}", err=True)
    if error.hint:
        click.echo(f"repro-sign: hint: {visible(error.hint)}", err=True)
