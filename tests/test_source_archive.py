"""The archive of a commit: the same bytes every time, and nothing else passes for it."""

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from repro_sign.errors import MalformedError
from repro_sign.provenance.checkout import checkout_changes
from repro_sign.provenance.commit_files import read_commit, read_commit_text
from repro_sign.provenance.git import GitFolder
from repro_sign.provenance.git_trees import tree_id
from repro_sign.provenance.source_archive import check_archive, write_archive
from tests.conftest import Need
from tests.repositories import Checkout

ODD_NAMES = (
    "zwölf.txt",
    "a b",
    "-x",
    "\x1b[31m",
    "deep/er/still/file",
    "a.b",
    "a/b",
    "a0",
    "x" * 200,
)


@pytest.fixture
def checkout(tmp_path: Path, need: Need) -> Checkout:
    need("git", "tar")
    one = Checkout.new(tmp_path / "source")
    for name in ODD_NAMES:
        place = one.top / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{name}\r\n")
    (one.top / "run.sh").write_text("#!/bin/sh\n")
    (one.top / "run.sh").chmod(0o755)
    (one.top / "link").symlink_to("run.sh")
    (one.top / "out").symlink_to("../../etc/passwd")
    (one.top / "empty").touch()
    (one.top / ".gitattributes").write_text(
        "*.txt export-ignore eol=lf\nrun.sh export-subst ident\n"
    )
    os.write(fd := os.open(bytes(one.top) + b"/\xff", os.O_CREAT | os.O_WRONLY), b"odd")
    os.close(fd)
    one.git("add", "--all")
    one.git("commit", "--quiet", "--message", "all kinds of files")
    return one


def archive(checkout: Checkout, path: Path, commit: str = "") -> tuple[str, bytes]:
    """Write the archive; return the commit, and the commit as git keeps it."""
    commit = commit or checkout.git("rev-parse", "HEAD")
    repository = GitFolder(checkout.top)
    text = read_commit_text(repository, commit)
    with path.open("wb") as file:
        write_archive(repository, commit, text, file)
    return commit, text


def test_the_archive_is_the_commit_and_nothing_else(checkout: Checkout, tmp_path: Path) -> None:
    """Git's attributes would leave files out and change others."""
    path = tmp_path / "source.tar"
    commit, text = archive(checkout, path)
    (checkout.top / "run.py").write_text("print('not committed')\n")
    check_archive(path, commit, text)
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", "-xf", path, "-C", unpacked], check=True)
    shutil.move(checkout.top / ".git", unpacked / "source" / ".git")
    assert list(checkout_changes(unpacked / "source", commit)) == []


def test_the_same_commit_gives_the_same_bytes(checkout: Checkout, tmp_path: Path) -> None:
    first, second = tmp_path / "1.tar", tmp_path / "2.tar"
    archive(checkout, first)
    clone = tmp_path / "clone"
    Checkout(tmp_path).git("clone", "--quiet", str(checkout.top), str(clone))
    archive(Checkout(clone), second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_the_tree_has_the_id_that_git_gives_it(tmp_path: Path, need: Need, algorithm: str) -> None:
    need("git")
    one = Checkout.new(tmp_path / "s", f"--object-format={algorithm}")
    for name in ("a/x", "a.b", "a0/y/z", "B"):
        (one.top / name).parent.mkdir(parents=True, exist_ok=True)
        one.commit(name, name)
    commit = one.git("rev-parse", "HEAD")
    files = read_commit(GitFolder(one.top), commit)
    assert tree_id(files, algorithm) == one.git("rev-parse", "HEAD^{tree}")
    path = tmp_path / "source.tar"
    check_archive(path, *archive(one, path))


def test_a_submodule_is_an_empty_folder_that_names_its_commit(
    checkout: Checkout, tmp_path: Path
) -> None:
    inner = Checkout.new(tmp_path / "inner")
    allowed = ("-c", "protocol.file.allow=always")
    checkout.git(*allowed, "submodule", "--quiet", "add", str(inner.top), "lib")
    checkout.git("commit", "--quiet", "--message", "a submodule")
    path = tmp_path / "source.tar"
    check_archive(path, *archive(checkout, path))
    with tarfile.open(path) as opened:
        member = opened.getmember("source/lib")
    assert member.isdir()
    assert member.pax_headers["REPRO-SIGN.submodule"] == inner.git("rev-parse", "HEAD")


CHANGES: dict[str, dict[str, object]] = {
    "content": {},
    "missing": {},
    "twice": {},
    "added": {},
    "mode": {"mode": 0o755},
    "owner": {"uname": "mallory"},
    "time": {"mtime": 0},
    "hard link": {"type": tarfile.LNKTYPE, "linkname": "source/a.b", "size": 0},
    "device": {"type": tarfile.CHRTYPE, "size": 0},
    "fifo": {"type": tarfile.FIFOTYPE, "size": 0},
    "up": {"name": "source/../run.py"},
    "absolute": {"name": "/source/run.py"},
    "header": {"pax_headers": {"path": "source/elsewhere"}},
}


def rewritten(path: Path, change: str) -> None:
    """Pack the archive anew with Python's own tarfile, with one thing changed."""
    packed = io.BytesIO()
    with (
        tarfile.open(path) as old,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in old:
            content = old.extractfile(member) if member.isreg() else None
            data = content.read() if content else b""
            times = 1
            if member.name == "source/run.py":
                times = {"missing": 0, "twice": 2}.get(change, 1)
                data = data.replace(b"2", b"3") if change == "content" else data
                for name, value in CHANGES[change].items():
                    setattr(member, name, value)
            for _ in range(times):
                new.addfile(member, io.BytesIO(data) if member.isreg() else None)
        if change == "added":
            new.addfile(tarfile.TarInfo("source/zzz"))
    data = packed.getvalue().rstrip(b"\0")
    path.write_bytes(data + bytes(-len(data) % 512 + 1024))  # it ends as ours do


@pytest.mark.parametrize("change", CHANGES)
def test_an_archive_with_anything_else_in_it_is_refused(
    checkout: Checkout, tmp_path: Path, change: str
) -> None:
    path = tmp_path / "source.tar"
    commit, text = archive(checkout, path)
    rewritten(path, change)
    with pytest.raises(MalformedError):
        check_archive(path, commit, text)


@pytest.mark.parametrize("bit", range(8))
def test_no_flipped_bit_passes(checkout: Checkout, tmp_path: Path, bit: int) -> None:
    path = tmp_path / "source.tar"
    commit, text = archive(checkout, path)
    whole = path.read_bytes()
    for position in range(bit * 7, len(whole), 97):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(MalformedError):
            check_archive(path, commit, text)


@pytest.mark.parametrize("junk", ["nothing", "cut", "text", "tail", "global", "large header"])
def test_what_is_no_such_archive_is_refused_without_reading_much(
    checkout: Checkout, tmp_path: Path, junk: str
) -> None:
    path = tmp_path / "source.tar"
    commit, text = archive(checkout, path)
    whole = path.read_bytes()
    if junk == "large header":
        info = tarfile.TarInfo("./@PaxHeader")
        info.type, info.size = tarfile.XHDTYPE, 4 << 30
        with path.open("wb") as file:
            file.write(info.tobuf(tarfile.GNU_FORMAT))
            file.truncate(5 << 30)
    else:
        comment = tarfile.TarInfo.create_pax_global_header({"path": "source/elsewhere"})
        made = {
            "nothing": b"",
            "cut": whole[: len(whole) // 2],
            "text": b"hello\n" * 1000,
            "tail": whole + bytes(512),
            "global": comment + whole,
        }
        path.write_bytes(made[junk])
    with pytest.raises(MalformedError):
        check_archive(path, commit, text)


def test_another_commit_is_not_this_one(checkout: Checkout, tmp_path: Path) -> None:
    path, before = tmp_path / "source.tar", checkout.git("rev-parse", "HEAD~1")
    commit, text = archive(checkout, path)
    _, earlier = archive(checkout, tmp_path / "earlier.tar", before)
    check_archive(tmp_path / "earlier.tar", before, earlier)
    for wrong in ((path, before, earlier), (path, commit, earlier), (path, before, text)):
        with pytest.raises(MalformedError):
            check_archive(*wrong)
