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


class TooLargeError(ValueError):
    """A text that may be TOML, and that it would take too long or too much memory to read."""


def parse(data: bytes) -> dict[str, Any]:
    """Read a TOML text whose size is bounded already.

    Raises `ValueError` for anything that is none: other bytes than UTF-8, a key that stands
    twice, values nested too deeply; `TooLargeError` where reading it would take too much.
    """
    if max(line.count(b".") for line in data.split(b"\n")) > _MAX_DOTS:
        raise TooLargeError(f"more than {_MAX_DOTS} dots in a line")
    heads = len(set(_HEAD.findall(data)))
    if data.count(b".") + data.count(b"{") + heads > _MAX_TABLES:
        raise TooLargeError(f"more than {_MAX_TABLES} tables or dots")
    if sum(map(data.count, (b",", b"=", b"["))) > _MAX_VALUES:
        raise TooLargeError(f"more than {_MAX_VALUES} values")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("values nested too deeply") from error
