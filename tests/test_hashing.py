"""One pass, many digests: each equal to what hashlib and blake3 say, at every size that matters."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from repro_sign.digest import SIF_ALGORITHMS
from repro_sign.errors import UnreadableError
from repro_sign.hashing import (
    BUFFER_BYTES,
    BUFFERS,
    SMALL_BUFFER_BYTES,
    SMALL_BYTES,
    FileDigests,
    Range,
    digest_file,
)

RING = BUFFER_BYTES * BUFFERS


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def content(size: int) -> bytes:
    """Bytes that differ from buffer to buffer, so that a swapped buffer shows."""
    return hashlib.shake_128(b"climate").digest(size)


def digests(path: Path, size: int, ranges: tuple[Range, ...] = ()) -> FileDigests:
    with opened(path) as descriptor:
        return digest_file(descriptor, path, size, whole=("sha256", "blake3"), ranges=ranges)


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(0, id="nothing"),
        pytest.param(1, id="one byte"),
        pytest.param(SMALL_BUFFER_BYTES, id="a small buffer"),
        pytest.param(SMALL_BUFFER_BYTES + 1, id="a small buffer and a byte"),
        pytest.param(SMALL_BYTES, id="the most that one thread digests"),
        pytest.param(SMALL_BYTES + 1, id="a byte more"),
        pytest.param(2 * BUFFER_BYTES, id="two buffers"),
        pytest.param(2 * BUFFER_BYTES + 1, id="two buffers and a byte"),
        pytest.param(RING - 1, id="the ring less a byte"),
        pytest.param(RING, id="the whole ring"),
        pytest.param(RING + BUFFER_BYTES + 1, id="around the ring and on"),
    ],
)
def test_a_pass_gives_what_other_programs_give(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    data = content(size)
    path.write_bytes(data)
    found = digests(path, size).whole
    assert found["sha256"].hex == hashlib.sha256(data).hexdigest()
    assert found["blake3"].hex == blake3(data).hexdigest()


@pytest.mark.parametrize("size", [200_000, RING + 12345], ids=["small", "in threads"])
def test_ranges_of_several_algorithms_are_each_digested_by_themselves(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "file"
    data = content(size)
    path.write_bytes(data)
    edge = min(BUFFER_BYTES, size // 2)
    places = [
        (0, 0),
        (0, size),
        (edge - 1, 2),
        (edge, size - edge),
        (100, 50),
        (120, 50),
        (size, 0),
    ]
    ranges = tuple(
        Range((number, algorithm), offset, length)
        for number, (offset, length) in enumerate(places)
        for algorithm in SIF_ALGORITHMS
    )
    found = digests(path, size, ranges)
    assert {key: one.hex for key, one in found.ranges.items()} == {
        one.key: hashlib.new(
            SIF_ALGORITHMS[one.algorithm], data[one.offset : one.offset + one.size]
        ).hexdigest()
        for one in ranges
    }
    assert found.whole["sha256"].hex == hashlib.sha256(data).hexdigest()


@settings(deadline=None)
@given(
    size=st.integers(0, 3000),
    places=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=6),
)
def test_any_ranges_within_a_file_are_digested(
    tmp_path_factory: pytest.TempPathFactory, size: int, places: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "ranges"
    data = content(size)
    path.write_bytes(data)
    spans = [(min(start, size), min(length, size - min(start, size))) for start, length in places]
    ranges = tuple(Range((number, "sha256"), *span) for number, span in enumerate(spans))
    found = digests(path, size, ranges).ranges
    for number, (start, length) in enumerate(spans):
        said = hashlib.sha256(data[start : start + length]).hexdigest()
        assert found[number, "sha256"].hex == said


@pytest.mark.parametrize("size", [1000, RING + 1], ids=["small", "in threads"])
def test_a_file_that_is_cut_short_is_unreadable_and_leaves_no_thread(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "cut\x1b.sif"
    path.write_bytes(content(size))
    before = threading.active_count()
    with pytest.raises(UnreadableError, match="became shorter") as caught:
        digests(path, size + 1)
    assert "\x1b" not in str(caught.value)
    assert threading.active_count() == before


def test_a_file_that_is_cut_in_the_middle_of_the_pass_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "file"
    size = 3 * RING
    path.write_bytes(bytes(size))

    def cut(done: int, _: int) -> None:
        if done == BUFFER_BYTES:
            os.truncate(path, BUFFER_BYTES)

    with opened(path) as descriptor, pytest.raises(UnreadableError, match="became shorter"):
        digest_file(descriptor, path, size, whole=("sha256", "blake3"), progress=cut)


def test_a_pass_that_is_interrupted_leaves_no_thread(tmp_path: Path) -> None:
    path = tmp_path / "file"
    size = 2 * RING
    path.write_bytes(bytes(size))
    before = threading.active_count()

    def interrupt(done: int, _: int) -> None:
        if done > RING:
            raise KeyboardInterrupt

    with opened(path) as descriptor, pytest.raises(KeyboardInterrupt):
        digest_file(descriptor, path, size, whole=("sha256", "blake3"), progress=interrupt)
    assert threading.active_count() == before


def test_what_a_file_gains_after_it_was_measured_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content(5000))
    assert digests(path, 4000).whole["sha256"].hex == hashlib.sha256(content(4000)).hexdigest()


@pytest.mark.parametrize("size", [5000, 2 * RING + 7], ids=["small", "in threads"])
def test_progress_rises_to_the_whole_and_the_file_is_read_from_its_start(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content(size))
    seen: list[tuple[int, int]] = []
    with opened(path) as descriptor:
        os.lseek(descriptor, 100, os.SEEK_SET)
        found = digest_file(
            descriptor,
            path,
            size,
            whole=("sha256", "blake3"),
            progress=lambda done, total: seen.append((done, total)),
        )
    assert seen == sorted(set(seen))
    assert seen[-1] == (size, size)
    assert found.whole["sha256"].hex == hashlib.sha256(content(size)).hexdigest()


def test_what_cannot_be_positioned_is_unreadable(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(UnreadableError, match="pipe"):
            digest_file(reading, Path("a pipe"), 10, whole=("sha256",))
    finally:
        os.close(reading)
        os.close(writing)


def test_a_whole_folder_in_place_of_a_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="directory"):
        digests(tmp_path, 10)
