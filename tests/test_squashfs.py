"""File trees of squashfs partitions: read as unsquashfs reads them, whatever the packing."""

import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro_sign.contents.listing import Kind
from tests.conftest import Need
from tests.programs import PROJECT
from tests.squashed import (
    COMPRESSIONS,
    digest_by_the_page,
    image_of,
    make_tree,
    pack,
    run,
    tree_of,
)


@pytest.fixture(scope="module")
def folder(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("mksquashfs", "unsquashfs", "siftool")
    return make_tree(tmp_path_factory.mktemp("tree") / "root")


def root_only() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may make these files")


PACKINGS = {
    **{one: ("-comp", one) for one in COMPRESSIONS},
    "not compressed": ("-noI", "-noId", "-noD", "-noF", "-noX"),
    "small blocks": ("-b", "4096"),
    "large blocks": ("-b", "1M"),
    "no fragments": ("-no-fragments",),
    "fragments only": ("-always-use-fragments",),
    "no duplicates": ("-no-duplicates", "-no-exports"),
    "other times": ("-all-time", "0", "-mkfs-time", "0"),
    "other owners": ("-all-root",),
}


@pytest.mark.parametrize("options", PACKINGS.values(), ids=PACKINGS)
def test_the_digest_of_a_tree_does_not_depend_on_its_packing(
    folder: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    plain, _ = tree_of(image_of(folder, tmp_path / "plain.sif"))
    packed, entries = tree_of(image_of(folder, tmp_path / "packed.sif", *options))
    assert packed.digest == plain.digest
    assert packed.entries == len(entries) == plain.entries
    assert f"tree:sha256:{packed.digest}" == digest_by_the_page(folder, tmp_path)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_is_read_is_what_unsquashfs_extracts(
    folder: Path, tmp_path: Path, compression: str
) -> None:
    image = image_of(folder, tmp_path / "image.sif", "-comp", compression)
    summary, entries = tree_of(image)
    assert summary.packing.compression == compression
    out = tmp_path / "out"
    run("unsquashfs", "-n", "-q", "-d", out, image.with_suffix(".squashfs"))
    top = os.fsencode(out)
    found = {b"."}
    for parent, folders, files in os.walk(top):
        found |= {os.path.relpath(os.path.join(parent, one), top) for one in folders + files}
    assert set(entries) == found
    for path, entry in entries.items():
        state = os.lstat(os.path.join(top, path))
        assert entry.kind == stat.filemode(state.st_mode)[0].replace("-", "f")
        assert entry.time == int(state.st_mtime)
        assert entry.kind is Kind.LINK or entry.mode == stat.S_IMODE(state.st_mode)
        if os.geteuid() == 0:
            assert entry.owner == f"{state.st_uid}:{state.st_gid}"
        if entry.kind is Kind.FILE:
            data = Path(os.fsdecode(os.path.join(top, path))).read_bytes()
            assert entry.detail.decode() == hashlib.sha256(data).hexdigest()
            assert entry.size == len(data)
        elif entry.kind is Kind.LINK:
            assert entry.detail == os.readlink(os.path.join(top, path))


def test_the_listing_is_that_of_unsquashfs(folder: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    for name in ("b", "a-b", "a.c"):
        (plain / name).write_text(name)
    (plain / "a").mkdir()
    (plain / "a" / "inside").write_text("x")
    (plain / "link").symlink_to("a/inside")
    image = image_of(plain, tmp_path / "image.sif")
    _, entries = tree_of(image)
    listed = run("unsquashfs", "-lln", image.with_suffix(".squashfs"))
    rows = re.findall(
        r"^(\S)(\S{9}) (\d+)/(\d+) +(\d+) \S+ \S+ squashfs-root/?(.*?)(?: -> (.*))?$",
        listed,
        re.MULTILINE,
    )
    assert len(rows) == len(entries)
    for kind, mode, uid, gid, size, path, target in rows:
        one = entries[os.fsencode(path) or b"."]
        assert one.owner == f"{uid}:{gid}"
        if kind == "l":
            assert one.detail == os.fsencode(target)
        else:
            assert stat.filemode(one.mode)[1:] == mode
        assert kind in ("d", "l") or one.size == int(size)
    assert [path.decode() for path in entries] == [
        *(".", "a", "a/inside", "a-b", "a.c", "b", "link")
    ]


def test_devices_have_the_numbers_that_linux_gives_them(folder: Path, tmp_path: Path) -> None:
    root_only()
    here = tmp_path / "devices"
    here.mkdir()
    numbers = [(0, 0), (1, 3), (8, 255), (8, 256), (8, 70_000), (4095, 1_048_575)]
    for count, (major, minor) in enumerate(numbers):
        for kind, name in ((stat.S_IFBLK, "b"), (stat.S_IFCHR, "c")):
            try:
                os.mknod(here / f"{name}{count}", kind | 0o600, os.makedev(major, minor))
            except PermissionError:
                pytest.skip("no devices can be made here")
    image = image_of(here, tmp_path / "image.sif")
    summary, entries = tree_of(image)
    found = {path.decode(): one.detail.decode() for path, one in entries.items() if path != b"."}
    assert found == {
        f"{name}{count}": f"{major}:{minor}"
        for count, (major, minor) in enumerate(numbers)
        for name in "bc"
    }
    assert f"tree:sha256:{summary.digest}" == digest_by_the_page(here, tmp_path)


def test_extended_attributes_are_told_apart_and_left_out_of_the_digest(tmp_path: Path) -> None:
    found = []
    for name, value in (("one", b"1"), ("two", b"2"), ("same", b"1")):
        (here := tmp_path / name).mkdir()
        for each in ("a", "b"):
            (here / each).write_text("text")
            try:
                os.setxattr(here / each, "user.note", value)
                os.setxattr(here / each, "user.long", b"x" * 2000)  # one value, referred to
            except OSError:
                pytest.skip("no attributes here")
        found.append(tree_of(image_of(here, tmp_path / f"{name}.sif", "-all-time", "0")))
    digests = [summary.digest for summary, _ in found]
    attributes = [entries[b"a"].attributes for _, entries in found]
    assert len(set(digests)) == 1
    assert attributes[0] == attributes[2] != attributes[1]
    assert all(one != "-" for one in attributes)


def test_a_large_folder_and_many_owners_are_read_whole(tmp_path: Path, need: Need) -> None:
    root_only()
    need("mksquashfs", "siftool")
    (here := tmp_path / "many").mkdir()
    for number in range(3000):
        path = here / f"file-{number:05}"
        path.write_text(str(number))
        os.chown(path, number, number + 1)
    _, entries = tree_of(image_of(here, tmp_path / "image.sif"))
    assert len(entries) == 3001
    for number in range(3000):
        one = entries[f"file-{number:05}".encode()]
        assert one.owner == f"{number}:{number + 1}"
        assert one.detail.decode() == hashlib.sha256(str(number).encode()).hexdigest()


def change_content(top: Path) -> None:
    (top / "etc" / "small").write_text("b text\n")


def append(top: Path) -> None:
    with (top / "etc" / "big").open("a") as file:
        file.write("x")


def fill_a_hole(top: Path) -> None:
    with (top / "etc" / "sparse").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"x")


def change_a_mode(top: Path) -> None:
    (top / "etc" / "small").chmod(0o600)


def change_the_mode_of_a_folder(top: Path) -> None:
    (top / "empty").chmod(0o755)


def change_a_link(top: Path) -> None:
    (top / "bin" / "link").unlink()
    (top / "bin" / "link").symlink_to("../etc/other")


def add_a_file(top: Path) -> None:
    (top / "empty" / "more").write_text("")


def remove_a_folder(top: Path) -> None:
    (top / "deep" / "a" / "b" / "c").rmdir()


def rename_a_file(top: Path) -> None:
    (top / "etc" / "nothing").rename(top / "etc" / "none")


def put_a_file_in_place_of_a_link(top: Path) -> None:
    (top / "bin" / "link").unlink()
    (top / "bin" / "link").write_text("../etc/small")


@pytest.mark.parametrize(
    "change",
    [
        change_content,
        append,
        fill_a_hole,
        change_a_mode,
        change_the_mode_of_a_folder,
        change_a_link,
        add_a_file,
        remove_a_folder,
        rename_a_file,
        put_a_file_in_place_of_a_link,
    ],
)
def test_the_digest_changes_with_everything_else(
    folder: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    before, _ = tree_of(image_of(folder, tmp_path / "before.sif"))
    top = make_tree(tmp_path / "root")
    same, _ = tree_of(image_of(top, tmp_path / "same.sif"))
    change(top)
    after, _ = tree_of(image_of(top, tmp_path / "after.sif"))
    assert same.digest == before.digest
    assert after.digest != before.digest


@pytest.mark.parametrize(
    ("labels", "same"),
    [
        ('{"org.label-schema.build-date": "Monday_23_November_2026_1:02:03_UTC", "a": "1"}', True),
        ('{"org.label-schema.build-date": "", "a": "1"}', True),
        ('{"org.label-schema.build-date": "<b>", "a": "1"}', False),
        ('{"org.label-schema.build-date": "Monday_23_November_2026_1:02:03_UTC", "a": "2"}', False),
        ('{"org.label-schema.build-dates": "x", "a": "1"}', False),
    ],
)
def test_the_build_date_among_the_labels_is_a_time_and_no_content(
    tmp_path: Path, need: Need, labels: str, same: bool
) -> None:
    need("mksquashfs", "siftool")
    digests = []
    for name, text in (
        ("one", labels),
        ("two", '{"org.label-schema.build-date": "Now", "a": "1"}'),
    ):
        place = tmp_path / name / ".singularity.d" / "labels.json"
        place.parent.mkdir(parents=True)
        place.write_text(text)
        summary, _ = tree_of(image_of(tmp_path / name, tmp_path / f"{name}.sif"))
        digests.append(summary.digest)
        assert f"tree:sha256:{summary.digest}" == digest_by_the_page(tmp_path / name, tmp_path)
    assert (digests[0] == digests[1]) is same


VECTOR: Any = json.loads((PROJECT / "docs" / "vectors" / "tree.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "change",
    [{"name": "nothing", "at": 0, "bytes": "", "tree": VECTOR["tree"]}, *VECTOR["changes"]],
    ids=lambda one: one["name"],
)
def test_the_vector_is_read_as_it_says(change: Any, tmp_path: Path, need: Need) -> None:
    need("unsquashfs")
    data = bytearray(base64.b64decode("".join(VECTOR["base64"])))
    assert len(data) == VECTOR["size"]
    new = bytes.fromhex(change["bytes"])
    data[change["at"] : change["at"] + len(new)] = new
    if change["tree"] is None:
        with pytest.raises(subprocess.CalledProcessError) as caught:
            read_alone(bytes(data), tmp_path)
        assert caught.value.returncode == 3
        return
    *lines, last = read_alone(bytes(data), tmp_path).splitlines()
    listing = [line.split(" ", 5)[5] for line in lines]
    assert (listing == VECTOR["listing"]) == (change["tree"] == VECTOR["tree"])
    assert f"tree:sha256:{last.split(' ')[2]}" == change["tree"]
    if os.geteuid() == 0:  # it has devices
        run("unsquashfs", "-n", "-q", "-d", tmp_path / "out", tmp_path / "alone")
        assert digest_by_the_page(tmp_path / "out", tmp_path) == change["tree"]


def test_without_its_library_a_compression_is_named(folder: Path, tmp_path: Path) -> None:
    squashfs = pack(folder, tmp_path / "lzo.squashfs")
    data = bytearray(squashfs.read_bytes())
    for number, word in ((2, "lzma"), (3, "lzo"), (9, "9")):
        data[20] = number
        with pytest.raises(subprocess.CalledProcessError) as caught:
            read_alone(bytes(data), tmp_path)
        assert f"its compression ({word}) can't be read here" in caught.value.stderr


def read_alone(data: bytes, folder: Path) -> str:
    """Run the child by itself on a squashfs."""
    path = folder / "alone"
    path.write_bytes(data)
    code = "import sys; from repro_sign.contents.child import main; sys.exit(main(sys.argv[1:]))"
    with path.open("rb") as file:
        return subprocess.run(
            [sys.executable, "-c", code, "0", str(len(data)), "20", "entries"],
            stdin=file,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
