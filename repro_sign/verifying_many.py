"""Use case: verify many images, several at a time, each in a process of its own.

Reports come in the order of the images, and few of them are held, whatever the number of images.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from repro_sign.errors import ReproSignError
from repro_sign.escaping import printable
from repro_sign.hashing import available_cores
from repro_sign.image_search import Unfound
from repro_sign.stores.certificates import Lately
from repro_sign.trust.evidence import ImageEvidence
from repro_sign.trust.verdict import Reason, Verdict, VerdictWord
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport, VerifyRequest, examine_image, remembered

_Told = TypeVar("_Told")
Reports = Generator[ImageReport, None, None]


@dataclass(frozen=True, slots=True)
class Found:
    """An image to be examined."""

    path: Path


@dataclass(frozen=True, slots=True)
class Together(Generic[_Told]):
    """How many images are verified together, and what becomes of each report.

    `then` is called where the image was verified, as a rule in another process: what it returns
    is pickled, which is less work if that is not the report. `guard` is around whatever waits for
    a file system, in whichever process.
    """

    then: Callable[[ImageReport], _Told]
    jobs: int
    in_order: bool = True
    guard: Callable[[], AbstractContextManager[None]] = nullcontext


class _WithPath(Protocol):
    @property
    def path(self) -> Path: ...


_Item = TypeVar("_Item", bound=_WithPath)


def verify_many(
    paths: Iterable[Path | Unfound], request: VerifyRequest, jobs: int, *, in_order: bool = True
) -> Reports:
    """Verify images in up to `jobs` processes, as `verify_image` does each of them.

    Reports come in the order of `paths`; without `in_order` as they are done. An image whose
    process dies is `unknown`, and so is what could not be found. What is remembered is written
    here, one image after the other.

    On Ctrl-C all processes are ended, the reports that are there come, then `KeyboardInterrupt`.
    """
    return verify_and(paths, request, Together(unchanged, jobs, in_order))


def verify_and(
    paths: Iterable[Path | Unfound],
    request: VerifyRequest,
    together: Together[_Told],
) -> Generator[_Told, None, None]:
    """Verify images as `verify_many` does, and yield what `together.then` makes of each report."""
    items = (one if isinstance(one, Unfound) else Found(one) for one in paths)
    return examine_many(items, _examine, request, together)


def examine_many(
    items: Iterable[_Item],
    examine: Callable[[_Item, VerifyRequest], ImageReport],
    request: VerifyRequest,
    together: Together[_Told],
) -> Generator[_Told, None, None]:
    """Examine many items that have a path, as `verify_and` does."""
    request = replace(request, lately=Lately())
    coming = _UntilError(items)
    yield from _examined(iter(coming), examine, request, together)
    if coming.error:
        raise coming.error


class _UntilError(Generic[_Item]):
    """Items up to the first error in finding them: it is raised when those before are done."""

    def __init__(self, items: Iterable[_Item]) -> None:
        self._items = items
        self.error: ReproSignError | None = None

    def __iter__(self) -> Iterator[_Item]:
        try:
            yield from self._items
        except ReproSignError as error:
            self.error = error


@dataclass(frozen=True, slots=True)
class _ToRemember:
    """A report that is judged by the memory yet, which is done in one process."""

    report: ImageReport


def _examined(
    items: Iterator[_Item],
    examine: Callable[[_Item, VerifyRequest], ImageReport],
    request: VerifyRequest,
    together: Together[_Told],
) -> Generator[_Told, None, None]:
    then, guard = together.then, together.guard
    with guard():
        start = list(islice(items, 2))
    everything = chain(start, items)

    def guarded(item: _Item, request: VerifyRequest) -> ImageReport:
        with guard():
            return examine(item, request)

    asks = request.key_server is not None  # whose answers for all images one process keeps
    if together.jobs == 1 or asks or len(start) < 2:
        yield from (then(remembered(guarded(item, request), request)) for item in everything)
        return
    from repro_sign.system.workers import Task, work_on  # a single image needs no processes

    def work(item: _Item, others: int) -> _Told | _ToRemember:
        report = guarded(item, _share_of(request, others))
        return _ToRemember(report) if report.policy.remember else then(report)

    def lost(item: _Item, how: str) -> _Told:
        why = f"the process that verified {printable(str(item.path))} {how}"
        return then(not_examined(item.path, request, why))

    def finish(told: _Told | _ToRemember) -> _Told:
        if isinstance(told, _ToRemember):
            return then(remembered(told.report, request))
        return told

    task = Task(work, lost, finish)
    yield from work_on(everything, task, together.jobs, in_order=together.in_order)


def not_examined(path: Path, request: VerifyRequest, why: str) -> ImageReport:
    """Return the report on an image about which nothing could be found out."""
    verdict = Verdict(VerdictWord.UNKNOWN, (Reason("unreadable", why),))
    policy = request.policy.for_image(path.name)
    return ImageReport(path, verdict, ImageEvidence(path.name), policy)


def _share_of(request: VerifyRequest, others: int) -> VerifyRequest:
    """Return the request for one image among others: they have their share of the cores.

    None of them tells how far it is.
    """
    cores = available_cores()
    busy = cores - max(cores // (others + 1), 1)
    return replace(request, busy_cores=busy, progress=None)


def _examine(item: Found | Unfound, request: VerifyRequest) -> ImageReport:
    if isinstance(item, Unfound):
        return not_examined(item.path, request, item.why)
    return examine_image(item.path, request)


def unchanged(report: ImageReport) -> ImageReport:
    """Return a report as it is."""
    return report
