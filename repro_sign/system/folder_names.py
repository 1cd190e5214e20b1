"""The names in a folder, listed once for all the images that lie in it.

What belongs to an image lies beside it, under a name that begins with the image's. To list a folder
of thousands of images for each of them would take longer than to verify them.
"""

import os
import time
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import Final

from repro_sign.errors import UnreadableError
from repro_sign.escaping import printable
from repro_sign.values import dataclass

_SETTLED_NS: Final = 2_000_000_000
"""A change in the same tick of the clock as the one before leaves a folder's times as they are, so
a list is kept only of a folder that had not changed for a while."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """The names, sorted, and what the folder was when they were read."""

    state: tuple[str, int, int, int]
    names: list[str]


class _Kept:
    """The folder that was listed last."""

    listing: _Listing | None = None


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted. Raises `UnreadableError`."""
    try:
        path = os.path.abspath(folder)
        status = os.stat(path)
        state = (path, status.st_dev, status.st_ino, status.st_ctime_ns)
        kept = _Kept.listing
        if kept and kept.state == state:
            return kept.names
        names = sorted(os.listdir(path))
    except OSError as error:
        raise UnreadableError(f"{printable(str(folder))}: {error.strerror}") from error
    settled = time.time_ns() - status.st_ctime_ns > _SETTLED_NS
    _Kept.listing = _Listing(state, names) if settled else None
    return names


def names_that_begin(folder: Path, start: str) -> Iterator[str]:
    """Yield the names in a folder that begin so, sorted. Raises `UnreadableError`."""
    names = names_in(folder)
    from_there = islice(names, bisect_left(names, start), None)
    return takewhile(lambda name: name.startswith(start), from_there)
