"""Text from images, keys, manifests and servers is hostile: make it safe to show.

A user id may hold terminal escapes, line breaks or right-to-left marks that make one name look
like another. Whatever came from outside passes through `printable` before anybody sees it.
"""

import re
import unicodedata
from typing import Final

MAX_SHOWN_CHARACTERS = 500
"""Longer texts are cut when shown: nobody compares names of that length by eye."""

HIDDEN_CATEGORIES: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that are never shown as they are: controls, format marks (bidirectional
overrides among them), surrogates, private use, unassigned, line and paragraph separators."""
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing: fillers, joiners, variation selectors."""


def is_hidden(character: str) -> bool:
    """Whether a character is one that no eye can see, or that changes how others are shown."""
    category = unicodedata.category(character)
    return category in HIDDEN_CATEGORIES or bool(_INVISIBLE.match(character))


def printable(text: str, *, limit: int = MAX_SHOWN_CHARACTERS) -> str:
    """Return `text` on one line, every character that is not plainly visible written as an escape.

    Backslashes are doubled, so that no text can be mistaken for an escaped one.
    """
    shown = text if len(text) <= limit else text[:limit]
    if _is_plain(shown):
        return shown if len(text) <= limit else shown + "…"
    escaped = "".join(_escape(character) for character in shown)
    return escaped if len(text) <= limit else escaped + "…"


def visible(text: str) -> str:
    """Return a sentence of ours with every hidden character in it written as an escape.

    For sentences whose parts may be escaped already: backslashes stay as they are. A text from
    outside goes through `printable`, which cannot be imitated.
    """
    return "".join(_escape(one) if is_hidden(one) else one for one in text)


def _is_plain(text: str) -> bool:
    if "\\" in text:
        return False
    return (text.isascii() and text.isprintable()) or not any(map(is_hidden, text))


def _escape(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if not is_hidden(character):
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
