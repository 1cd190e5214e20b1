"""What one job does: examine some images on the machine that it was sent to."""

import heapq
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from repro_sign.auditing.examined import Examined, examined
from repro_sign.auditing.rules import Rules
from repro_sign.auditing.state import state_of
from repro_sign.values import dataclass
from repro_sign.verifying import VerifyRequest
from repro_sign.verifying_many import Together, verify_and

MakeRequest = Callable[[], VerifyRequest]
"""Says how to verify, on whatever machine it is called; pickled by name."""


@dataclass(frozen=True, slots=True)
class FoundElsewhere:
    """What a job found of an image, and of what: the file's state before, and the rules there.

    Both as they are the same on every machine.
    """

    state: str
    rules: str
    examined: Examined


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What a job found, in the order of its images; `began` and `ended` by its machine's clock."""

    machine: str
    began: float
    ended: float
    found: tuple[FoundElsewhere, ...]


def examine_shard(make_request: MakeRequest, jobs: int, paths: Sequence[str]) -> ShardResult:
    """Examine images whole, up to `jobs` at a time."""
    began, request = time.time(), replace(make_request(), deep=True)
    rules = Rules(request, anywhere=True)
    places = [Path(one) for one in paths]
    before = [(state_of(path).anywhere, rules.digest(path.name)) for path in places]
    results = verify_and(places, request, Together(examined, jobs))
    found = tuple(
        FoundElsewhere(state, digest, one)
        for (state, digest), one in zip(before, results, strict=True)
    )
    return ShardResult(platform.node(), began, time.time(), found)


def split(sizes: Sequence[int], count: int) -> list[list[int]]:
    """Split images, by their numbers, into up to `count` shards of about as many bytes each.

    The largest first, each to the shard that has least so far.
    """
    shards: list[list[int]] = [[] for _ in range(min(count, len(sizes)))]
    loads = [(0, number) for number in range(len(shards))]
    for image in sorted(range(len(sizes)), key=lambda one: -sizes[one]):
        load, number = heapq.heappop(loads)
        shards[number].append(image)
        # Opening a file costs something too, or one shard would get all that are empty
        heapq.heappush(loads, (load + sizes[image] + _OPENING_BYTES, number))
    return shards


_OPENING_BYTES = 1 << 20
