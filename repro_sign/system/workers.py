"""Processes that work beside each other, of which each may die alone.

An executor of the standard library gives everything up when one of its processes is killed, and
can't say what that one was at. Here each worker has one item at a time and a pipe of its own, so
that an item whose worker died is known, and the others go on.
"""

import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, Generic, TypeVar, cast

from repro_sign.values import dataclass

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Told = TypeVar("_Told")

_AHEAD: Final = 64
"""So many results for each worker wait at most for an earlier one that takes long."""
_GRACE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Task(Generic[_Item, _Result, _Told]):
    """What is to be done with each item, and what its result is if it could not be done.

    `work` is called in a worker, with an item and the number of those that others work on
    meanwhile; items and results are pickled. `lost` is called here, with an item and how its
    worker died, and `finish` with each result when its turn has come.
    """

    work: Callable[[_Item, int], _Result]
    lost: Callable[[_Item, str], _Result]
    finish: Callable[[_Result], _Told]


def work_on(
    items: Iterable[_Item], task: Task[_Item, _Result, _Told], jobs: int, *, in_order: bool = True
) -> Generator[_Told, None, None]:
    """Work on items in up to `jobs` processes; yield the results in the order of the items.

    Without `in_order` they come as they are done. Few items and results are held at a time,
    whatever their number. Where this process can't be forked it does the work itself.

    On Ctrl-C the workers are ended, the results that waited for an earlier one are yielded, and
    `KeyboardInterrupt` is raised.
    """
    if not _may_fork():
        yield from (task.finish(task.work(item, 0)) for item in items)
        return
    pool = _Pool(iter(items), task, jobs, in_order=in_order)
    try:
        yield from pool.results()
    except KeyboardInterrupt:
        pool.end()
        yield from pool.waiting()
        raise
    finally:
        pool.end()


_NONE: Final[Any] = object()
"""Stands for an item where there is none."""


@dataclass(slots=True)
class _Worker(Generic[_Item]):
    """A process, the item that it is at, and that item's number; None if it has nothing to do."""

    process: BaseProcess
    pipe: Connection
    number: int | None = None
    item: Any = None


class _Pool(Generic[_Item, _Result, _Told]):
    """Workers, started as they are needed, and what they are at."""

    def __init__(
        self,
        items: Iterator[_Item],
        task: Task[_Item, _Result, _Told],
        jobs: int,
        *,
        in_order: bool,
    ) -> None:
        self._items = items
        self._upcoming = next(items, _NONE)
        self._task = task
        self._jobs = jobs
        self._in_order = in_order
        self._workers: list[_Worker[_Item]] = []
        self._done: dict[int, _Result] = {}
        self._given = 0
        self._yielded = 0

    def results(self) -> Iterator[_Told]:
        """Have all items worked on, and yield what comes of them."""
        while self._upcoming is not _NONE or self._busy():
            while self._may_give():
                self._give()
            pipes = {one.pipe: one for one in self._busy()}
            for pipe in wait(list(pipes)):
                self._take(pipes[pipe])  # type: ignore[index]  # what was handed to wait
            yield from self._ready()

    def waiting(self) -> Iterator[_Told]:
        """Yield the results that are there, in the order of the items."""
        for number in sorted(self._done):
            yield self._task.finish(self._done.pop(number))

    def end(self) -> None:
        """End all workers, whatever they are at."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            _bury(worker)
        self._workers.clear()

    def _ready(self) -> Iterator[_Told]:
        if not self._in_order:
            yield from self.waiting()
        while self._yielded in self._done:
            self._yielded += 1
            yield self._task.finish(self._done.pop(self._yielded - 1))

    def _busy(self) -> list[_Worker[_Item]]:
        return [one for one in self._workers if one.number is not None]

    def _may_give(self) -> bool:
        return (
            self._upcoming is not _NONE
            and len(self._done) < _AHEAD * self._jobs
            and len(self._busy()) < self._jobs
        )

    def _give(self) -> None:
        """Give the next item to a worker that has nothing to do."""
        item, self._upcoming = self._upcoming, next(self._items, _NONE)
        others = len(self._busy()) if self._upcoming is _NONE else self._jobs - 1
        while True:
            idle = [one for one in self._workers if one.number is None]
            worker = idle[0] if idle else self._start()
            try:
                worker.pipe.send((item, others))
            except OSError:  # somebody killed it while it had nothing to do
                self._workers.remove(worker)
                _bury(worker)
                continue
            worker.number, worker.item = self._given, item
            self._given += 1
            return

    def _take(self, worker: _Worker[_Item]) -> None:
        """Take a worker's answer; if there is none, it died."""
        number, item = cast(int, worker.number), worker.item
        worker.number = worker.item = None
        try:
            self._done[number] = worker.pipe.recv()
        except (EOFError, OSError):
            self._workers.remove(worker)
            self._done[number] = self._task.lost(item, _bury(worker))

    def _start(self) -> _Worker[_Item]:
        context = get_context("fork")
        ours, theirs = context.Pipe()
        inherited = [ours, *(one.pipe for one in self._workers)]
        process = context.Process(
            target=_serve, args=(self._task.work, theirs, inherited), daemon=True
        )
        with _no_interrupt():
            process.start()
            worker = _Worker[_Item](process, ours)
            self._workers.append(worker)
        theirs.close()
        return worker


def _may_fork() -> bool:
    """Whether copies of this process can go on safely: on Linux, if it has no other threads.

    To start Python anew for each worker, as elsewhere would be needed, takes as long as to verify
    a hundred small images.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def _bury(worker: _Worker[Any]) -> str:
    """Wait for a worker that ends, end it if it does not, and say how it died."""
    worker.pipe.close()
    worker.process.join(_GRACE_SECONDS)
    if worker.process.exitcode is None:
        worker.process.kill()
        worker.process.join()
    status = worker.process.exitcode or 0
    worker.process.close()
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Let Ctrl-C wait, here and in a process that is started meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(
    work: Callable[[Any, int], Any], pipe: Connection, inherited: Sequence[Connection]
) -> None:
    """Work on what comes through the pipe until it is closed, as it is when the parent ends.

    The parent hears of Ctrl-C, and ends the workers. Whatever else goes wrong here ends this
    process, as a bug should, and costs the one item.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for one in inherited:  # or no worker would notice that the parent is gone
        one.close()
    while True:
        try:
            item, others = pipe.recv()
        except (EOFError, OSError):
            return
        answer = work(item, others)
        try:
            pipe.send(answer)
        except OSError:
            return


def _leave(number: int, _: object) -> None:
    """End as if by an error, so that programs and files that are in use are cleared away."""
    sys.exit(128 + number)
