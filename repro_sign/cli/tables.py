"""Tables: drawn by rich on a terminal, tab-separated lines where a program reads them."""

import sys
from collections.abc import Iterable, Sequence

import click


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output. The cells are escaped already."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*head, box=box.SIMPLE, pad_edge=False)
    for row in rows:
        drawn.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console(no_color=click.get_current_context().color is False).print(drawn)
