"""The libraries that a source asks for: its lock files and lists, with digests and what is loose.

A lock file names one version of everything. What a list beside it leaves open is then no gap; in
a list without its lock file each range is one.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import MalformedError, NoAnswerError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.lint.word_list import words
from repro_sign.provenance.dependency_files import FileKind, kind_of
from repro_sign.provenance.loose_ends import NotUnderstoodError
from repro_sign.system.files import read_small

MAX_FILES: Final = 200
MAX_UNPINNED: Final = 100
"""How many names a file may list as not pinned; the others are counted."""
_MAX_BYTES: Final = 32 << 20
"""The lock files of large web applications have ten."""
_MAX_PARSED_BYTES: Final = 1 << 20
_MAX_DEPTH: Final = 4
_MAX_ENTRIES: Final = 50_000
_MAX_TEXT: Final = 200
_LEFT_OUT: Final = words(
    "node_modules site-packages venv env vendor third_party renv packrat build dist target "
    "__pycache__ tests test testdata fixtures"
)
"""Folders in which others' files lie, or files that only look like lists of this source's own."""


def describe_dependencies(folder: Path) -> dict[str, Any]:
    """Return the `dependencies` part of a manifest for the source in a folder; maybe empty.

    A file that can't be read, or is larger than such files are, is left out. Raises
    `UnreadableError` if a folder can't be read.
    """
    found = []
    for path, kind in _find(folder):
        with suppress(UnreadableError, MalformedError):
            found.append(_describe(folder, path, kind))
    return {"files": found} if found else {}


def _find(folder: Path) -> Iterator[tuple[Path, FileKind]]:
    """Yield the files to be named, those of outer folders first, by name."""
    room, count = _MAX_ENTRIES, 0
    level = [folder]
    for _ in range(_MAX_DEPTH):
        below: list[Path] = []
        for one in level:
            for entry in _entries(one):
                room -= 1
                if room < 0 or count >= MAX_FILES:
                    return
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith(".") and entry.name not in _LEFT_OUT:
                        below.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False) and (kind := kind_of(entry.name)):
                    count += 1
                    yield Path(entry.path), kind
        level = below


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda one: one.name)
    except OSError as error:
        raise UnreadableError(f"{printable(str(folder))}: {error.strerror}") from error


def _describe(folder: Path, path: Path, kind: FileKind) -> dict[str, Any]:
    data = read_small(path, _MAX_BYTES, kind.name)
    found: dict[str, Any] = {
        "kind": kind.name,
        "path": path.relative_to(folder).as_posix(),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    loose = _loose(path, kind, data)
    if loose is not None:
        found["unpinned"] = [one[:_MAX_TEXT] for one in loose[:MAX_UNPINNED]]
        if len(loose) > MAX_UNPINNED:
            found["unpinned_count"] = len(loose)
    return found


def _loose(path: Path, kind: FileKind, data: bytes) -> list[str] | None:
    """Return what a file does not pin to one version; None where that is not known."""
    if kind.is_lock or any(_lies_beside(path, name) for name in kind.locked_by):
        return []
    if kind.loose is None or len(data) > _MAX_PARSED_BYTES:
        return None
    try:
        return list(dict.fromkeys(kind.loose(data.decode("utf-8-sig", "replace"))))
    except (NotUnderstoodError, NoAnswerError):
        return None


def _lies_beside(path: Path, name: str) -> bool:
    """Whether a lock file lies in the file's folder, or in the one above, as workspaces have it."""
    return (path.parent / name).is_file() or (path.parent.parent / name).is_file()
