"""This machine and the author's, side by side: a table, and JSON members."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

from repro_sign.escaping import printable
from repro_sign.provenance.difference import MachineRow
from repro_sign.report.columns import fold
from repro_sign.report.made_from import whose
from repro_sign.trust.evidence import ManifestEvidence
from repro_sign.verifying import ImageReport

_COLUMN: Final = 32
_WIDTH: Final = 65
"""What labels leave of 80 columns."""
_LONGEST: Final = 160
_HIDDEN: Final = ("instructions",)
"""Rows whose reason says what differs, and whose values are long."""


def lines(report: ImageReport, *, every_row: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the table as labels and texts; none where no trusted manifest describes a machine.

    Without `every_row` what is the same, or known of one machine only, is but named.
    """
    described = [one for one in report.believed if one.machine]
    for one in described:
        if len(described) > 1:
            yield "machine", f"by {whose(one)}:"
        yield from _table(one.machine, every_row)


def members(report: ImageReport) -> list[dict[str, Any]]:
    """Return the comparison with each trusted manifest that describes a machine."""
    return [
        {
            "manifest": one.name,
            "fingerprint": str(one.signer),
            "rows": rows_of(one),
        }
        for one in report.believed
        if one.machine
    ]


def rows_of(one: ManifestEvidence) -> list[dict[str, Any]]:
    """Return the rows of one comparison, as JSON members."""
    return [_row(row) for row in one.machine]


def _row(row: MachineRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "here": row.here,
        "there": row.there,
        "outcome": "same" if row.same else "different" if row.differs else "not known",
        "matters": row.matters,
    }


def _table(rows: tuple[MachineRow, ...], every_row: bool) -> Iterator[tuple[str, str]]:
    full = [row for row in rows if row.differs or every_row]
    if full:
        yield "machine", f"{'yours':<{_COLUMN}} the author's"
    else:
        yield "machine", "no difference from the author's is known"
    for row in full:
        yield from _cells(row, every_row)
        yield from (("", f"  {line}") for line in fold(printable(row.matters), _WIDTH - 2) if line)
    if every_row:
        return
    same = [row.name for row in rows if row.same]
    unknown = [row.name for row in rows if (row.here is None) != (row.there is None)]
    if same:
        yield from _named("same", same)
    if unknown:
        yield from _named("not known", unknown)


def _cells(row: MachineRow, every_row: bool) -> Iterator[tuple[str, str]]:
    if row.name in _HIDDEN and not every_row:
        yield row.name, "differ"
        return
    here, there = (
        fold(printable(text or "not known", limit=_LONGEST), _COLUMN)
        for text in (row.here, row.there)
    )
    for number, (left, right) in enumerate(zip_longest(here, there, fillvalue="")):
        yield "" if number else row.name, f"{left:<{_COLUMN}} {right}".rstrip()


def _named(label: str, names: list[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(fold(", ".join(names), _WIDTH)):
        yield "" if number else label, line
