"""Use case: audit a folder. What is as it was is not read again; all else is verified, whole."""

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path

from repro_sign.auditing.database import AuditDatabase, Seen
from repro_sign.auditing.examined import Examined, Executor, ToExamine
from repro_sign.auditing.local import LocalExecutor
from repro_sign.auditing.result import AuditedImage, AuditReport, Event
from repro_sign.auditing.rules import Rules
from repro_sign.auditing.state import SETTLED_NS, State, around, state_of
from repro_sign.errors import UnreadableError
from repro_sign.escaping import printable
from repro_sign.image_search import NoImageError, find_images
from repro_sign.times import rfc3339, utc_now
from repro_sign.trust.verdict import VerdictWord
from repro_sign.values import dataclass
from repro_sign.verifying import VerifyRequest


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """How to audit: `verify` says whom to believe; images are always read whole (`deep`).

    `executor` has them read: here, or elsewhere. `everything` has each image read again, `sample`
    that share of those that are as they were: first those that were not read for the longest time.
    `step` is called with each image that was read, and how many there are to read.
    """

    verify: VerifyRequest
    executor: Executor = field(default_factory=LocalExecutor)
    everything: bool = False
    sample: float = 0.0
    step: Callable[[AuditedImage, int], None] = lambda _image, _count: None
    now: Callable[[], datetime] = utc_now


@dataclass(frozen=True, slots=True)
class _Found:
    """An image, what is known of it from before, and whether that still holds."""

    path: str
    state: State
    before: Seen | None
    holds: bool


def audit(folder: Path, database: Path, request: AuditRequest) -> AuditReport:
    """Audit all images below a folder, and keep what was found.

    Raises `UnreadableError` if the folder, or one below it, can't be read, or no image is left in
    it: then nothing is kept; and what `AuditDatabase.open` raises.
    """
    started, run = request.now(), replace(request.verify, deep=True)
    with AuditDatabase.open(database, folder) as known:
        rules = Rules(run)
        found = list(_look(folder, known, rules, request))
        done = {one.path: _as_before(one) for one in found if one.holds}
        for one in _sample(found, request.sample):
            del done[one.path]
        reading = [one for one in found if one.path not in done]
        this = _Run(folder, rules, time.time_ns() - SETTLED_NS)
        to_read = [ToExamine(folder / one.path, one.state) for one in reading]
        for number, examined in request.executor.examine(to_read, run):
            one = reading[number]
            seen = _seen(one, examined, this, request.now())
            image = AuditedImage(one.path, _event(one, seen), seen, read=True)
            known.put(one.path, seen)
            done[one.path] = image
            request.step(image, len(reading))
        vanished = sorted(known.paths() - {one.path for one in found})
        for path in vanished:
            known.forget(path)
    images = tuple(done[one.path] for one in found)
    return AuditReport(folder, started, images, tuple(vanished))


def _look(
    folder: Path, known: AuditDatabase, rules: Rules, request: AuditRequest
) -> Iterator[_Found]:
    """Look at all images without reading them."""
    try:
        paths = list(find_images(folder))
    except NoImageError as error:
        before = len(known.paths())
        if not before:
            raise
        raise UnreadableError(
            f"{printable(str(folder))} holds no image any more, and held {before}",
            hint="is the file system mounted? what is known of them was kept",
        ) from error
    for path in paths:
        name = os.path.relpath(path, folder)
        state, before_ = state_of(path), known.get(name)
        holds = before_ is not None and not request.everything
        if holds and before_ is not None:
            holds = _holds(before_, path, state, rules)
        yield _Found(name, state, before_, holds)


def _holds(before: Seen, path: Path, state: State, rules: Rules) -> bool:
    """Whether a verdict from before is still right: only a good one is, of the very same things."""
    return (
        before.verdict == VerdictWord.VERIFIED
        and before.settled
        and bool(state.text)
        and before.state == state.text
        and before.rules == rules.digest(path.name)
        and before.around == {name: one.text for name, one in around(path, before.around).items()}
    )


def _sample(found: list[_Found], share: float) -> list[_Found]:
    """Return so many of the images that are as they were: those that were read longest ago."""
    same = [one for one in found if one.holds]
    same.sort(key=lambda one: (one.before.checked if one.before else "", one.path))
    return same[: math.ceil(len(same) * share)]


def _as_before(one: _Found) -> AuditedImage:
    if one.before is None:
        raise ValueError("what holds was seen before")
    return AuditedImage(one.path, Event.SAME, one.before, read=False)


@dataclass(frozen=True, slots=True)
class _Run:
    """What is the same for all images of a run. What changed after `limit` may change unseen."""

    folder: Path
    rules: Rules
    limit: int


def _seen(one: _Found, found: Examined, run: _Run, now: datetime) -> Seen:
    """Return what is to be kept of an image that was read."""
    path = run.folder / one.path
    beside = around(path, found.others)
    after = state_of(path)
    changed = max((one.state.changed_ns, *(each.changed_ns for each in beside.values())))
    digests = found.digests
    if found.verdict is VerdictWord.UNKNOWN and one.before is not None:
        # A disk that gives no answer changes no digest
        digests = digests or {"sha256": one.before.sha256, "blake3": one.before.blake3}
    return Seen(
        state=one.state.text,
        around={name: each.text for name, each in beside.items()},
        settled=after.text == one.state.text and changed < run.limit,
        rules=run.rules.digest(path.name),
        verdict=found.verdict.value,
        checked=rfc3339(now),
        reasons=[list(each) for each in found.reasons],
        sha256=digests.get("sha256", ""),
        blake3=digests.get("blake3", ""),
        identity=found.identity,
        signers=list(found.signers),
        size=found.size,
    )


def _event(one: _Found, seen: Seen) -> Event:
    before = one.before
    if before is None:
        return Event.NEW
    if before.sha256 and seen.sha256 and before.sha256 != seen.sha256:
        return Event.CORRUPTED if before.state == seen.state else Event.CHANGED
    was, now = (each.verdict == VerdictWord.VERIFIED for each in (before, seen))
    if was and not now:
        revoked = any(code == "key-revoked" for code, _ in seen.reasons)
        return Event.REVOKED if revoked else Event.WORSE
    return Event.RECOVERED if now and not was else Event.SAME
