"""How fast this machine reads and hashes, and what that lets expect: a model of the limit.

A pass can't end before its slowest digest, nor before all that it does has found a core. So of an
image of n bytes, on c cores,

    time = start + n * max(slowest digest, (reading + sum of digests) / c)

with seconds a byte. Checking keys and comparing is in `start`: it does not grow with the image.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from mmap import mmap
from pathlib import Path
from typing import Final

from blake3 import blake3

from benchmarks.measuring import MIB

_BUFFER: Final = 4 * MIB
_ROUNDS: Final = 5


@dataclass(frozen=True)
class Speeds:
    """Bytes a second, on one core each, and how long Python and the imports take."""

    reading: float
    sha256: float
    blake3: float

    def or_faster(self, other: "Speeds") -> "Speeds":
        """Return the best of two measurements: what else the machine does only slows it down."""
        return Speeds(*map(max, astuple(self), astuple(other)))

    def expected(self, size: int, cores: int, *, sha256: int, blake3: int) -> float:
        """Return the seconds of a pass that feeds so many digests; start-up comes on top.

        BLAKE3 alone is spread over the cores.
        """
        digests = [1 / self.sha256] * sha256 + [1 / self.blake3] * blake3
        together = (1 / self.reading + sum(digests)) / cores
        slowest = 1 / self.sha256 if sha256 else 0.0
        return size * max(together, slowest)


def measure(path: Path) -> Speeds:
    """Measure with a file that is in the cache."""
    size = path.stat().st_size
    buffer = memoryview(mmap(-1, _BUFFER))  # as ours are: it begins with a page

    def read() -> int:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
        return size

    def hash_with(new: Callable[[], "hashlib._Hash | blake3"]) -> Callable[[], int]:
        def run() -> int:
            digest = new()
            for _ in range(32):
                digest.update(buffer)
            return 32 * _BUFFER

        return run

    read()
    return Speeds(_best(read), _best(hash_with(hashlib.sha256)), _best(hash_with(blake3)))


def _best(run: Callable[[], int]) -> float:
    """Return the best rate of several rounds, in bytes a second."""
    rates = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        rates.append(run() / (time.perf_counter() - start))
    return max(rates)
