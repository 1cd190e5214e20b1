"""Use case: hold a folder of images against a lock file."""

import os
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from repro_sign.escaping import printable
from repro_sign.image_search import NoImageError, find_images
from repro_sign.locking.lock_file import LockEntry, LockFile, path_in
from repro_sign.locking.rules import compare, rules_for, rules_for_extra
from repro_sign.trust.evidence import ImageEvidence
from repro_sign.trust.pinned import LockState, Pinned
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import Reason, Verdict, VerdictWord
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport, VerifyRequest, examine_image
from repro_sign.verifying_many import Together, examine_many, unchanged

_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An image to be looked at, and its entry, if it has one."""

    path: Path
    entry: LockEntry | None


def verify_locked(
    lock: LockFile,
    request: VerifyRequest,
    path: Path | None = None,
    *,
    alone: bool = True,
    jobs: int = 1,
) -> Iterator[ImageReport]:
    """Verify the images that a lock file names, and those beside them that it does not name.

    Without `path` it is the lock file's folder. A folder inside that is the part of it that is
    looked at; a folder elsewhere is a copy of the whole. An image is looked up by its path, then
    by where a symbolic link leads, then by its name.

    `alone` says that nobody is believed but the signers in the lock file, each for their image;
    otherwise `request.policy` says who is, and the lock file only demands more. Each report's
    `pinned` says how the image compares. One that is missing is `unknown`, one that the lock file
    does not name never verified. Up to `jobs` are verified together. Raises
    `UnreadableError` as `find_images` does.
    """
    return verify_locked_and(lock, request, Together(unchanged, jobs), path, alone=alone)


def verify_locked_and(
    lock: LockFile,
    request: VerifyRequest,
    together: Together[_Told],
    path: Path | None = None,
    *,
    alone: bool = True,
) -> Generator[_Told, None, None]:
    """Verify images as `verify_locked` does, and yield what `together.then` makes of reports."""

    def examine(one: _Wanted, request: VerifyRequest) -> ImageReport:
        return _report(one, lock, request, alone=alone)

    return examine_many(_wanted(lock, path or lock.folder), examine, request, together)


def _wanted(lock: LockFile, path: Path) -> Iterator[_Wanted]:
    if not path.is_dir():
        yield from (_Wanted(image, _entry_of(lock, image)) for image in find_images(path))
        return
    below = path_in(lock.folder, path)
    root = path if below is None else lock.folder
    prefix = f"{below}/" if below else ""
    entries = [one for one in lock.entries if one.path.startswith(prefix)]
    yield from (_Wanted(root.joinpath(*one.path.split("/")), one) for one in entries)
    known = {one.path for one in entries}
    try:
        yield from (
            _Wanted(one, None) for one in find_images(path) if not _is_known(one, root, known)
        )
    except NoImageError:
        if not entries:
            raise  # otherwise all are missing, which was said of each


def _is_known(image: Path, root: Path, known: set[str]) -> bool:
    """Whether this is an image that was looked at already, or a symbolic link to one."""
    real = Path(os.path.realpath(image))
    return path_in(root, image) in known or path_in(Path(os.path.realpath(root)), real) in known


def _entry_of(lock: LockFile, image: Path) -> LockEntry | None:
    by_path = {one.path: one for one in lock.entries}
    for place in (path_in(lock.folder, image), path_in(lock.folder, Path(os.path.realpath(image)))):
        if place in by_path:
            return by_path[place]
    by_name = [one for one in lock.entries if one.path.rpartition("/")[2] == image.name]
    return by_name[0] if len(by_name) == 1 else None


def _report(one: _Wanted, lock: LockFile, request: VerifyRequest, *, alone: bool) -> ImageReport:
    asked = request.policy.for_image(one.path.name)
    if one.entry is None:
        extra = replace(request, policy=rules_for_extra(lock, asked), chains=())
        word = Pinned(LockState.EXTRA, f"{lock.name} names no image of this path")
        return replace(examine_image(one.path, extra), pinned=word)
    policy = rules_for(one.entry, lock, asked, alone=alone)
    if not os.path.lexists(one.path):
        return _missing(one.path, lock, policy)
    report = examine_image(one.path, replace(request, policy=policy))
    if report.verdict.word is VerdictWord.UNKNOWN and not report.evidence.digests:
        word = Pinned(LockState.UNREAD, "it could not be read")
    else:
        word = compare(one.entry, lock, report.evidence, report.policy)
    return replace(report, pinned=word)


def _missing(path: Path, lock: LockFile, policy: TrustPolicy) -> ImageReport:
    message = f"{lock.name} names it, and {printable(str(path))} is not there"
    verdict = Verdict(VerdictWord.UNKNOWN, (Reason("missing", message),))
    word = Pinned(LockState.MISSING, f"{lock.name} names it, and it is not there")
    return ImageReport(path, verdict, ImageEvidence(path.name), policy, pinned=word)
