"""Texts folded for a terminal of 80 columns."""

import textwrap


def fold(text: str, width: int) -> list[str]:
    """Break a text into lines, between words where that can be; at least one line."""
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]
