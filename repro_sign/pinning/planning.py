"""Use case: verify images and pin them in a lock file."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from repro_sign.errors import RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.image_search import NoImageError, find_images
from repro_sign.locking.changes import LockChange, changes, line_changes
from repro_sign.locking.lock_file import LockEntry, LockFile, check_path, check_url, path_in
from repro_sign.locking.making import entry_for
from repro_sign.locking.text import MAX_LOCK_BYTES, parse_named, to_text
from repro_sign.system.durable import exchange_file, write_new_file
from repro_sign.system.files import read_if_there
from repro_sign.trust.verdict import VerdictWord
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport, VerifyRequest, verify_image
from repro_sign.web_address import below

_CONSISTENT: Final = (VerdictWord.VERIFIED, VerdictWord.UNSIGNED, VerdictWord.UNTRUSTED)
"""Verdicts that nothing speaks against; more than the first are locked only where asked for."""


@dataclass(frozen=True, slots=True)
class LockRequest:
    """How to lock: what `verify` is asked, and what goes into the file besides.

    `url` says where the images are to be had: the address of the one image, or, with a slash at
    its end, that of a folder with all of them. `unverified` locks images that are unsigned, or
    signed by nobody trusted, too: their bytes are pinned and nobody is named.
    """

    verify: VerifyRequest
    url: str = ""
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class LockPlan:
    """What would be written: `new`, in place of `old`, if there is a lock file.

    `reports` are the images that were examined, `refused` those of them that can't be locked;
    nothing is written while there are any.
    """

    new: LockFile
    old: LockFile | None
    old_data: bytes | None
    reports: tuple[ImageReport, ...]
    refused: tuple[ImageReport, ...]

    @property
    def changes(self) -> tuple[LockChange, ...]:
        """What becomes of which image."""
        return tuple(changes(self.old, self.new))

    @property
    def line_changes(self) -> tuple[str, ...]:
        """The lines of a unified difference; none where the file would stay as it is."""
        return tuple(line_changes((self.old_data or b"").decode("utf-8", "replace"), self.new))


def plan_lock(
    path: Path, images: Sequence[Path], request: LockRequest, *, update: bool = False
) -> LockPlan:
    """Verify images, every digest computed, and say what a lock file at `path` would hold.

    Without `images` it is all in the lock file's folder. With `update` the images that the old
    file names stay in it, save those that are gone from the folders named here. Writes nothing.
    Raises `RefusedError` if there is a lock file and it is not to be updated, `UsageError` for an
    image outside the lock file's folder, and what `find_images` and `read_lock` raise.
    """
    data = read_if_there(path, MAX_LOCK_BYTES, "lock file")
    if data is not None and not update:
        raise RefusedError(
            f"{printable(str(path))} is there already, and is not overwritten",
            hint="--update shows what would change, and asks",
        )
    old = None if data is None else parse_named(data, path)
    places = images or (path.parent,)
    found = dict(_found(path.parent, places, old))
    if request.url:
        _demand_fitting(request.url, found)
    before = {one.path: one for one in old.entries} if old else {}
    verify = replace(request.verify, deep=True)
    reports, refused = [], []
    kept = [name for name in before if not _is_below(path.parent, name, places)]
    entries = {name: before[name] for name in kept}
    for name, image in found.items():
        report = verify_image(image, verify)
        reports.append(report)
        if report or (request.unverified and report.verdict.word in _CONSISTENT):
            entries[name] = _entry(name, report, before.get(name), request.url)
        else:
            refused.append(report)
    new = LockFile(path, tuple(entries[name] for name in sorted(entries)))
    return LockPlan(new, old, data, tuple(reports), tuple(refused))


def write_lock(plan: LockPlan) -> None:
    """Write what was planned.

    Raises `RefusedError` if an image can't be locked, if the file can't be written, or if it was
    changed by somebody else since.
    """
    if plan.refused:
        names = ", ".join(printable(str(one.path)) for one in plan.refused[:3])
        raise RefusedError(f"not verified, so nothing is locked: {names}")
    data = to_text(plan.new).encode("utf-8")
    if len(data) > MAX_LOCK_BYTES:
        raise RefusedError(f"a lock file of more than {MAX_LOCK_BYTES} bytes would not be read")
    if plan.old_data is None:
        write_new_file(plan.new.path, data)
        return
    target = Path(os.path.realpath(plan.new.path))  # a link to the file stays one
    mode = stat.S_IMODE(os.stat(target).st_mode)
    exchange_file(target, plan.old_data, data, mode=mode)


def _found(
    folder: Path, places: Sequence[Path], old: LockFile | None
) -> Iterator[tuple[str, Path]]:
    for place in places:
        try:
            for image in find_images(place):
                yield _name_in(folder, image), image
        except NoImageError:
            if not (old and any(_is_below(folder, one.path, (place,)) for one in old.entries)):
                raise  # otherwise they are gone, and leave the lock file


def _name_in(folder: Path, image: Path) -> str:
    shown = printable(str(image))
    name = path_in(folder, image)
    if name is None:
        raise UsageError(
            f"{shown} does not lie in the lock file's folder, {printable(str(folder))}",
            hint="paths in it are relative to it: put the lock file higher up, with --out",
        )
    try:
        check_path(name)
    except ValueError as error:
        raise UsageError(f"{shown} can't be locked: {error}", hint="rename it") from error
    return name


def _is_below(folder: Path, name: str, places: Sequence[Path]) -> bool:
    """Whether a locked path lies in one of the folders that are looked at anew."""
    for place in places:
        if not place.is_dir():
            continue
        start = path_in(folder, place)
        if start == "" or (start and name.startswith(f"{start}/")):
            return True
    return False


def _demand_fitting(url: str, found: dict[str, Path]) -> None:
    try:
        check_url(url)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if len(found) > 1 and not url.endswith("/"):
        raise UsageError(
            f"{len(found)} images can't all be had at {printable(url)}",
            hint="name one image, or an address that ends with / and has all of them below it",
        )


def _entry(name: str, report: ImageReport, before: LockEntry | None, url: str) -> LockEntry:
    where = below(url, name) if url.endswith("/") else url
    kept = before.url if before else ""
    return entry_for(name, report.evidence, report.policy, where or kept)
