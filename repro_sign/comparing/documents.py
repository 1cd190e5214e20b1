"""Compare what is text or JSON: line by line, member by member."""

import difflib
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from repro_sign.comparing.result import Difference, TextDifference, Weight
from repro_sign.contents.listing import without_build_date
from repro_sign.errors import MalformedError
from repro_sign.strict_json import parse_object

BUILD_DATE: Final = "org.label-schema.build-date"
MAX_MEMBERS: Final = 1000
"""Differing members of one document that are listed."""
_MAX_LINES: Final = 2000
"""Finding the shortest difference of longer texts can take very long."""
_MAX_LINE: Final = 2000
_NO_LINE_END: Final = "(no line end)"


def compare_texts(where: str, a: bytes, b: bytes) -> TextDifference:
    """Return the unified diff of two texts, or a line that says that they are too long for one."""
    one, other = (_lines(text) for text in (a, b))
    if max(len(one), len(other)) > _MAX_LINES:
        return TextDifference(where, (f"more than {_MAX_LINES} lines: not compared line by line",))
    return TextDifference(where, tuple(difflib.unified_diff(one, other, "A", "B", lineterm="")))


def _lines(text: bytes) -> list[str]:
    """Split at line feeds only: other line ends are shown as what they are."""
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    last = lines.pop()
    if last:
        lines += [last, _NO_LINE_END]
    return [line[:_MAX_LINE] for line in lines]


def compare_json(where: str, a: bytes, b: bytes) -> tuple[Difference, ...]:
    """Compare two JSON documents, of which something differs, member by member.

    A time of the build is a time; any other difference is one of content. Empty if one of them is
    no JSON object.
    """
    try:
        one, other = (parse_object(data, where) for data in (a, b))
    except MalformedError:
        return ()
    found = compare_members(where, one, other, Weight.CONTENT)
    if without_build_date(a)[0] != without_build_date(b)[0] and all(
        each.weight is Weight.TIME for each in found
    ):
        laid_out = Difference(Weight.CONTENT, where, "layout of its JSON", "differs", "differs")
        return (*found, laid_out)
    return found


def compare_members(where: str, a: Any, b: Any, weight: Weight) -> tuple[Difference, ...]:
    """Compare two JSON values member by member; list the first differences."""
    found = tuple(islice(_members(where, "", a, b, weight), MAX_MEMBERS + 1))
    if len(found) <= MAX_MEMBERS:
        return found
    more = Difference(weight, where, "further members", "differ", "differ")
    return (*found[:MAX_MEMBERS], more)


def _members(where: str, name: str, a: Any, b: Any, weight: Weight) -> Iterator[Difference]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            inner = f"{name}.{key}" if name else key
            yield from _members(where, inner, a.get(key, _NONE), b.get(key, _NONE), weight)
    elif isinstance(a, list) and isinstance(b, list):
        for place in range(max(len(a), len(b))):
            one, other = (each[place] if place < len(each) else _NONE for each in (a, b))
            yield from _members(where, f"{name}[{place}]", one, other, weight)
    elif type(a) is not type(b) or a != b:
        times = name.endswith(BUILD_DATE) and isinstance(a, str) and isinstance(b, str)
        of = Weight.TIME if times else weight
        yield Difference(of, where, name, _shown(a), _shown(b))


_NONE: Final = object()
"""Stands for a member that is not there; null is another thing."""


def _shown(value: Any) -> str | None:
    if value is _NONE:
        return None
    if isinstance(value, str):
        return value
    return json.dumps(value)
