"""JSON from outside, read strictly: UTF-8, no duplicate keys, no numbers that JSON has not."""

import json
import math
import re
from typing import Any, Final

from repro_sign.errors import MalformedError

MAX_DIGITS: Final = 100
"""Whole numbers beyond this are nobody's sizes; reading huge ones takes quadratic time."""
MAX_DEPTH: Final = 100
"""Nesting beyond this is nobody's data; Python's own parser would overflow its stack."""
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A string, ended or not: brackets in it are text and may not be counted."""
_STRING_OR_BRACKET_BYTES: Final = re.compile(_STRING_OR_BRACKET.pattern.encode(), re.DOTALL)


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """Parse `data` as one JSON object; `what` names it in errors.

    Raises `MalformedError` for anything else, duplicate keys included.
    """
    try:
        text = data.decode("utf-8")
        if _is_too_deep(text):
            raise MalformedError(f"{what} is nested too deeply")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
    except UnicodeDecodeError as error:
        raise MalformedError(f"{what} is not UTF-8 text") from error
    except ValueError as error:
        raise MalformedError(f"{what} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is not a JSON object")
    return value


def end_of_object(data: bytes, start: int, what: str) -> int:
    """Return where the object that begins at `start` ends, told by its brackets alone.

    Raises `MalformedError` if it does not end, or is nested too deeply.
    """
    depth = 0
    for found in _STRING_OR_BRACKET_BYTES.finditer(data, start):
        if found[0] in (b"[", b"{"):
            depth += 1
        elif found[0] in (b"]", b"}"):
            depth -= 1
        if depth > MAX_DEPTH:
            raise MalformedError(f"{what} is nested too deeply")
        if depth <= 0:
            return found.end()
    raise MalformedError(f"{what} is incomplete")


def _is_too_deep(text: str) -> bool:
    """Whether the text is nested too deeply, be it valid JSON or not."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif found[0] in "]}":
            depth -= 1
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key occurs twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("a number is too large")
    return int(text)


def an_object(value: Any) -> dict[str, Any]:
    """Return a value that is a JSON object. Raises `TypeError` for any other."""
    if not isinstance(value, dict):
        raise TypeError("a JSON object is expected in place of another value")
    return value


def a_list(value: Any, of: str) -> list[Any]:
    """Return a value that is a JSON array; `of` says of what. Raises `TypeError` for any other."""
    if not isinstance(value, list):
        raise TypeError(f"a list of {of} is expected in place of another value")
    return value


def a_string(value: Any) -> str:
    """Return a value that is a string. Raises `TypeError` for any other."""
    if not isinstance(value, str):
        raise TypeError("a string is expected in place of another value")
    return value


def a_whole_number(value: Any) -> int:
    """Return a value that is a whole number, 0 or more. Raises `TypeError` for any other."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a whole number is expected in place of another value")
    return value
