"""A hostile squashfs neither hangs, nor fills memory or disk, nor opens or starts anything."""

import hashlib
import os
import random
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from repro_sign.contents import child, reading
from repro_sign.contents.listing import TREE_PREFIX, Entry, Kind, read_entries
from repro_sign.contents.squashfs import Squashfs
from repro_sign.contents.window import Window
from repro_sign.errors import MalformedError, NoAnswerError
from tests.conftest import Need
from tests.programs import PROJECT
from tests.squashed import COMPRESSIONS, into_image, pack, run, tree_of

MUTATIONS = 1500


@pytest.fixture(scope="module")
def seeds(need: Need, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Give a small tree in every packing."""
    need("mksquashfs", "unsquashfs", "siftool")
    folder = tmp_path_factory.mktemp("seeds")
    (top := folder / "tree").mkdir()
    (top / "a" / "b").mkdir(parents=True)
    for number in range(8):
        (top / "a" / f"file-{number}").write_text(f"file {number}\n")
    (top / "a" / "b" / "numbers").write_text("".join(map(str, range(5000))))
    os.link(top / "a" / "file-1", top / "hard-link")
    (top / "link").symlink_to("a/file-2")
    plain = ("-noI", "-noId", "-noD", "-noF", "-noX")
    packings = {"plain": plain, **{one: ("-comp", one) for one in COMPRESSIONS}}
    return {
        name: pack(top, folder / name, "-b", "4096", *options).read_bytes()
        for name, options in packings.items()
    }


def entries_of(data: bytes) -> list[Entry]:
    """Read a squashfs in this process, as the child does."""
    descriptor = os.memfd_create("squashfs")
    try:
        os.write(descriptor, data)
        return list(Squashfs(Window(descriptor, 0, len(data))).entries())
    finally:
        os.close(descriptor)


def used(data: bytes) -> int:
    """Return how long a squashfs is without the padding after it."""
    return int(struct.unpack_from("<Q", data, 40)[0])


def mutations(data: bytes, name: str) -> Iterator[bytes]:
    chance = random.Random(name)
    for _ in range(MUTATIONS):
        one = bytearray(data[: used(data)])
        for _ in range(chance.choice((1, 1, 2, 4))):
            at = chance.randrange(96 if chance.random() < 0.3 else len(one))
            value = chance.choice((chance.randbytes(1), b"\xff" * 4, bytes(4), chance.randbytes(8)))
            one[at : at + len(value)] = value
        yield bytes(one[: chance.randrange(len(one))] if chance.random() < 0.1 else one)


@pytest.mark.parametrize("name", [*COMPRESSIONS, "plain"])
def test_whatever_is_changed_it_is_read_or_refused_in_little_memory(
    seeds: dict[str, bytes], name: str
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = 0
    for data in mutations(seeds[name], name):
        try:
            read += bool(entries_of(data))
        except (MemoryError, RecursionError):
            raise
        except Exception:  # noqa: BLE001 - as in the child: the library raises many kinds
            continue
    assert 0 < read < MUTATIONS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_what_unsquashfs_reads_otherwise_is_not_read_at_all(
    seeds: dict[str, bytes], tmp_path: Path
) -> None:
    """Where both read a changed file system, both read the same."""
    image, both = tmp_path / "image", 0
    for data in list(mutations(seeds["plain"], "peer"))[:300]:
        try:
            ours = {one.path: one for one in entries_of(data)}
        except Exception:  # noqa: BLE001 - refused: nothing to compare
            continue
        image.write_bytes(data + bytes(4096))
        out = tmp_path / "out"
        run("rm", "-rf", out)
        argv = ["unsquashfs", "-n", "-q", "-no-xattrs", "-d", str(out), str(image)]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=60)
        if done.returncode or done.stderr:
            continue
        both += 1
        for path, one in ours.items():
            place = os.path.join(os.fsencode(out), path)
            if one.kind is Kind.FILE and os.path.isfile(place):
                data_there = Path(os.fsdecode(place)).read_bytes()
                assert len(data_there) == one.size
        names = sum(len(folders) + len(files) for _, folders, files in os.walk(out))
        assert names == len(ours) - 1
    assert both > 20


@pytest.mark.parametrize("cut", [0, 1, 95, 96, 500, 0.3, 0.6, 0.9])
def test_a_squashfs_that_is_cut_short_is_refused(
    seeds: dict[str, bytes], tmp_path: Path, cut: float
) -> None:
    data = seeds["gzip"][: used(seeds["gzip"])]
    length = cut if isinstance(cut, int) else int(len(data) * cut)
    (short := tmp_path / "short").write_bytes(data[:length] or b"x")
    with pytest.raises(NoAnswerError, match="can't be read"):
        tree_of(into_image(short, tmp_path / "image.sif"))


def tables(data: bytes | bytearray) -> dict[str, int]:
    """Return where the tables of a squashfs begin."""
    names = ("ids", "attributes", "inodes", "folders", "fragments")
    return dict(zip(names, struct.unpack_from("<5Q", data, 48), strict=True))


def test_a_folder_that_is_in_itself_is_refused(seeds: dict[str, bytes]) -> None:
    data = bytearray(seeds["plain"])
    root = struct.unpack_from("<Q", data, 32)[0]
    at = data.index(b"\0\0a", tables(data)["folders"])  # the entry of the folder a in the root
    struct.pack_into("<H", data, at - 6, root & 0xFFFF)
    with pytest.raises(MalformedError, match="a folder occurs twice"):
        entries_of(bytes(data))


@pytest.mark.parametrize("name", [b"..", b"a/", b"a\0"])
def test_a_name_that_leads_elsewhere_is_refused(seeds: dict[str, bytes], name: bytes) -> None:
    data = bytearray(seeds["plain"])
    at = data.index(b"link", data.index(b"hard-link", tables(data)["folders"]) + 9)
    size = at - 2
    struct.pack_into("<H", data, size, len(name) - 1)
    data[at : at + 4] = name.ljust(4, b"x")
    with pytest.raises(MalformedError, match="a folder's list is not valid"):
        entries_of(bytes(data))


def bomb(seeds: dict[str, bytes], length: int) -> bytes:
    """Make the first block of the inode table one that decompresses to `length` bytes."""
    data = bytearray(seeds["gzip"][: used(seeds["gzip"])])
    packed = zlib.compress(bytes(length), 9)
    struct.pack_into("<Q", data, 64, len(data))
    return bytes(data) + struct.pack("<H", min(len(packed), 0x7FFF)) + packed


def test_a_block_that_decompresses_to_very_much_is_refused(seeds: dict[str, bytes]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MalformedError, match="larger than blocks"):
        entries_of(bomb(seeds, 30 << 20))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_a_file_of_very_many_holes_meets_the_time_limit(
    need: Need, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("mksquashfs", "siftool")
    (top := tmp_path / "tree").mkdir()
    with (top / "holes").open("wb") as file:
        file.truncate(3 << 30)
    image = into_image(pack(top, tmp_path / "holes", "-b", "1M"), tmp_path / "image.sif")
    assert image.stat().st_size < 1 << 20
    monkeypatch.setattr(reading, "_LEAST_SECONDS", 1)
    with pytest.raises(NoAnswerError, match=r"more time than it may|no answer within"):
        tree_of(image)


def in_child(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run code in a process that is confined as the one that reads a squashfs."""
    start = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r});"
        "from repro_sign.contents import child; import socket, os, subprocess;"
        f"child._load_decompressors(); child._confine(5)\n{code}"
    )
    return subprocess.run(
        [sys.executable, "-c", start, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd')",
        "open('x', 'w')",
        "socket.socket()",
        "os.pipe()",
        "os.memfd_create('x')",
        "subprocess.run(['/bin/true'], capture_output=True)",
        "import ctypes.wintypes, xmlrpc.client",
        "bytearray(2 << 30)",
        "os.dup(0)",
    ],
)
def test_the_child_can_open_and_start_nothing(code: str, tmp_path: Path) -> None:
    done = in_child(f"{code}\nprint('done')", cwd=tmp_path)
    assert done.returncode != 0
    assert "done" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_child_ends_when_its_time_is_over() -> None:
    assert in_child("while True: pass").returncode < 0


def test_the_child_writes_no_more_than_a_listing_may_be_long(
    seeds: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "squashfs").write_bytes(seeds["gzip"])
    descriptor = os.open(tmp_path / "squashfs", os.O_RDONLY)
    monkeypatch.setattr(child, "MAX_LISTING_BYTES", 300)
    with (tmp_path / "out").open("wb") as out, pytest.raises(MalformedError, match="too long"):
        child._write(Window(descriptor, 0, len(seeds["gzip"])), out, entries=True)
    os.close(descriptor)
    assert (tmp_path / "out").stat().st_size <= 300


LINES = [
    Entry(b".", Kind.FOLDER, 0o755, b"-"),
    Entry(b"a", Kind.FOLDER, 0o1777, b"-", owner="1:2", time=3),
    Entry(b"a/b", Kind.FILE, 0o4755, b"0" * 64, size=7, attributes="1" * 64, stamp=b"Now"),
    Entry(b"a-b", Kind.LINK, 0, b"to \xff\n%", size=6),
    Entry(b"c\n", Kind.BLOCK_DEVICE, 0o600, b"8:1"),
    Entry(b"p", Kind.PIPE, 0o600, b"-"),
]


def listing(path: Path, lines: list[bytes]) -> list[Entry]:
    path.write_bytes(b"".join(lines))
    with path.open("rb") as file:
        return list(read_entries(file))


def digest_of(entries: Iterable[Entry]) -> str:
    """Return the tree digest's hex of entries that come in their order."""
    digest = hashlib.sha256(TREE_PREFIX)
    for one in entries:
        digest.update(one.canonical())
    return digest.hexdigest()


def end(count: int, digest: str) -> bytes:
    return f"end {count} {digest} gzip 131072 0\n".encode()


def test_a_listing_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    lines = [one.line() for one in LINES]
    ending = end(len(LINES), digest_of(LINES))
    assert listing(tmp_path / "listing", [*lines, ending]) == LINES


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:-1],
        lambda lines: [*lines[:-1], end(5, digest_of(LINES))],
        lambda lines: [*lines[:-1], end(6, "0" * 64)],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, b"more"],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [lines[0], lines[0], *lines[1:]],
        lambda lines: [b"x" * (1 << 20), *lines],
        lambda lines: [lines[0].replace(b"0755", b"0789"), *lines[1:]],
        lambda lines: [lines[0].replace(b" .", b" \x1b."), *lines[1:]],
        lambda lines: lines[:0],
    ],
    ids=range(11),
)
def test_a_listing_that_no_honest_child_writes_is_refused(change: Any, tmp_path: Path) -> None:
    lines = [*(one.line() for one in LINES), end(len(LINES), digest_of(LINES))]
    with pytest.raises(MalformedError):
        listing(tmp_path / "listing", change(lines))
