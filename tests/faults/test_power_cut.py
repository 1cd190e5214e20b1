"""The power fails while `sign` writes into an image: what the disk had by then, in any order.

A disk may write what it was given between two fsyncs in any order, in part, and torn within a
write at the limits of its sectors. All that came before an fsync is there. The calls of a real
`sign` are taken from strace, and every image that could be on the disk afterwards is looked at.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.faults import strace, tally

SECTOR = 512
_WRITE = re.compile(r'^pwrite64\(\d+<[^>]*>, "((?:\\x[0-9a-f]{2})*)", (\d+), (\d+)\) = (\d+)$')
_CUT = re.compile(r"^ftruncate\(\d+<[^>]*>, (\d+)\) = 0$")
_SYNC = re.compile(r"^fsync\(\d+<[^>]*>\) = 0$")


@dataclass(frozen=True)
class Change:
    """A write at an offset, or, without data, a new length."""

    offset: int
    data: bytes | None

    def torn(self) -> Iterator["Change"]:
        """Yield what of it may be on the disk: whole, or from one sector's limit to another."""
        if self.data is None:
            yield self
            return
        end = self.offset + len(self.data)
        inner = range(self.offset // SECTOR * SECTOR + SECTOR, end, SECTOR)
        limits = [self.offset, *inner, end]
        for start, stop in combinations(limits, 2):
            yield Change(start, self.data[start - self.offset : stop - self.offset])


def epochs_of(author: Signer, image: Path) -> list[list[Change]]:
    """Return what a `sign` of this image changes in it, between one fsync and the next."""
    names = "pwrite64,ftruncate,fsync"
    options = [f"trace={names}", "-e", "signal=none", "-xx", "-s", "1000000", "-P", str(image)]
    result, log = strace(author.account, options, "sign", image, "--no-manifest")
    assert result.status == 0, result.err
    epochs: list[list[Change]] = [[]]
    for line in log.splitlines():
        if write := _WRITE.match(line):
            data = bytes.fromhex(write[1].replace("\\x", ""))
            assert len(data) == int(write[2]) == int(write[4])
            epochs[-1].append(Change(int(write[3]), data))
        elif cut := _CUT.match(line):
            epochs[-1].append(Change(int(cut[1]), None))
        elif _SYNC.match(line):
            epochs.append([])
        else:
            pytest.fail(f"not understood: {line[:200]}")
    assert epochs.pop() == []  # the last change is synced
    return epochs


def apply(image: bytes, changes: tuple[Change, ...]) -> bytes:
    data = bytearray(image)
    for one in changes:
        if one.data is None:
            del data[one.offset :]
            data.extend(bytes(one.offset - len(data)))
        else:
            data.extend(bytes(max(one.offset + len(one.data) - len(data), 0)))
            data[one.offset : one.offset + len(one.data)] = one.data
    return bytes(data)


def on_the_disk(before: bytes, epochs: list[list[Change]]) -> Iterator[bytes]:
    """Yield each image that can be there after the power failed."""
    seen: set[bytes] = set()
    for epoch in epochs:
        choices: list[tuple[Change, ...]] = [()]
        for one in epoch:
            choices += [(*chosen, part) for chosen in choices for part in one.torn()]
        for chosen in choices:
            image = apply(before, chosen)
            if image not in seen:
                seen.add(image)
                yield image
        before = apply(before, tuple(epoch))


def test_whatever_is_on_the_disk_is_an_image_that_is_signed_or_not(
    author: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace", "siftool")
    before, again = image.read_bytes(), image.with_name("again.sif")
    copy = Path(shutil.copy(image, image.with_name("watched.sif")))
    epochs = epochs_of(author, copy)
    assert len(epochs) >= 4  # the data, its descriptor, that it is used, the counters
    tried, states = 0, set()
    for data in on_the_disk(before, epochs):
        tried += 1
        image.write_bytes(data)
        account.program("siftool", "list", image)
        result = account.verify(image, "--key", author.public_key, "--engine", "native")
        assert result.status in (0, 4), result.out
        states.add(result.status)
        again.write_bytes(data)
        if tried % 5 == 1:  # to sign takes longer than to look
            author.sign(again, "--no-manifest")
            completed = account.verify(again, "--key", author.public_key)
            assert (completed.status, len(completed.image["signatures"])) == (0, 1)
    tally.note(["sign"], "power cut", "between two fsyncs", tried)
    assert states == {0, 4}
    assert tried >= 10
