"""Run a program and say what it took: time, memory, bytes read. Linux only, as are its counters."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True)
class Sample:
    """What one run took: seconds by the clock and of the processors, peak memory, bytes read.

    Memory is that of the largest of its processes, and never less than this one's own, from which
    they start: a floor. Bytes are those that it and the programs it
    waited for asked the kernel for, from cache or disk.
    """

    seconds: float
    cpu: float
    peak: int
    read: int


class FailedRunError(Exception):
    """A program that should have succeeded did not."""


@dataclass(frozen=True)
class Runner:
    """Runs programs in one environment, on some of the cores, with the image cached or not."""

    environment: Mapping[str, str]
    cores: Sequence[int]
    cold: bool = False

    def run(self, argv: Sequence[str], files: Sequence[Path] = ()) -> Sample:
        """Run a program once; with `cold` these files are taken out of the cache before."""
        if self.cold:
            for path in files:
                forget(path)
        allowed = ",".join(map(str, self.cores))
        start = time.perf_counter()
        with subprocess.Popen(
            ["taskset", "-c", allowed, *argv],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            complaint = process.stderr.read() if process.stderr else b""
            # not reaped yet, so that the kernel still tells what it read
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            seconds = time.perf_counter() - start
            read = _bytes_read(process.pid)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            words = complaint.decode("utf-8", "replace").strip()
            raise FailedRunError(f"{argv[0]} ended with {process.returncode}: {words[-300:]}")
        return Sample(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss << 10, read)


def best(
    runs: Mapping[str, Callable[[], Sample]], rounds: int
) -> tuple[dict[str, Sample], dict[str, str]]:
    """Run all in turn, several rounds; return the least of each number, and what failed.

    In turn, so that other work on the machine meets all alike; the least, since it only adds.
    """
    found: dict[str, Sample] = {}
    failed: dict[str, str] = {}
    for number in range(rounds):
        for name, run in runs.items():
            if name in failed:
                continue
            try:
                one = run()
            except (FailedRunError, OSError) as error:
                failed[name] = str(error)
                found.pop(name, None)
                continue
            found[name] = _least(found[name], one) if name in found else one
        if sys.stderr.isatty():
            print(f"  round {number + 1} of {rounds}", end="\r", file=sys.stderr, flush=True)
    return found, failed


def forget(path: Path) -> None:
    """Take a file's content out of the kernel's cache, as far as it lets us."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _least(a: Sample, b: Sample) -> Sample:
    return Sample(
        min(a.seconds, b.seconds), min(a.cpu, b.cpu), min(a.peak, b.peak), min(a.read, b.read)
    )


def _bytes_read(pid: int) -> int:
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "rchar":
            return int(value)
    return 0
