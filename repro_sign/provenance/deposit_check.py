"""Hold what lies around an image in a deposit against what a trusted manifest says of it.

The manifest is asked what belongs there; the folder is never believed. What no manifest speaks of
is named: nobody vouches for it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import MalformedError, NoAnswerError, ReproSignError
from repro_sign.provenance.check import Check, Outcome
from repro_sign.provenance.deposit_layout import (
    COMMIT,
    CRATE,
    DEPENDENCIES,
    KEYS,
    README,
    RESULTS,
    SOURCE,
)
from repro_sign.provenance.made_from import read_source
from repro_sign.provenance.members import objects_at, text_at
from repro_sign.provenance.output_check import check_outputs, claimed_outputs
from repro_sign.provenance.source_archive import check_archive
from repro_sign.statements.manifest import Manifest
from repro_sign.statements.statement import check_name
from repro_sign.system.files import read_small

MAX_COMMIT_BYTES: Final = 1 << 20
MAX_DEPENDENCY_BYTES: Final = 32 << 20
_MAX_ENTRIES: Final = 20_000
_SHOWN: Final = 5


def check_source(folder: Path, manifest: Manifest) -> Iterator[Check]:
    """Compare the archive of the source and the lists of dependencies; name what is nobody's."""
    part = manifest.provenance.get("source", {})
    source = read_source(part)
    if source.commit is not None:
        yield _archive(folder, source.commit)
        if source.clean is False:
            message = "the author's checkout held changes that no commit and no archive holds"
            yield Check("source-note", Outcome.NOTED, message)
    yield from _dependencies(folder, manifest.provenance.get("dependencies", {}))
    yield from _nobodys(folder, manifest)


def check_results(folder: Path, manifest: Manifest) -> tuple[Check, ...]:
    """Compare the result files, if the deposit has any."""
    run = manifest.provenance.get("run", {})
    if "outputs" not in run:
        return ()
    if not os.path.lexists(folder / RESULTS):
        message = "the deposit holds none of the result files that the author claims"
        return (Check("outputs-note", Outcome.NOTED, message),)
    return check_outputs(folder / RESULTS, run)


def listed_dependencies(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield path and SHA-256 of each list of dependencies that a manifest names rightly."""
    for row in objects_at(part, "files") or ():
        path, digest = text_at(row, "path"), text_at(row, "sha256")
        if path is None or digest is None:
            continue
        try:
            yield check_name(path), digest
        except ValueError:
            continue


def _archive(folder: Path, commit: str) -> Check:
    path = folder / SOURCE
    if not os.path.lexists(path):
        message = f"the deposit holds no {SOURCE}: the source is commit {commit}, elsewhere"
        return Check("source-note", Outcome.NOTED, message)
    try:
        check_archive(path, commit, read_small(folder / COMMIT, MAX_COMMIT_BYTES, "commit"))
    except MalformedError as error:
        message = f"{SOURCE} is not the signed commit {commit}: {error}"
        return Check("source-differs", Outcome.DIFFERS, message)
    except NoAnswerError as error:
        message = f"{SOURCE} can't be compared with the signed commit: {error}"
        return Check("source-unanswered", Outcome.UNKNOWN, message)
    message = f"{SOURCE} is commit {commit}, which was signed, and nothing else"
    return Check("source-same", Outcome.SAME, message)


def _dependencies(folder: Path, part: Mapping[str, Any]) -> Iterator[Check]:
    same = 0
    for name, digest in listed_dependencies(part):
        path = folder / DEPENDENCIES / name
        if not os.path.lexists(path):
            continue
        try:
            data = read_small(path, MAX_DEPENDENCY_BYTES, "list of dependencies")
        except ReproSignError as error:
            message = f"{DEPENDENCIES}/{name} can't be read: {error}"
            yield Check("source-unanswered", Outcome.UNKNOWN, message)
            continue
        if hashlib.sha256(data).hexdigest() == digest:
            same += 1
            continue
        message = f"{DEPENDENCIES}/{name} is not the one that was signed"
        yield Check("source-differs", Outcome.DIFFERS, message)
    if same:
        what = "list of dependencies is" if same == 1 else "lists of dependencies are"
        message = f"{same} {what} what was signed, byte for byte"
        yield Check("source-same", Outcome.SAME, message)


def _nobodys(folder: Path, manifest: Manifest) -> Iterator[Check]:
    known = {README, CRATE, SOURCE, COMMIT, *(one.name for one in manifest.subjects[1:])}
    parts = manifest.provenance
    known |= {
        f"{DEPENDENCIES}/{name}" for name, _ in listed_dependencies(parts.get("dependencies", {}))
    }
    known |= {f"{RESULTS}/{one.name}" for one in claimed_outputs(parts.get("run", {})) or ()}
    image = manifest.subjects[0].name
    others = [
        path
        for path in _files(folder)
        if path not in known and not path.startswith((f"{image}.", f"{KEYS}/")) and path != image
    ]
    if others:
        shown = ", ".join(others[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        message = f"the deposit also holds {shown}{more}, of which the manifest says nothing"
        yield Check("deposit-note", Outcome.NOTED, message)


def _files(folder: Path) -> Iterable[str]:
    """Return what lies in a folder, by its path, folders aside; only so much of it."""
    found: list[str] = []
    for current, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            found.append(Path(current, name).relative_to(folder).as_posix())
            if len(found) >= _MAX_ENTRIES:
                return found
    return found
