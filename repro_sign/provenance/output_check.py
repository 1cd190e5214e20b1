"""Hold result files against the digests that an author claims of them (part `run`, `outputs`)."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from repro_sign.digest import Digest
from repro_sign.errors import ReproSignError
from repro_sign.hashing import digests_of_file
from repro_sign.provenance.check import Check, Outcome
from repro_sign.provenance.members import objects_at
from repro_sign.statements.statement import Subject, read_subject
from repro_sign.system.files import open_regular


def claimed_outputs(run: Mapping[str, Any]) -> tuple[Subject, ...] | None:
    """Return the files that a `run` part claims; None if it claims none, or one not rightly."""
    rows = objects_at(run, "outputs")
    if not rows:
        return None
    try:
        return tuple(map(read_subject, rows))
    except (KeyError, TypeError, ValueError):
        return None


def check_outputs(folder: Path, run: Mapping[str, Any]) -> tuple[Check, ...]:
    """Compare the files below a folder with those that a manifest claims. Others are left aside."""
    claimed = claimed_outputs(run)
    if claimed is None:
        message = "what the manifest says of result files is not valid"
        return (Check("outputs-unanswered", Outcome.UNKNOWN, message),)
    if not folder.is_dir():
        message = f"{folder} is no folder"
        return (Check("outputs-unanswered", Outcome.UNKNOWN, message),)
    return tuple(_checks(folder, claimed))


def _checks(folder: Path, claimed: tuple[Subject, ...]) -> Iterator[Check]:
    same = 0
    for one in claimed:
        found = _check(folder, one)
        if found is None:
            same += 1
        else:
            yield found
    if same:
        of = "" if same == len(claimed) else f" of {len(claimed)}"
        files = "file is" if len(claimed) == 1 else "files are"
        message = f"{same}{of} result {files} what the author claims of the run, byte for byte"
        yield Check("outputs-same", Outcome.SAME, message)


def _check(folder: Path, one: Subject) -> Check | None:
    """Say what is wrong with a result file; None if nothing is."""
    path = folder / one.name
    try:
        place = path.resolve(strict=True)
        inside = place.is_relative_to(folder.resolve())
    except (FileNotFoundError, NotADirectoryError):
        return Check("output-missing", Outcome.DIFFERS, f"the result {one.name} is missing")
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead round in circles
        return _unread(one, error)
    if not inside:
        message = f"the result {one.name} is missing: what bears its name leads out of {folder}"
        return Check("output-missing", Outcome.DIFFERS, message)
    try:
        changed = _digests(place) != (one.sha256, one.blake3)
    except ReproSignError as error:
        return _unread(one, error)
    if not changed:
        return None
    message = f"the result {one.name} is not the one that the author claims"
    return Check("output-changed", Outcome.DIFFERS, message)


def _unread(one: Subject, error: Exception) -> Check:
    words = error.strerror if isinstance(error, OSError) else error
    message = f"the result {one.name} can't be read: {words}"
    return Check("outputs-unanswered", Outcome.UNKNOWN, message)


def _digests(path: Path) -> tuple[Digest, Digest]:
    descriptor = open_regular(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        return digests_of_file(descriptor, path)
    finally:
        os.close(descriptor)
