"""One pass over a file feeds every digest that is needed, each in a thread of its own.

hashlib and blake3 release the interpreter's lock, so the digests run beside each other and
beside the reading. Memory is a ring of a few buffers, whatever the size of the file.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Final, Protocol

from blake3 import blake3

from repro_sign.digest import SIF_ALGORITHMS, Digest
from repro_sign.errors import UnreadableError
from repro_sign.escaping import printable
from repro_sign.values import dataclass

BUFFER_BYTES: Final = 2 << 20
"""So much that the threads seldom wait for each other, and that it stays in the caches."""
BUFFERS: Final = 4
SMALL_BYTES: Final = 4 << 20
"""Up to this size threads cost more than they bring."""

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


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


def digests_of(data: bytes) -> tuple[Digest, Digest]:
    """Return the SHA-256 and the BLAKE3 digest of bytes in memory."""
    return (
        Digest("sha256", hashlib.sha256(data).hexdigest()),
        Digest("blake3", blake3(data).hexdigest()),
    )


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
    BLAKE3 alone uses all cores, save `busy_cores`, which others need at the same time.
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
        buffer = memoryview(bytearray(min(BUFFER_BYTES, max(size, 1))))
        while (filled := reader.fill(buffer)) is not None:
            position, data = filled
            for feed in feeds:
                feed(position, data)
    else:
        _feed_in_threads(reader, feeds)
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


_Filled = tuple[int, memoryview, int]
"""Position in the file, the bytes, and the number of the buffer that holds them."""


class _Ring:
    """Buffers that go from the reader to every digest and come back when all have had them."""

    def __init__(self, readers: int) -> None:
        self._buffers = [memoryview(bytearray(BUFFER_BYTES)) for _ in range(BUFFERS)]
        self._free = list(range(BUFFERS))
        self._readers = readers
        self._pending = [0] * BUFFERS
        self.returned: Queue[int] = Queue()

    def take(self) -> int:
        """Return the number of a free buffer, waiting for one if need be."""
        while not self._free:
            number = self.returned.get()
            self._pending[number] -= 1
            if not self._pending[number]:
                self._free.append(number)
        number = self._free.pop()
        self._pending[number] = self._readers
        return number

    def buffer(self, number: int) -> memoryview:
        """Return a buffer."""
        return self._buffers[number]


def _feed_in_threads(reader: _Reader, feeds: Sequence[Callable[[int, memoryview], None]]) -> None:
    """One reader (this thread), one thread for each digest, a ring of buffers between them."""
    ring = _Ring(len(feeds))
    queues: list[Queue[_Filled | None]] = [Queue() for _ in feeds]

    def work(feed: Callable[[int, memoryview], None], queue: Queue[_Filled | None]) -> None:
        while (item := queue.get()) is not None:
            position, data, number = item
            feed(position, data)
            ring.returned.put(number)

    threads = [
        Thread(target=work, args=pair, daemon=True) for pair in zip(feeds, queues, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        while True:
            number = ring.take()
            filled = reader.fill(ring.buffer(number))
            if filled is None:
                break
            for queue in queues:
                queue.put((*filled, number))
    finally:
        for queue in queues:
            queue.put(None)
        for thread in threads:
            thread.join()
