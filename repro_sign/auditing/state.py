"""What the kernel tells of an image and of all that has a say about it, without reading any of it.

A verdict from last night is good tonight if nothing of that is different. Whoever can set a file's
times and its change time lies about that; `--sample` and `--all` read it all the same.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from repro_sign.provenance.deposit_layout import is_deposit
from repro_sign.stores.certificates import KEYS_FOLDER
from repro_sign.system.folder_names import names_in, names_that_begin
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport

SETTLED_NS: Final = 2_000_000_000
"""What changed so shortly before it was looked at could have changed again without a trace."""
_MAX_FILES: Final = 5_000


@dataclass(frozen=True, slots=True)
class State:
    """A file by what identifies its content as far as the kernel tells, and when it changed.

    `anywhere` is what is the same on each machine that has the file system mounted: all but the
    device, which each of them numbers by itself.
    """

    text: str
    changed_ns: int
    size: int = 0

    @property
    def anywhere(self) -> str:
        """The state without the device."""
        return self.text.partition(":")[2]


def state_of(path: Path) -> State:
    """Return the state of what lies at a path; that nothing does is one, too."""
    try:
        one = os.stat(path)
    except (OSError, ValueError):
        return State("", 0)
    parts = (one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns)
    return State(":".join(map(str, parts)), one.st_ctime_ns, one.st_size)


def around(image: Path, others: Iterable[str]) -> dict[str, State]:
    """Return the states of what lies beside an image: what bears its name, keys, and `others`.

    Names are relative to its folder.
    """
    folder = image.parent
    names = {name for name in _names(image) if name != image.name}
    return {name: state_of(folder / name) for name in sorted(names.union(others))}


def others_of(report: ImageReport) -> tuple[str, ...]:
    """Return the names of what else was looked at for a report: named in manifests, deposited."""
    folder = report.path.parent
    named = {
        subject.name
        for one in report.believed
        if one.manifest
        for subject in one.manifest.subjects[1:]
    }
    if is_deposit(folder):
        named.update(_all_below(folder))
    named.discard(report.path.name)
    return tuple(sorted(named))


def _names(image: Path) -> Iterator[str]:
    try:
        yield from names_that_begin(image.parent, image.name)
        if KEYS_FOLDER in names_in(image.parent):
            yield KEYS_FOLDER
            keys = names_in(image.parent / KEYS_FOLDER)
            yield from (f"{KEYS_FOLDER}/{name}" for name in keys[:_MAX_FILES])
    except OSError:
        return


def _all_below(folder: Path) -> Iterator[str]:
    left = _MAX_FILES
    for current, folders, names in os.walk(folder):
        folders.sort()
        for name in (*folders, *sorted(names)):
            yield Path(current, name).relative_to(folder).as_posix()
            left -= 1
            if not left:
                return
