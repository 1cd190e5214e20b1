"""Names in documents: written so that no character of them means anything to LaTeX or Markdown.

A name in a key is whatever its owner typed. `printable` comes first: hidden characters and line
ends are escapes before any of this.
"""

import json
import re
from typing import Final

from repro_sign.escaping import printable

_MAX_CHARACTERS: Final = 1000
_LATEX: Final = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"{\char34}",
    }
)
_DASHES: Final = re.compile("-(?=-)")
"""Two of them become one longer dash."""
_MARKDOWN: Final = str.maketrans({one: f"\\{one}" for one in "\\`*_{}[]<>#!|~&:$"})
"""Punctuation that can begin something (CommonMark 2.4); with `:`, no `https:` becomes a link."""
_SITE: Final = re.compile("(?i)(www)(?=[.])")
"""What GitHub makes a link of without a scheme (GFM 6.9)."""


def latex(text: str) -> str:
    """Return a text for LaTeX."""
    return _DASHES.sub("-{}", _name(text).translate(_LATEX))


def markdown(text: str) -> str:
    """Return a text for Markdown, in a table or not."""
    return _SITE.sub(r"\1\\", _name(text).translate(_MARKDOWN))


def plain(text: str) -> str:
    """Return a text on one line."""
    return _name(text)


def yaml(text: str) -> str:
    """Return a text as a double-quoted YAML scalar: of one without hidden characters, JSON is."""
    return json.dumps(_name(text), ensure_ascii=False)


def _name(text: str) -> str:
    return printable(text, limit=_MAX_CHARACTERS)
