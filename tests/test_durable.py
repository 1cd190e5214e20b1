"""Files that are written whole or not at all, and folders that only their owner enters."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repro_sign.errors import RefusedError
from repro_sign.system.durable import (
    TEMPORARY_MARK,
    exchange_file,
    locked_folder,
    private_folder,
    sync_folder,
    write_file,
    write_new_file,
)
from tests.programs import PROJECT

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from repro_sign.system import durable

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(lambda event, args: die() if event == {event!r} else None)
durable.write_file(Path(sys.argv[1]), b"new" * 100_000)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def python(program: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )


@pytest.mark.parametrize("old", [None, b"", b"old" * 1000], ids=["no file", "an empty one", "one"])
@pytest.mark.parametrize("data", [b"", b"new\n", b"\0" * 3_000_000], ids=["0", "4", "3 million"])
def test_a_file_is_replaced_by_its_new_content_and_nothing_else_is_left(
    tmp_path: Path, old: bytes | None, data: bytes
) -> None:
    path = tmp_path / "climate.sif.manifest.asc"
    if old is not None:
        path.write_bytes(old)
    write_file(path, data)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("wanted", [0o600, 0o644, 0o400])
@pytest.mark.parametrize("mask", [0o000, 0o077, 0o777])
def test_the_mode_is_the_one_asked_for_whatever_the_umask_and_the_old_file(
    tmp_path: Path, wanted: int, mask: int
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    path.chmod(0o666)
    before = os.umask(mask)
    try:
        write_file(path, b"new", mode=wanted)
    finally:
        os.umask(before)
    assert mode(path) == wanted


def test_a_link_is_replaced_and_what_it_points_to_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    write_file(link, b"new")
    assert target.read_bytes() == b"old"
    assert (link.is_symlink(), link.read_bytes()) == (False, b"new")


@pytest.mark.parametrize(
    "obstacle", ["the folder is missing", "a folder is in the way", "a file is the folder"]
)
def test_what_cannot_be_written_is_refused_and_changes_nothing(
    tmp_path: Path, obstacle: str
) -> None:
    path = tmp_path / "a\x1b" / "file"
    if obstacle == "a folder is in the way":
        path.mkdir(parents=True)
    elif obstacle == "a file is the folder":
        path.parent.write_bytes(b"old")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RefusedError, match="could not be written") as caught:
        write_file(path, b"new")
    assert sorted(tmp_path.rglob("*")) == before
    assert "\x1b" not in str(caught.value)
    assert "nothing was changed" in str(caught.value.hint)


def test_on_a_full_disk_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    program = """
import resource, signal, sys
from pathlib import Path
from repro_sign.system.durable import write_file
from repro_sign.errors import RefusedError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write_file(Path(sys.argv[1]), b"new" * 100_000)
except RefusedError as error:
    print(error)
"""
    out, _ = python(program, path).communicate(timeout=60)
    assert b"could not be written" in out
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_is_killed_leaves_the_old_file_and_a_marked_part(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    killed = python(KILLED_WHILE_WRITING.format(event="os.rename"), path)
    killed.communicate(timeout=60)
    assert killed.returncode == -9
    assert path.read_bytes() == b"old"
    (part,) = (one for one in tmp_path.iterdir() if one != path)
    assert TEMPORARY_MARK in part.name
    assert part.name.startswith(".")


def test_new_folders_are_for_their_owner_only_and_old_ones_stay_as_they_are(
    tmp_path: Path,
) -> None:
    old = tmp_path / "old"
    old.mkdir(mode=0o755)
    private_folder(old / "new" / "newer")
    assert [mode(one) for one in (old, old / "new", old / "new" / "newer")] == [0o755, 0o700, 0o700]
    private_folder(old / "new" / "newer")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RefusedError, match="could not be made"):
        private_folder(tmp_path / "file" / "folder")


def test_a_second_process_waits_for_a_locked_folder(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from repro_sign.system.durable import locked_folder
print("asks", flush=True)
with locked_folder(Path(sys.argv[1])):
    print("has it", (Path(sys.argv[1]) / "released").exists(), flush=True)
"""
    with locked_folder(tmp_path):
        other = python(program, tmp_path)
        assert other.stdout is not None
        assert other.stdout.readline() == b"asks\n"
        time.sleep(0.3)  # were there no lock, it would have the folder by now
        (tmp_path / "released").touch()
    out, _ = other.communicate(timeout=60)
    assert out == b"has it True\n"
    sync_folder(tmp_path)


def test_a_lock_ends_with_an_error_inside(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked_folder(tmp_path):
        raise KeyError
    with locked_folder(tmp_path):
        assert tmp_path.is_dir()


def test_a_new_file_takes_the_place_of_none(tmp_path: Path) -> None:
    path, link = tmp_path / "backup", tmp_path / "link"
    write_new_file(path, b"new", mode=0o600)
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    link.symlink_to(tmp_path / "nowhere")
    for there in (path, link):
        with pytest.raises(RefusedError, match="is there already"):
            write_new_file(there, b"other")
    assert path.read_bytes() == b"new"
    assert sorted(tmp_path.iterdir()) == [path, link]


@pytest.mark.parametrize("old", [None, b"old"], ids=["no file", "one"])
def test_a_file_is_exchanged_and_no_copy_is_left(tmp_path: Path, old: bytes | None) -> None:
    path = tmp_path / "pgp-secret"
    if old is not None:
        path.write_bytes(old)
    exchange_file(path, old, b"new", mode=0o600)
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_program_changed_meanwhile_is_not_lost(tmp_path: Path) -> None:
    """Apptainer's commands take no lock: one may have added a key since the ring was read."""
    path = tmp_path / "pgp-secret"
    path.write_bytes(b"old, and another key")
    with pytest.raises(RefusedError, match="changed by another program"):
        exchange_file(path, b"old", b"new", mode=0o600)
    assert path.read_bytes() == b"old, and another key"
    assert list(tmp_path.iterdir()) == [path]
