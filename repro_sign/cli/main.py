"""The group of commands, each imported only when it runs, and the one place that catches errors.

Standard output carries results only. Everything else goes to standard error, starting with
`repro-sign:`. An error of ours becomes its exit status; anything else is a bug and shows itself.
"""

import io
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from repro_sign import __version__
from repro_sign.cli.lazy_group import LazyGroup
from repro_sign.cli.options import explain
from repro_sign.errors import NoAnswerError, ReproSignError, UsageError
from repro_sign.escaping import visible
from repro_sign.times import utc_now

_INTERRUPTED: Final = 130
"""Ended by Ctrl-C, as shells count it."""
_HELP: Final = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What newer versions of click raise to show the help of a group: no error of the user's."""
_COMMANDS: Final = {
    "keygen": "Make a signing key (and its revocation certificate).",
    "key": "Publish, renew, revoke, back up, list and show keys.",
    "trust": "Say whom you believe.",
    "sign": "Sign images and write their manifests.",
    "verify": "Check images, with what lies beside them.",
    "audit": "Check a site's images, every night.",
    "lock": "Pin images to their bytes and signers in one file, for git.",
    "withdraw": "Say, signed, that an image should not be used.",
    "supersede": "Say, signed, that another image came in one's place.",
    "reveal": "Say, signed, whose image it is that was reviewed without a name.",
    "inspect": "Show what is inside an image, and who claims to have signed it.",
    "lint": "Say what in a recipe is not pinned, not checked or not said.",
    "ecl": "Use Apptainer's own gate: write, lint and try its list of signers.",
    "compare": "Say whether two images or manifests are the same, and how they differ.",
    "deposit": "Put an image and all that a reader needs into a folder for an archive.",
    "cite": "Print what is to be written of an image where it is cited.",
    "doctor": "Say what is installed, which keys there are, what is wrong.",
}


class CommandGroup(LazyGroup):
    """All commands, and the one place in which their errors end."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; our own errors end it with their status."""
        try:
            return super().invoke(ctx)
        except ReproSignError as error:
            explain(error)
            ctx.exit(_status(error))


def _status(error: ReproSignError) -> int:
    from repro_sign.cli.exit_codes import ExitCode

    if isinstance(error, UsageError):
        return ExitCode.USAGE
    return ExitCode.UNKNOWN if isinstance(error, NoAnswerError) else ExitCode.FAILED


@click.group(
    cls=CommandGroup,
    package="repro_sign.cli",
    sentences=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="repro-sign", message="%(prog)s %(version)s")
def group() -> None:
    """Sign Singularity/Apptainer images, and verify them anywhere.

    The one command of a reviewer: repro-sign verify image.sif --signer FINGERPRINT
    """
    utc_now()  # without a clock no command can say what counts: not which keys there are, even


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit status."""
    _show_what_the_encoding_lacks()
    try:
        status = group.main(args=list(arguments), prog_name="repro-sign", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("\nrepro-sign: interrupted", err=True)
        return _INTERRUPTED
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except BrokenPipeError:
        _silence_standard_output()
        return 1
    except OSError as error:
        click.echo(f"repro-sign: error: {error.strerror}", err=True)
        _silence_standard_output()
        return 3
    return status if isinstance(status, int) else 0


def _show(error: click.ClickException) -> None:
    """Show what is wrong with a command line: a shell may have put any file's name into it."""
    if isinstance(error, click.UsageError) and not isinstance(error, _HELP):
        error = click.UsageError(visible(error.format_message()), error.ctx)
    error.show()


def _show_what_the_encoding_lacks() -> None:
    """Let characters that the output's encoding lacks be escaped: names come from everywhere."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _silence_standard_output() -> None:
    """Keep Python from complaining, at exit, about output that nobody takes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
