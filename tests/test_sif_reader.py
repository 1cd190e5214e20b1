"""The SIF reader on a real image under the knife: each broken rule is named, nothing crashes."""

import os
import socket
import struct
import tracemalloc
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro_sign.errors import MalformedError, UnreadableError
from repro_sign.sif import layout
from repro_sign.sif.reader import looks_like_sif, open_image

HEADER_FIELDS = "launch magic version arch uuid created modified free total offset size data_offset"
ROW_FIELDS = "type used id group link offset size padded created modified uid gid name extra"
SPECIAL = ["nothing", "a folder", "a pipe", "a link to a pipe", "a socket", "a device without end"]
SPECIAL += ["a name that can't be"]
TABLE = 4096
"""Where the real image's table is; its objects are in rows 0 to 2, the partition is the last."""


def with_header(data: bytes, **changes: Any) -> bytes:
    fields = [*HEADER_FIELDS.split(), "data_size"]
    values = dict(zip(fields, layout.HEADER.unpack_from(data), strict=True))
    return layout.HEADER.pack(*(values | changes).values()) + data[layout.HEADER.size :]


def with_row(data: bytes, slot: int, **changes: Any) -> bytes:
    start = TABLE + slot * layout.DESCRIPTOR.size
    values = layout.DESCRIPTOR.unpack_from(data, start)
    row = dict(zip(ROW_FIELDS.split(), values, strict=True)) | changes
    packed = layout.DESCRIPTOR.pack(*row.values())
    return data[:start] + packed + data[start + layout.DESCRIPTOR.size :]


def header(**changes: Any) -> Any:
    return lambda data: with_header(data, **changes)


def row(slot: int, **changes: Any) -> Any:
    return lambda data: with_row(data, slot, **changes)


@pytest.mark.parametrize(
    ("cut", "code"),
    [
        pytest.param(lambda _: b"", "not-sif", id="an empty file"),
        pytest.param(lambda data: data[:41], "not-sif", id="cut within the magic word"),
        pytest.param(lambda data: data[:42], "malformed", id="cut after the magic word"),
        pytest.param(lambda data: data[:127], "malformed", id="cut within the header"),
        pytest.param(lambda data: data[:128], "out-of-file", id="cut after the header"),
        pytest.param(lambda data: data[: TABLE + 28079], "out-of-file", id="cut within the table"),
        pytest.param(lambda data: data[:-1], "out-of-file", id="cut within the last object"),
        pytest.param(lambda _: b"PK\3\4" + bytes(1000), "not-sif", id="another kind of file"),
        pytest.param(header(magic=b"SIF_MAGIC\1"), "not-sif", id="almost the magic word"),
        pytest.param(header(version=b"02\0"), "unsupported-version", id="version 2"),
        pytest.param(header(version=b"01\n"), "unsupported-version", id="version with a line end"),
        pytest.param(header(total=-1), "absurd-count", id="a negative number of rows"),
        pytest.param(header(total=4097), "absurd-count", id="one row too many"),
        pytest.param(header(total=1 << 62), "absurd-count", id="rows beyond all memory"),
        pytest.param(header(total=47), "malformed", id="fewer rows than the table has"),
        pytest.param(header(size=28079), "malformed", id="a table of a byte less"),
        pytest.param(header(size=1 << 62), "malformed", id="a table beyond all memory"),
        pytest.param(header(offset=127), "overlap", id="the table in the header"),
        pytest.param(header(offset=-4096), "overlap", id="the table before the file"),
        pytest.param(header(offset=1 << 40), "out-of-file", id="the table after the file"),
        pytest.param(header(offset=(1 << 63) - 1), "out-of-file", id="the table at no place"),
        pytest.param(header(total=4096, size=4096 * 585), "out-of-file", id="the largest table"),
        pytest.param(row(0, used=2), "malformed", id="a used flag of 2"),
        pytest.param(row(0, id=0), "malformed", id="the id 0"),
        pytest.param(row(0, id=3), "duplicate-id", id="an id twice"),
        pytest.param(row(0, group=1), "malformed", id="a group without its mask"),
        pytest.param(row(0, group=0xE0000001), "malformed", id="a group with half its mask"),
        pytest.param(row(0, group=layout.NO_GROUP), "no-group", id="an object in no group"),
        pytest.param(row(0, offset=-1), "out-of-file", id="a negative offset"),
        pytest.param(row(0, size=-1), "out-of-file", id="a negative size"),
        pytest.param(row(2, size=1044481), "out-of-file", id="a byte beyond the file"),
        pytest.param(row(2, offset=(1 << 63) - 1), "out-of-file", id="an offset beyond the file"),
        pytest.param(row(2, size=(1 << 63) - 1), "out-of-file", id="a size beyond the file"),
        pytest.param(row(0, offset=-5, size=10), "out-of-file", id="an object across the start"),
        pytest.param(row(1, offset=32212), "overlap", id="two objects share a byte"),
        pytest.param(row(1, offset=36864), "overlap", id="an object within another"),
        pytest.param(row(0, offset=0), "overlap", id="an object in the header"),
        pytest.param(row(0, offset=32175), "overlap", id="an object in the table"),
        pytest.param(row(0, offset=127, size=4000), "overlap", id="an object from header to table"),
        pytest.param(
            lambda data: with_row(data + bytes(9000), 2, type=0x4005, size=(1 << 20) + 1),
            "too-large",
            id="a signature of more than a megabyte",
        ),
    ],
)
def test_each_broken_rule_is_named_and_costs_no_memory(
    base_image: Path, tmp_path: Path, cut: Any, code: str
) -> None:
    image = tmp_path / "cut.sif"
    image.write_bytes(cut(base_image.read_bytes()))
    tracemalloc.start()
    with pytest.raises(MalformedError) as caught, open_image(image):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == code
    assert peak < 4 << 20


@pytest.mark.parametrize(
    ("cut", "ids"),
    [
        pytest.param(lambda data: data, [1, 2, 3], id="as Apptainer made it"),
        pytest.param(lambda data: data + b"tail", [1, 2, 3], id="bytes after the last object"),
        pytest.param(row(40, id=1, offset=-1, size=-1), [1, 2, 3], id="junk in an unused row"),
        pytest.param(row(1, used=0), [1, 3], id="a row in between is unused"),
        pytest.param(row(0, id=77), [77, 2, 3], id="an id that is not its row's"),
        pytest.param(row(0, id=0xFFFFFFFF), [0xFFFFFFFF, 2, 3], id="the largest id"),
        pytest.param(row(0, offset=0, size=0), [1, 2, 3], id="an object of no bytes"),
        pytest.param(row(0, type=0x7FFF), [1, 2, 3], id="an object of an unknown type"),
        pytest.param(row(0, type=-1), [1, 2, 3], id="a negative type"),
        pytest.param(row(2, extra=b"\xff" * 384), [1, 2, 3], id="a partition of unknown kind"),
        pytest.param(row(0, name=b"\xff\x1b" * 64), [1, 2, 3], id="a name that is no text"),
        pytest.param(header(free=-5, data_size=1 << 62), [1, 2, 3], id="wrong counters"),
        pytest.param(header(created=-(1 << 63)), [1, 2, 3], id="a time before all times"),
        pytest.param(header(total=3, size=3 * 585), [1, 2, 3], id="a short table"),
        pytest.param(header(total=0, size=0), [], id="no table at all"),
    ],
)
def test_what_breaks_no_rule_is_read(
    base_image: Path, tmp_path: Path, cut: Any, ids: list[int]
) -> None:
    path = tmp_path / "cut.sif"
    path.write_bytes(cut(base_image.read_bytes()))
    with open_image(path) as image:
        assert [one.id for one in image.objects] == ids
        assert all(isinstance(one.kind + one.label, str) for one in image.objects)
        assert looks_like_sif(path)


def test_a_real_image_is_described(base_image: Path) -> None:
    with open_image(base_image) as image:
        kinds = [one.kind for one in image.objects]
        assert kinds == ["definition file", "JSON", "partition (squashfs, primary system)"]
        assert image.objects[1].label == "inspect-metadata.json"
        assert list(image.groups) == [1]
        assert image.signatures == ()
        assert image.object_data(image.objects[0]).startswith(b"bootstrap: ")
        assert image.data_end == image.size == base_image.stat().st_size


EDITS = st.lists(
    st.tuples(
        st.integers(0, 16) | st.integers(TABLE, TABLE + 3 * 585).map(lambda at: at - 8),
        st.binary(min_size=8, max_size=8)
        | st.sampled_from([-1, 0, 1, 2, 36864, (1 << 63) - 1]).map(struct.Struct("<q").pack),
    ).map(lambda pair: (pair[0] * 8 if pair[0] <= 16 else pair[0], pair[1])),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(edits=EDITS)
def test_a_mutated_image_is_sound_or_refused(
    base_image: Path, tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.sif"
    start = bytearray(base_image.read_bytes()[:36864])
    for at, octets in edits:
        start[at : at + 8] = octets
    path.write_bytes(start)
    os.truncate(path, base_image.stat().st_size)
    with suppress(MalformedError), open_image(path) as image:
        used = sorted((one.offset, one.end) for one in image.objects if one.size)
        table = image.header.descriptors_offset
        used += [(0, 128), (table, table + image.header.descriptors_size)]
        assert all(0 <= begin <= end <= image.size for begin, end in used)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(sorted(used)))
        assert len({one.id for one in image.objects}) == len(image.objects)


BYTES = st.binary(max_size=200)
STARTS = BYTES.map(lambda rest: bytes(32) + layout.MAGIC + layout.VERSION + rest)


@settings(deadline=None)
@given(data=BYTES | STARTS)
def test_any_bytes_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.sif"
    path.write_bytes(data)
    with suppress(MalformedError), open_image(path) as image:
        assert image.objects == ()
        assert looks_like_sif(path)


def test_a_huge_object_is_not_read_into_memory(base_image: Path, tmp_path: Path) -> None:
    path = tmp_path / "huge.sif"
    path.write_bytes(with_row(base_image.read_bytes(), 2, size=1 << 32))
    os.truncate(path, 8 << 30)
    tracemalloc.start()
    with open_image(path) as image, pytest.raises(MalformedError, match="at most") as caught:
        image.object_data(image.objects[2])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == "too-large"
    assert peak < 1 << 20


def make_special(path: Path, kind: str) -> Path:
    """Put something at `path` that is no regular file; return the name to open."""
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a link to a pipe":
        os.mkfifo(path.with_suffix(".pipe"))
        path.symlink_to(path.with_suffix(".pipe"))
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.fspath(path))
    elif kind == "a device without end":
        path.symlink_to("/dev/zero")
    elif kind == "a name that can't be":
        return path.with_name("a\0b")
    return path


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_regular_file_is_unreadable_and_never_waited_for(
    tmp_path: Path, kind: str
) -> None:
    path = make_special(tmp_path / "x.sif", kind)
    with pytest.raises(UnreadableError), open_image(path):
        pass
    assert not looks_like_sif(path)


def test_a_file_that_is_cut_or_grows_while_it_is_open_is_noticed(image: Path) -> None:
    with open_image(image) as opened:
        assert opened.unchanged()
        with image.open("ab") as file:
            file.write(b"more")
        assert not opened.unchanged()
        os.truncate(image, 32180)
        with pytest.raises(UnreadableError, match="became shorter"):
            opened.object_data(opened.objects[0])
