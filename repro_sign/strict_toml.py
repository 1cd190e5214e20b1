"""TOML from outside, bounded before Python's parser sees it."""

import tomllib
from typing import Any, Final

_MAX_DOTS: Final = 200
"""In one line: a key of many dotted parts costs the parser the square of their number."""


def parse(data: bytes) -> dict[str, Any]:
    """Read a TOML text whose size is bounded already.

    Raises `ValueError` for anything that is none: other bytes than UTF-8, a key that stands
    twice, a line with so many dots that reading it would take long, values nested too deeply.
    """
    if max(line.count(b".") for line in data.split(b"\n")) > _MAX_DOTS:
        raise ValueError(f"more than {_MAX_DOTS} dots in a line")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("values nested too deeply") from error
