"""TOML from outside, bounded before Python's parser sees it."""

import re
import tomllib
from typing import Any, Final

_MAX_DOTS: Final = 100
"""In one line: a key of many dotted parts costs the parser the square of their number."""
_MAX_TABLES: Final = 150_000
"""Tables, and parts of keys that make tables: each costs the parser a kilobyte of memory."""
_MAX_VALUES: Final = 400_000
"""More than that takes the parser seconds."""
_HEAD: Final = re.compile(rb"^[ \t]*+\[[^\n]*+", re.MULTILINE)
_TEXT: Final = re.compile(
    rb"""
      \"{3} (?: [^"\\]++ | \\. | "{1,2}(?!") )*+ (?: "{3,5} | \Z )
    | '{3} (?: [^']++ | '{1,2}(?!') )*+ (?: '{3,5} | \Z )
    | " (?: [^"\\\n]++ | \\[^\n] )*+ "?
    | ' [^'\n]*+ '?
    | \# [^\n]*+
    """,
    re.DOTALL | re.VERBOSE,
)
"""Strings and comments, in which dots and brackets mean nothing."""


class TooLargeError(ValueError):
    """A text that may be TOML, and that it would take too long or too much memory to read."""


def parse(data: bytes) -> dict[str, Any]:
    """Read a TOML text whose size is bounded already.

    Raises `ValueError` for anything that is none: other bytes than UTF-8, a key that stands
    twice, values nested too deeply; `TooLargeError` where reading it would take too much.
    """
    bare = _without_texts(data)
    if max(line.count(b".") for line in bare.split(b"\n")) > _MAX_DOTS:
        raise TooLargeError(f"more than {_MAX_DOTS} dots in a line")
    heads = len(set(_HEAD.findall(bare)))
    if bare.count(b".") + bare.count(b"{") + heads > _MAX_TABLES:
        raise TooLargeError(f"more than {_MAX_TABLES} tables or dots")
    if sum(map(bare.count, (b",", b"=", b"["))) > _MAX_VALUES:
        raise TooLargeError(f"more than {_MAX_VALUES} values")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("values nested too deeply") from error


def _without_texts(data: bytes) -> bytes:
    """Leave out strings and comments, as the parser finds them up to where it gives up."""
    bare, place = bytearray(), 0
    for number, found in enumerate(_TEXT.finditer(data)):
        if number > _MAX_VALUES:
            raise TooLargeError(f"more than {_MAX_VALUES} strings and comments")
        bare += data[place : found.start()]
        place = found.end()
    return bytes(bare + data[place:])
