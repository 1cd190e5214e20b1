"""Colours for verdicts; click leaves them out where standard output is no terminal."""

from typing import Final

import click

from repro_sign.trust.verdict import VerdictWord

_COLOURS: Final = {
    VerdictWord.VERIFIED: "green",
    VerdictWord.FAILED: "red",
    VerdictWord.UNKNOWN: "magenta",
    VerdictWord.UNSIGNED: "yellow",
    VerdictWord.UNTRUSTED: "yellow",
}


def paint(text: str, word: VerdictWord) -> str:
    """Colour a text by a verdict."""
    return click.style(text, fg=_COLOURS[word], bold=True)
