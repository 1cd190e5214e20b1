"""Make squashfs with the real mksquashfs, and images that hold one with the real siftool."""

import hashlib
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from repro_sign.contents.listing import Entry, TreeSummary
from repro_sign.contents.reading import open_tree
from repro_sign.sif.reader import open_image
from tests.forge import siftool
from tests.programs import PROJECT

COMPRESSIONS = ("gzip", "xz", "zstd", "lz4")
ODD_NAMES = (
    b"not-utf8-\xff\xfe",
    b"new\nline",
    b"\x1b[31mred\x1b[0m",
    b" blank ",
    b"%41",
    b"back\\slash",
    "Ø日本".encode(),
    b"x" * 255,
)


def run(*arguments: str | Path) -> str:
    """Run a program that has to succeed."""
    done = subprocess.run(
        list(map(str, arguments)), check=True, capture_output=True, timeout=120, errors="replace"
    )
    return done.stdout


def make_tree(folder: Path) -> Path:
    """Make a folder that has in it one of everything that an ordinary user can make."""
    for name in ("bin", "etc", "empty", "deep/a/b/c", "odd", "odd/a", ".singularity.d"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "etc" / "big").write_text("".join(f"{number}\n" for number in range(100_000)))
    (folder / "etc" / "random").write_bytes(hashlib.shake_256(b"seed").digest(300_000))
    (folder / "etc" / "one-block").write_bytes(hashlib.shake_256(b"block").digest(131_072))
    for name, text in (("small", "a text\n"), ("nothing", ""), ("other", "another\n")):
        (folder / "etc" / name).write_text(text)
    os.link(folder / "etc" / "small", folder / "etc" / "hard-link")
    (folder / "bin" / "link").symlink_to("../etc/small")
    (folder / "bin" / "out").symlink_to("/../../../../etc/passwd")
    os.symlink(b"to-\xff", os.fsencode(folder / "bin" / "odd-link"))
    with (folder / "etc" / "sparse").open("wb") as file:
        file.truncate(3_000_001)
        file.seek(0, os.SEEK_END)
        file.write(b"end")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path may not be long
        one.bind("socket")
        os.chdir(here)
    for odd in ODD_NAMES:
        (folder / "odd" / os.fsdecode(odd)).write_bytes(odd)
    for name in ("a/inside", "a-b", "a.c"):
        (folder / "odd" / name).write_text(name)
    (folder / "etc" / "other").chmod(0o4755)
    (folder / "empty").chmod(0o1777)
    return folder


def pack(folder: Path, to: Path, *options: str) -> Path:
    """Pack a folder into a squashfs."""
    to.unlink(missing_ok=True)
    run("mksquashfs", folder, to, "-quiet", "-no-progress", "-noappend", *options)
    return to


def into_image(squashfs: Path, image: Path) -> Path:
    """Put a file system into an image of its own."""
    image.unlink(missing_ok=True)
    siftool("new", image)
    partition = ("--datatype", "4", "--partfs", "1", "--parttype", "2", "--partarch", "2")
    siftool("add", *partition, "--groupid", "1", image, squashfs)
    return image


def image_of(folder: Path, image: Path, *options: str) -> Path:
    """Pack a folder into an image."""
    return into_image(pack(folder, image.with_suffix(".squashfs"), *options), image)


def tree_of(image: Path) -> tuple[TreeSummary, dict[bytes, Entry]]:
    """Read the file tree of an image's only partition, as compare does."""
    with open_image(image) as opened:
        (one,) = opened.objects
        with open_tree(opened, one) as tree:
            return tree.summary, {entry.path: entry for entry in tree.entries()}


def fenced(name: str) -> str:
    """Return a program that docs/format.md shows."""
    text = (PROJECT / "docs" / "format.md").read_text(encoding="utf-8")
    found = re.search(
        rf"<!-- file: {name} -->\n\n```\w+\n(.*?)^```", text, re.DOTALL | re.MULTILINE
    )
    assert found
    return found[1]


def digest_by_the_page(folder: Path, scratch: Path) -> str:
    """Return what the page's own program says of an unpacked folder: its tree digest."""
    program = scratch / "tree.py"
    program.write_text(fenced("tree.py"), encoding="utf-8")
    return run(sys.executable, program, folder).splitlines()[-1]
