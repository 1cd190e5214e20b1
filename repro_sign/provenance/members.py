"""Look at members of a manifest's parts: each has its right type, or is taken for not stated.

A trusted signer may have made a manifest with another program, or by hand. What is of the wrong
type is not known; it is never shown as if it were right.
"""

from collections.abc import Mapping
from typing import Any


def object_at(members: Any, *path: str) -> Mapping[str, Any]:
    """Return the object at a place, an empty one if there is none."""
    value = _at(members, path)
    return value if isinstance(value, Mapping) else {}


def text_at(members: Any, *path: str) -> str | None:
    """Return the text at a place; None if there is none, or an empty one."""
    value = _at(members, path)
    return value if isinstance(value, str) and value else None


def number_at(members: Any, *path: str) -> int | None:
    """Return the whole number at a place, 0 or more."""
    value = _at(members, path)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and value >= 0 else None


def flag_at(members: Any, *path: str) -> bool | None:
    """Return the truth value at a place."""
    value = _at(members, path)
    return value if isinstance(value, bool) else None


def texts_at(members: Any, *path: str) -> tuple[str, ...] | None:
    """Return the list of texts at a place; None if anything else is in it."""
    value = _at(members, path)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    return None


def objects_at(members: Any, *path: str) -> tuple[Mapping[str, Any], ...] | None:
    """Return the list of objects at a place; None if anything else is in it."""
    value = _at(members, path)
    if isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
        return tuple(value)
    return None


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
