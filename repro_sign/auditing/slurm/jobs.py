"""Send jobs, wait for what they find, send again those that were lost; never for ever."""

import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Final, Protocol

from repro_sign.auditing.slurm import queue
from repro_sign.auditing.slurm.shard import ShardResult
from repro_sign.values import dataclass

_TRIES: Final = 3
_POLL_SECONDS: Final = 1.0
_FIRST_QUESTION_SECONDS: Final = 2.0
_LAST_QUESTION_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 20.0
"""So long after a job's end its result may be on its way through a network file system."""
_LOG_BYTES: Final = 4096
_UNREADABLE: Final[tuple[type[Exception], ...]] = (
    pickle.UnpicklingError,
    AttributeError,
    ImportError,
    EOFError,
    OSError,
)


class Job(Protocol):
    """A job of submitit's."""

    @property
    def job_id(self) -> str:
        """Its number; with that of its place in an array after it, if it has one."""
        ...

    @property
    def paths(self) -> Any:
        """Where its files lie: `result_pickle`, `stderr`."""
        ...

    def result(self) -> Any:
        """Return what it returned, or raise; at once where its result is there."""
        ...


@dataclass(frozen=True, slots=True)
class Submission:
    """How jobs are sent: all shards at once, or one again. What fails raises one of `errors`."""

    folder: Path
    send_all: Callable[[Sequence[Sequence[str]]], Sequence[Job]]
    send: Callable[[Sequence[str]], Job]
    errors: tuple[type[Exception], ...]


@dataclass(slots=True)
class _Shard:
    """A shard without a result yet, and all jobs that were sent for it, the last one last.

    A result is taken from whichever job it comes.
    """

    number: int
    paths: Sequence[str]
    jobs: list[Job]
    gone_since: float | None = None


@dataclass(slots=True)
class Jobs:
    """The jobs of a run. Those that have not ended when it is over are cancelled."""

    submission: Submission
    give_up_seconds: float
    _open: dict[int, _Shard] = field(default_factory=dict)
    _pause: float = _FIRST_QUESTION_SECONDS

    def results(self, shards: Sequence[Sequence[str]]) -> Iterator[tuple[int, ShardResult | str]]:
        """Yield what was found of each shard, or why nothing was, as it comes.

        Raises one of the submission's errors if no job could be sent at all.
        """
        jobs = self.submission.send_all(shards)
        self._open = {
            number: _Shard(number, paths, [job])
            for number, (paths, job) in enumerate(zip(shards, jobs, strict=True))
        }
        try:
            yield from self._wait(time.monotonic() + self.give_up_seconds)
        finally:
            queue.cancel({job.job_id for one in self._open.values() for job in one.jobs})

    def _wait(self, end: float) -> Iterator[tuple[int, ShardResult | str]]:
        question = time.monotonic() + self._pause
        while self._open:
            yield from self._finished()
            if time.monotonic() > end:
                yield from self._given_up()
                return
            if time.monotonic() >= question:
                states = queue.ask()
                if states is not None:
                    yield from self._lost(states)
                self._pause = min(self._pause * 1.5, _LAST_QUESTION_SECONDS)
                question = time.monotonic() + self._pause
            if self._open:
                time.sleep(_POLL_SECONDS)

    def _finished(self) -> Iterator[tuple[int, ShardResult | str]]:
        """Yield the results that are there."""
        names = _names_in(self.submission.folder)
        for one in list(self._open.values()):
            for job in one.jobs:
                if job.paths.result_pickle.name not in names:
                    continue
                result = self._read(job)
                if isinstance(result, ShardResult):
                    del self._open[one.number]
                    queue.cancel({other.job_id for other in one.jobs if other is not job})
                    yield one.number, result
                    break
                if job is one.jobs[-1]:
                    yield from self._again(one, result)

    def _read(self, job: Job) -> ShardResult | str:
        """Return a job's result, or what went wrong in it."""
        failures = self.submission.errors + _UNREADABLE
        try:
            result = job.result()
        except failures as error:
            return _last_words(job) or last_line(str(error)) or type(error).__name__
        return result if isinstance(result, ShardResult) else "its result makes no sense"

    def _lost(self, states: Mapping[str, str]) -> Iterator[tuple[int, ShardResult | str]]:
        """Send again what is gone and left no result."""
        now = time.monotonic()
        for one in list(self._open.values()):
            state = states.get(one.jobs[-1].job_id, queue.GONE)
            if queue.goes_on(state):
                one.gone_since = None
                continue
            one.gone_since = one.gone_since or now
            if queue.may_have_worked(state) and now - one.gone_since < _GRACE_SECONDS:
                continue
            words = _last_words(one.jobs[-1])
            yield from self._again(one, f"{state}; {words}" if words else state)

    def _again(self, one: _Shard, why: str) -> Iterator[tuple[int, str]]:
        """Send a shard again; if that was tried enough, give it up."""
        if len(one.jobs) < _TRIES:
            try:
                one.jobs.append(self.submission.send(one.paths))
            except self.submission.errors as error:
                why = f"{why}; it could not be sent again: {last_line(str(error))}"
            else:
                one.gone_since = None
                self._pause = _FIRST_QUESTION_SECONDS
                return
        del self._open[one.number]
        times = f"{len(one.jobs)} times" if len(one.jobs) > 1 else "once"
        queue.cancel({job.job_id for job in one.jobs})
        yield one.number, f"the job that was to verify it was lost {times} ({why})"

    def _given_up(self) -> Iterator[tuple[int, str]]:
        hours = self.give_up_seconds / 3600
        for number in list(self._open):
            one = self._open.pop(number)
            queue.cancel({job.job_id for job in one.jobs})
            yield number, f"no job of Slurm's verified it within {hours:g} hours"


def _names_in(folder: Path) -> set[str]:
    """List a folder; the change of its mode to what it is has network file systems look again."""
    try:
        os.chmod(folder, 0o700)
        return set(os.listdir(folder))
    except OSError:
        return set()


def _last_words(job: Job) -> str:
    """Return the last line that a job wrote on standard error; hostile text until escaped."""
    try:
        with open(job.paths.stderr, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _LOG_BYTES, 0))
            return last_line(file.read(_LOG_BYTES).decode("utf-8", "replace"))
    except OSError:
        return ""


def last_line(text: str) -> str:
    """Return the last line that says anything, as programs end what they have to say."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
