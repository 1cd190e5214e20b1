"""The progress of a run over images, on a terminal: how far, how fast, how long still."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from repro_sign.cli.options import is_quiet
from repro_sign.image_search import Unfound, find_all

_PATIENCE_SECONDS: Final = 0.4
"""What is over sooner is over before anybody could look at a bar."""
_REDRAW_SECONDS: Final = 0.1
_COUNT_SECONDS: Final = 0.01
"""So long images are counted for each time that the bar is drawn, until all are."""
_ERASE: Final = "\r\x1b[K"


class RunProgress:
    """A line on standard error, drawn by this thread alone: processes are started meanwhile.

    Without a terminal it does nothing.
    """

    def __init__(self, doing: str, paths: Callable[[], Iterable[Path | Unfound]] | None) -> None:
        self.wanted = not is_quiet() and sys.stderr.isatty()
        self._doing = doing
        self._sizes = _sizes(paths()) if paths and self.wanted else None
        self._counted = self._counted_bytes = 0
        self._images = self._bytes = self._within = 0
        self._started = self._drawn = time.monotonic()
        self._on_screen = False
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Note how far the one image is that is being read here."""
        self._within = done if done < total else 0
        self._draw()

    def add(self, size: int) -> None:
        """Note that an image is done."""
        self._images += 1
        self._bytes += size
        self._within = 0
        self._draw()

    def erase(self) -> None:
        """Make room for what is printed; the next step draws the line again."""
        if self._on_screen:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
            self._on_screen = False

    def _draw(self) -> None:
        now = time.monotonic()
        early = now - self._started < _PATIENCE_SECONDS or now - self._drawn < _REDRAW_SECONDS
        if not self.wanted or early:
            return
        self._count(now + _COUNT_SECONDS)
        line = self._line()
        self._drawn = now
        sys.stderr.write(_ERASE + line)
        sys.stderr.flush()
        self._on_screen = True

    def _count(self, until: float) -> None:
        while self._sizes is not None and time.monotonic() < until:
            size = next(self._sizes, None)
            if size is None:
                self._sizes = None
                return
            self._counted += 1
            self._counted_bytes += size

    def _line(self) -> str:
        """Have rich write the line; it fits the terminal, and is one."""
        if self._bar is None:
            self._start()
        known = self._counted and self._sizes is None
        of = f" of {self._counted}" if known else ""
        rate = self._images / (time.monotonic() - self._started)
        self._bar.update(
            0,
            completed=self._bytes + self._within,
            total=self._counted_bytes if known else None,
            images=f"{self._images}{of} images, {rate:.0f} a second",
        )
        console = self._bar.console
        with console.capture() as written:
            console.print(self._bar.get_renderable())
        return written.get().partition("\n")[0]  # type: ignore[no-any-return]

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[images]}"),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False)
        self._bar.add_task(self._doing, images="")


def _sizes(paths: Iterable[Path | Unfound]) -> Iterator[int]:
    for path in find_all(paths):
        size = 0
        if isinstance(path, Path):
            with suppress(OSError, ValueError):
                size = os.stat(path).st_size
        yield size
