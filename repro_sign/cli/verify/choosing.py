"""Which paths `verify` looks at: those named, what patterns match, and those in a list."""

import glob
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import click

from repro_sign.errors import UnreadableError, UsageError
from repro_sign.escaping import printable
from repro_sign.image_search import Unfound

_Result = TypeVar("_Result")
_MAX_PATH_BYTES: Final = 64 << 10
"""No system takes a longer path: a list with longer lines is none."""
_MAX_EMPTY_BYTES: Final = 1 << 20
"""A list with nothing but ends of lines for so long is none."""
_READ_BYTES: Final = 1 << 16

Choice = Callable[[], Iterator[Path | Unfound]]
"""Gives the paths anew with each call. Those that come from standard input come once."""


def path_arguments(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """Add PATHS and `-@`, and hand what they name over as `chosen`: None if that is nothing."""

    @wraps(command)
    def with_paths(
        *arguments: Any, paths: tuple[str, ...], lists: tuple[str, ...], **others: Any
    ) -> _Result:
        if lists.count("-") > 1:
            raise UsageError("standard input can be read once: -@ - was given twice")
        chosen: Choice | None = (lambda: _chosen(paths, lists)) if paths or lists else None
        return command(*arguments, chosen=chosen, countable="-" not in lists, **others)

    listed = click.option(
        "-@",
        "lists",
        multiple=True,
        metavar="LIST",
        help="Verify the paths in this file too, one a line (-: standard input).",
    )
    named = click.argument("paths", nargs=-1, type=click.Path())
    decorated: Callable[..., _Result] = named(listed(with_paths))
    return decorated


def _chosen(paths: Iterable[str], lists: Iterable[str]) -> Iterator[Path | Unfound]:
    for text in paths:
        yield from _matching(text)
    for name in lists:
        yield from _listed(name)


def _matching(text: str) -> Iterator[Path | Unfound]:
    """Yield what a pattern matches, as a shell does it; a path that is there is no pattern."""
    if not glob.has_magic(text) or os.path.lexists(text):
        yield Path(text)
        return
    found = sorted(glob.glob(text, recursive=True))
    if not found:
        yield Unfound(Path(text), f"{printable(text)} matches nothing")
    yield from map(Path, found)


def _listed(name: str) -> Iterator[Path | Unfound]:
    """Yield the paths in a list; they are relative to the current folder, as those named are."""
    shown = "standard input" if name == "-" else printable(name)
    count = 0
    try:
        with click.open_file(name, "rb") as file:
            _demand_no_device(file, shown)
            for line in _lines(file, shown):
                count += 1
                yield Path(os.fsdecode(line))
    except OSError as error:
        yield Unfound(Path(name), f"{shown}: {error.strerror}")
    except UnreadableError as error:
        yield Unfound(Path(name), str(error))
    else:
        if not count:
            yield Unfound(Path(name), f"{shown} lists no path")


def _demand_no_device(file: IO[bytes], shown: str) -> None:
    """Refuse a device, which may never end. A FIFO is fine: somebody writes what is read."""
    mode = os.fstat(file.fileno()).st_mode
    if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not file.isatty()):
        raise UnreadableError(f"{shown} is a device, and no list of paths")


def _lines(file: IO[bytes], shown: str) -> Iterator[bytes]:
    """Yield the lines that are not empty; NUL ends them where there is one at the beginning."""
    rest, end, empty = b"", b"", 0
    while data := file.read(_READ_BYTES):
        rest += data
        end = end or (b"\0" if b"\0" in rest else b"\n")
        *whole, rest = rest.split(end)
        paths = [_path(line, end) for line in whole if _path(line, end)]
        yield from paths
        empty = 0 if paths else empty + len(data)
        if empty > _MAX_EMPTY_BYTES:
            raise UnreadableError(f"{shown} is no list of paths: its lines are empty")
        if len(rest) > _MAX_PATH_BYTES:
            raise UnreadableError(f"{shown} is no list of paths: a line of it has no end")
    if _path(rest, end):
        yield _path(rest, end)


def _path(line: bytes, end: bytes) -> bytes:
    """Return a line without the end that Windows gives it."""
    return line if end == b"\0" else line.removesuffix(b"\r")
