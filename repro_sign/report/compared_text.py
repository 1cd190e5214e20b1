"""A comparison as text: first whether the two are the same and in which sense, then the rest.

All text from outside is escaped here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, TypeVar

from repro_sign.comparing.documents import compare_texts
from repro_sign.comparing.result import (
    Comparison,
    Difference,
    Sameness,
    Side,
    TextDifference,
    TreeComparison,
    Weight,
)
from repro_sign.contents.tree_differences import EntryChange
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.times import readable, rfc3339

Paint = Callable[[str, Sameness], str]
"""Colours a text by a result."""

_HEADLINES: Final = {
    Sameness.BYTES: "same bytes",
    Sameness.IDENTITY: "same identity: only signatures differ, and what no signature covers",
    Sameness.CONTENT: "same content, different packing",
    Sameness.DIFFERENT: "different",
    Sameness.UNKNOWN: "could not find out whether the content is the same",
}
_COUNTED_AS: Final = (
    "counts as   different, since times differ; with --ignore-times it counts as the same"
)
_NOT_VERIFIED: Final = (
    "note        comparing is no verifying: it says nothing about who made these files"
)
_MAX_ROWS: Final = 20
_MAX_DIFF_LINES: Final = 60
_MAX_TIMES: Final = 6
_MAX_VALUE: Final = 150
_FILE_NAMES: Final = ("--- A", "+++ B")
_One = TypeVar("_One")
_MARKS: Final = {Weight.PACKING: "packing", Weight.SIGNATURE: "signature"}


def plain(text: str, _: Sameness) -> str:
    """Return a text without colour."""
    return text


def brief(found: Comparison, paint: Paint = plain) -> str:
    """Return one line: the result, ended by a line end."""
    return f"{_headline(found, paint)}\n"


def comparison(found: Comparison, paint: Paint = plain) -> str:
    """Return all there is to say, ended by a line end."""
    lines = [_headline(found, paint)]
    lines += _side_lines("A", found.a)
    lines += _side_lines("B", found.b)
    if found.times_differ and not found.ignore_times:
        lines.append(f"  {_COUNTED_AS}")
    lines += [f"  note        {printable(one)}" for one in found.notes]
    lines.append(f"  {_NOT_VERIFIED}")
    timeless = (one for one in found.differences if one.weight is not Weight.TIME)
    for where, group in groupby(timeless, key=lambda one: one.where):
        lines.append(printable(where))
        lines += _cut(list(group), _rows)
    for text in found.texts:
        lines.append(f"{printable(text.where)}, line by line")
        lines += _diff(text, _MAX_DIFF_LINES)
    for tree in found.trees:
        lines += _tree_lines(tree)
    lines += _time_lines(found)
    return "".join(f"{line}\n" for line in lines)


def _headline(found: Comparison, paint: Paint) -> str:
    line = paint(_HEADLINES[found.result], found.result)
    if found.result is Sameness.CONTENT:
        what = _packed(found)
        return f"{line}: {', '.join(what)}" if what else line
    if found.result is not found.sameness:
        return f"{line}: not the image ({_HEADLINES[found.sameness]}), but what is said besides"
    if found.result is Sameness.DIFFERENT:
        return f"{line}: {', '.join(_content(found))}"
    return line


def _packed(found: Comparison) -> list[str]:
    """Name what packing consists of, where the content is the same."""
    names = []
    if Weight.TIME in found.weights:
        names.append("times")
    if any(one.packing[0].compression != one.packing[1].compression for one in found.trees):
        names.append("compression")
    if any(one.what == "UUID" for one in found.differences):
        names.append("UUID")
    if Weight.SIGNATURE in found.weights:
        names.append("signatures")
    return names


def _content(found: Comparison) -> list[str]:
    """Name what differs in content, each once."""
    names = dict.fromkeys(
        printable(one.where) for one in found.differences if one.weight is Weight.CONTENT
    )
    changed = [tree for tree in found.trees if tree.differences.in_content]
    return [*names, *(f"files in {printable(tree.where)}" for tree in changed)]


def _side_lines(name: str, side: Side) -> Iterator[str]:
    yield f"  {name}           {printable(str(side.path))}"
    signature = side.signature
    if signature is not None:
        key = signature.signer.grouped() if signature.signer else "no key"
        when = f" on {readable(signature.signed_at)}" if signature.signed_at else ""
        yield f"              manifest signed by {key}{when}"
        if signature.user_id:
            yield f"              who calls themselves {printable(signature.user_id)}"
        if signature.finding is not Finding.GOOD:
            yield f"              {printable(signature.message)}"
    if side.content:
        yield f"              content:{side.content}"


def _rows(one: Difference) -> Iterator[str]:
    what = printable(one.what)
    mark = f"  ({_MARKS[one.weight]})" if one.weight in _MARKS else ""
    if one.weight is Weight.UNREAD and one.after is None:
        yield f"  {what}: can't be compared: {printable(one.before or '')}"
    elif one.before is None:
        yield f"  {what}: only in B: {_value(one.after)}{mark}"
    elif one.after is None:
        yield f"  {what}: only in A: {_value(one.before)}{mark}"
    elif "\n" in one.before or "\n" in one.after:
        yield f"  {what}, line by line{mark}"
        sides = (text.encode("utf-8", "surrogateescape") for text in (one.before, one.after))
        yield from (f"  {line}" for line in _diff(compare_texts(what, *sides), _MAX_ROWS))
    else:
        yield f"  {what}: {_value(one.before)} → {_value(one.after)}{mark}"


def _value(text: str | None) -> str:
    return printable(text or "", limit=_MAX_VALUE)


def _diff(text: TextDifference, limit: int) -> Iterator[str]:
    lines = [line for line in text.lines if line not in _FILE_NAMES]
    yield from (f"  {printable(line)}" for line in lines[:limit])
    if len(lines) > limit:
        yield f"  … and {len(lines) - limit} more lines"


def _tree_lines(tree: TreeComparison) -> Iterator[str]:
    found = tree.differences
    yield f"{printable(tree.where)}, its file tree"
    if tree.digests[0] == tree.digests[1]:
        yield f"  tree:{tree.digests[0]} in both"
    else:
        yield f"  tree:{tree.digests[0]} → tree:{tree.digests[1]}"
    one, other = tree.packing
    if one.compression != other.compression:
        yield f"  compression: {one.compression} → {other.compression}  (packing)"
    if one.block_size != other.block_size:
        yield f"  block size: {one.block_size} → {other.block_size}  (packing)"
    for word, paths in (("only in A", found.only_in_a), ("only in B", found.only_in_b)):
        rows = [f"  {word}  {_path(path)}" for path in paths.listed[:_MAX_ROWS]]
        yield from _cut(rows, _as_it_is, paths.count)
    yield from _cut(found.changed.listed, _entry, found.changed.count)


def _as_it_is(row: str) -> tuple[str]:
    return (row,)


def _entry(one: EntryChange) -> Iterator[str]:
    yield f"  {one.aspect} of {_path(one.path)}: {_value(one.before)} → {_value(one.after)}"


def _time_lines(found: Comparison) -> Iterator[str]:
    """Yield the differences of times, few of them: they are many and say little."""
    rows = [
        (f"{one.what} of {one.where}", one.before or "", one.after or "")
        for one in found.differences
        if one.weight is Weight.TIME
    ]
    entries = [one for tree in found.trees for one in tree.differences.times.listed]
    rows += [(f"{one.aspect} of {_name(one.path)}", one.before, one.after) for one in entries]
    count = len(rows) - len(entries) + sum(tree.differences.times.count for tree in found.trees)
    if not count:
        return
    if found.ignore_times or found.sameness is Sameness.IDENTITY:
        yield f"times: {count} differ, left aside"
        return
    yield "times"
    for what, before, after in rows[:_MAX_TIMES]:
        yield f"  {printable(what)}: {_moment(before)} → {_moment(after)}"
    if count > _MAX_TIMES:
        yield f"  … and {count - _MAX_TIMES} more"


def _cut(
    many: Sequence[_One], shown: Callable[[_One], Iterable[str]], count: int | None = None
) -> Iterator[str]:
    """Show the first of many, and say how many more there are."""
    for one in many[:_MAX_ROWS]:
        yield from shown(one)
    more = (len(many) if count is None else count) - min(len(many), _MAX_ROWS)
    if more:
        yield f"  … and {more} more"


def _path(raw: bytes) -> str:
    return printable(_name(raw))


def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _moment(text: str) -> str:
    """Return Unix seconds as a date, or a text as it is where it is none."""
    try:
        return rfc3339(datetime.fromtimestamp(int(text), UTC))
    except (ValueError, OverflowError, OSError):
        return _value(text)
