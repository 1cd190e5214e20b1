"""Ask before what can't be undone, or needs a person's judgement; scripts say `--yes` instead."""

import sys

import click

from repro_sign.errors import RefusedError, UsageError


def confirm(question: str, *, what: str, hint: str, declined: str) -> None:
    """Ask a question that has to be answered with yes.

    `what` is what there would be to ask, `declined` what a no means. Raises `UsageError` where
    there is no terminal to ask on, `RefusedError` for a no.
    """
    require_terminal(what, hint)
    if not click.confirm(question, err=True):
        raise RefusedError(declined)


def require_terminal(what: str, hint: str) -> None:
    """Raise `UsageError` if there is nobody to ask `what`."""
    if not sys.stdin.isatty():
        raise UsageError(f"there is no terminal to ask {what}", hint=hint)
