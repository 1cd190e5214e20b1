"""A progress bar on a terminal for long reads; nothing anywhere else."""

import sys
import time
from typing import Any, Final

from repro_sign.cli.options import is_quiet
from repro_sign.hashing import Progress

_SMALLEST_BYTES: Final = 256 << 20
"""Smaller files are read before anybody could look at a bar."""


def progress_of(doing: str) -> Progress | None:
    """Return a function that draws a bar on standard error, or None where none is wanted."""
    if is_quiet() or not sys.stderr.isatty():
        return None
    return _Bar(doing)


class _Bar:
    """One bar at a time; it goes away when its file is done."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._bar: Any = None
        self._task: Any = None
        self._shown = 0.0

    def __call__(self, done: int, total: int) -> None:
        if total < _SMALLEST_BYTES:
            return
        if self._bar is None:
            self._start(total)
        if time.monotonic() - self._shown > 0.1 or done == total:
            self._shown = time.monotonic()
            self._bar.update(self._task, completed=done)
        if done == total:
            self._bar.stop()
            self._bar = None

    def _start(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self._doing, total=total)
        self._bar.start()
