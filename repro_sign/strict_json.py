"""JSON from outside, read strictly: UTF-8, no duplicate keys, no numbers that JSON has not."""

import json
from typing import Any

from repro_sign.errors import MalformedError

MAX_DEPTH = 100
"""Nesting beyond this is nobody's data; Python's own parser would overflow its stack."""


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """Parse `data` as one JSON object; `what` names it in errors.

    Raises `MalformedError` for anything else, duplicate keys included.
    """
    try:
        text = data.decode("utf-8")
        if _depth(text) > MAX_DEPTH:
            raise MalformedError(f"{what} is nested too deeply")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise MalformedError(f"{what} is not UTF-8 text") from error
    except ValueError as error:
        raise MalformedError(f"{what} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is not a JSON object")
    return value


def _depth(text: str) -> int:
    """Return an upper bound of the nesting (brackets inside strings count too)."""
    deepest = current = 0
    for character in text:
        if character in "[{":
            current += 1
            deepest = max(deepest, current)
        elif character in "]}":
            current -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key occurs twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
