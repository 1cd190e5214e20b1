"""One pass over a file feeds every digest that is needed, on as many cores as there are.

hashlib and blake3 release the interpreter's lock, so the digests run beside each other and
beside the reading. Memory is a ring of a few buffers, whatever the size of the file.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from mmap import mmap
from pathlib import Path
from threading import Condition
from typing import Final, Protocol

from blake3 import blake3

from repro_sign.digest import SIF_ALGORITHMS, Digest
from repro_sign.errors import UnreadableError
from repro_sign.escaping import printable
from repro_sign.values import dataclass

BUFFER_BYTES: Final = 4 << 20
"""So much that the threads seldom wait for each other, and that it stays in the caches."""
BUFFERS: Final = 3
SMALL_BYTES: Final = 4 << 20
"""Up to this size threads cost more than they bring."""
SMALL_BUFFER_BYTES: Final = 128 << 10
"""For one thread: so little that it stays in the nearest cache, and is soon had from the system."""

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""

_Feed = Callable[[int, memoryview], None]
"""Digests some of a file's bytes, given where in the file they lie."""


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> object: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of the file to be digested by itself, under a name of the caller's."""

    key: tuple[int, str]
    offset: int
    size: int

    @property
    def algorithm(self) -> str:
        """The digest's name."""
        return self.key[1]


@dataclass(frozen=True, slots=True)
class FileDigests:
    """What one pass found: digests of the whole file and of the ranges asked for."""

    whole: Mapping[str, Digest]
    ranges: Mapping[tuple[int, str], Digest]


class _Whole:
    """Digests everything."""

    def __init__(self, algorithm: str, cores: int) -> None:
        self.algorithm = algorithm
        self._hash: _Hash = (
            blake3(max_threads=cores) if algorithm == "blake3" else hashlib.new(algorithm)
        )

    def feed(self, _: int, data: memoryview) -> None:
        self._hash.update(data)

    def result(self) -> Digest:
        return Digest(self.algorithm, self._hash.hexdigest())


class _Ranges:
    """Digests some ranges of one algorithm, each by itself; takes what falls into each."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._hashes: list[tuple[Range, _Hash]] = [
            (one, hashlib.new(SIF_ALGORITHMS[one.algorithm])) for one in ranges
        ]

    def feed(self, position: int, data: memoryview) -> None:
        for one, digest in self._hashes:
            start = max(one.offset - position, 0)
            end = min(one.offset + one.size - position, len(data))
            if start < end:
                digest.update(data[start:end])

    def result(self) -> dict[tuple[int, str], Digest]:
        return {one.key: Digest(one.algorithm, digest.hexdigest()) for one, digest in self._hashes}


def available_cores() -> int:
    """Return on how many cores this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _give_way() -> None:
    """Let this thread have what other programs leave of a core, where it can be set for one."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it
            os.nice(10)


def _aligned_buffers() -> list[memoryview]:
    """Return buffers that begin with a page: copying and digesting are faster there."""
    memory = memoryview(mmap(-1, BUFFER_BYTES * BUFFERS))
    return [memory[at : at + BUFFER_BYTES] for at in range(0, len(memory), BUFFER_BYTES)]


def digests_of(data: bytes) -> tuple[Digest, Digest]:
    """Return the SHA-256 and the BLAKE3 digest of bytes in memory."""
    return (
        Digest("sha256", hashlib.sha256(data).hexdigest()),
        Digest("blake3", blake3(data).hexdigest()),
    )


def digests_of_file(descriptor: int, path: Path) -> tuple[Digest, Digest]:
    """Return the SHA-256 and the BLAKE3 digest of an open file. Raises `UnreadableError`."""
    size = os.fstat(descriptor).st_size
    whole = digest_file(descriptor, path, size, whole=("sha256", "blake3")).whole
    return whole["sha256"], whole["blake3"]


def digest_file(
    descriptor: int,
    path: Path,
    size: int,
    *,
    whole: Collection[str] = (),
    ranges: Sequence[Range] = (),
    busy_cores: int = 0,
    progress: Progress | None = None,
) -> FileDigests:
    """Read `size` bytes of an open file once and return all digests asked for.

    `whole` names algorithms (`sha256`, `blake3`) for the file as a whole, `ranges` parts of it.
    BLAKE3 alone uses all cores, save `busy_cores`, which others need at the same time; several
    digests then take no more of a second core than these others leave.
    Raises `UnreadableError` if the file can't be read to that length.
    """
    spread = size > SMALL_BYTES and len(whole) == 1 and not ranges
    cores = max(available_cores() - busy_cores, 1) if spread else 1
    wholes = [_Whole(algorithm, cores) for algorithm in whole]
    algorithms = sorted({one.algorithm for one in ranges})
    parts = [_Ranges([r for r in ranges if r.algorithm == name]) for name in algorithms]
    feeds = [*(sink.feed for sink in wholes), *(part.feed for part in parts)]
    reader = _Reader(descriptor, path, size, progress)
    if size <= SMALL_BYTES:
        buffers = [memoryview(bytearray(SMALL_BUFFER_BYTES))]
        _Ring(reader, feeds, buffers).run(0, give_way=False)
    else:
        threads = min(available_cores(), len(feeds) + 1) - 1  # beside this one
        _Ring(reader, feeds, _aligned_buffers()).run(threads, give_way=busy_cores > 0)
    found: dict[tuple[int, str], Digest] = {}
    for part in parts:
        found |= part.result()
    return FileDigests({sink.algorithm: sink.result() for sink in wholes}, found)


class _Reader:
    """Fills buffers with the file's bytes, in order."""

    def __init__(self, descriptor: int, path: Path, size: int, progress: Progress | None) -> None:
        self._descriptor = descriptor
        self._path = path
        self._size = size
        self._done = 0
        self._progress = progress
        self._seek()

    def _seek(self) -> None:
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        except OSError as error:
            raise UnreadableError(f"{printable(str(self._path))}: {error.strerror}") from error
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._descriptor, 0, self._size, os.POSIX_FADV_SEQUENTIAL)

    def fill(self, buffer: memoryview) -> tuple[int, memoryview] | None:
        """Fill the buffer as far as the file goes; None at the end."""
        position = self._done
        wanted = min(len(buffer), self._size - position)
        if not wanted:
            return None
        filled = 0
        while filled < wanted:
            filled += self._read_into(buffer[filled:wanted])
        self._done += filled
        if self._progress:
            self._progress(self._done, self._size)
        return position, buffer[:filled]

    def _read_into(self, buffer: memoryview) -> int:
        shown = printable(str(self._path))
        try:
            if hasattr(os, "readv"):
                count = os.readv(self._descriptor, [buffer])
            else:
                data = os.read(self._descriptor, len(buffer))
                count = len(data)
                buffer[:count] = data
        except OSError as error:
            raise UnreadableError(f"{shown}: {error.strerror}") from error
        if not count:
            raise UnreadableError(f"{shown} became shorter while it was read")
        return count


class _Lane:
    """One digest on its way through the file: it takes every buffer, in order."""

    def __init__(self, feed: _Feed) -> None:
        self.feed = feed
        self.taken = 0
        """How many buffers it has had."""
        self.busy = False


class _Ring:
    """Buffers that go round: filled in order by one thread, digested by as many as there are.

    A thread does what is most behind, so that all digests end together, no core waits while there
    is work, and no more threads are needed than there are cores.
    """

    def __init__(
        self, reader: _Reader, feeds: Iterable[_Feed], buffers: Sequence[memoryview]
    ) -> None:
        self._buffers = buffers
        self._filled = [(0, buffer[:0]) for buffer in buffers]
        """Where in the file each buffer's bytes lie, and the bytes."""
        self._reader = reader
        self._read = 0
        """How many buffers were filled."""
        self._ended = False
        self._lanes = [_Lane(feed) for feed in feeds]
        self._stopped = False
        self._changed = Condition()

    def run(self, threads: int, *, give_way: bool) -> None:
        """Read and digest everything, in this thread, which reads, and so many others."""
        if not threads:
            self._work(reads=True)
            return
        start = _give_way if give_way else None
        with ThreadPoolExecutor(threads, initializer=start) as pool, self._ending_all():
            others = [pool.submit(self._help) for _ in range(threads)]
            self._work(reads=True)
        for other in others:
            other.result()

    @contextmanager
    def _ending_all(self) -> Iterator[None]:
        """End all threads when this one ends: all is done, or it failed or was interrupted."""
        try:
            yield
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()

    def _help(self) -> None:
        with self._ending_all():
            self._work(reads=False)

    def _work(self, *, reads: bool) -> None:
        while (step := self._next_step(reads=reads)) is not None:
            step()

    def _next_step(self, *, reads: bool) -> Callable[[], None] | None:
        """Return what to do next, waiting for it if need be; None when there is nothing left."""
        with self._changed:
            while not self._stopped:
                slowest = min((lane.taken for lane in self._lanes), default=self._read)
                if reads and not self._ended and self._read - slowest < len(self._buffers):
                    return self._fill
                waiting = [one for one in self._lanes if not one.busy and one.taken < self._read]
                if waiting:
                    lane = min(waiting, key=lambda one: one.taken)
                    lane.busy = True
                    return partial(self._digest, lane)
                if self._ended and slowest == self._read:
                    return None
                self._changed.wait()
        return None

    def _fill(self) -> None:
        number = self._read % len(self._buffers)
        filled = self._reader.fill(self._buffers[number])
        with self._changed:
            if filled is None:
                self._ended = True
            else:
                self._filled[number] = filled
                self._read += 1
            self._changed.notify_all()

    def _digest(self, lane: _Lane) -> None:
        lane.feed(*self._filled[lane.taken % len(self._buffers)])
        with self._changed:
            lane.busy = False
            lane.taken += 1
            self._changed.notify_all()
