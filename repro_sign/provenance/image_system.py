"""The operating system and the C library in an image, read from its files; nothing is run."""

import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

from repro_sign.contents.digest import is_squashfs
from repro_sign.contents.reading import files_in
from repro_sign.sif.reader import OpenImage

_RELEASE: Final = ("etc/os-release", "usr/lib/os-release")
_MUSL: Final = (
    *("lib/ld-musl-x86_64.so.1", "lib/ld-musl-aarch64.so.1"),
    *("lib/ld-musl-powerpc64le.so.1", "lib/ld-musl-riscv64.so.1"),
)
_GLIBC: Final = (
    *("lib/x86_64-linux-gnu/libc.so.6", "lib/aarch64-linux-gnu/libc.so.6"),
    *("lib/powerpc64le-linux-gnu/libc.so.6", "lib/riscv64-linux-gnu/libc.so.6"),
    *("lib64/libc.so.6", "lib/libc.so.6", "usr/lib64/libc.so.6", "usr/lib/libc.so.6"),
)
"""Where distributions keep it: Debian and Ubuntu by architecture, the others in lib64 or lib."""
_GLIBC_SAYS: Final = re.compile(rb"GNU C Library [^\n]{0,200}? version ([0-9]+\.[0-9.]*[0-9])")
_MUSL_SAYS: Final = re.compile(rb"\0([0-9]\.[0-9]{1,2}\.[0-9]{1,3})\0")
_MAX_TEXT: Final = 200
_MAX_LINES: Final = 200


def describe_system(image: OpenImage) -> dict[str, Any]:
    """Return what is known of `os` and `libc` in the first squashfs of an image.

    Raises `NoAnswerError` if the squashfs can't be read.
    """
    for one in image.objects:
        if is_squashfs(one):
            return _described(files_in(image, one, (*_RELEASE, *_MUSL, *_GLIBC)))
    return {}


def _described(files: Mapping[str, bytes]) -> dict[str, Any]:
    system = next((_system(files[name]) for name in _RELEASE if name in files), {})
    libc = _libc(files)
    return {**({"os": system} if system.get("name") else {}), **({"libc": libc} if libc else {})}


def _system(data: bytes) -> dict[str, str]:
    """Read an os-release file (os-release(5)): name and version as it states them."""
    stated: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").splitlines()[:_MAX_LINES]:
        name, equals, value = line.partition("=")
        if not equals or name.strip() not in ("NAME", "VERSION_ID"):
            continue
        try:
            words = shlex.split(value[:_MAX_TEXT])
        except ValueError:  # a quotation mark that is not closed
            continue
        stated[name.strip()] = " ".join(words)
    members = {"name": stated.get("NAME", ""), "version": stated.get("VERSION_ID", "")}
    return {name: value for name, value in members.items() if value}


def _libc(files: Mapping[str, bytes]) -> dict[str, str] | None:
    """Say which C library it is, with the version that the library itself states."""
    for name in _GLIBC:
        if found := _GLIBC_SAYS.search(files.get(name, b"")):
            return {"name": "glibc", "version": found[1].decode("ascii")}
    for name in _MUSL:
        if name in files:
            version = _MUSL_SAYS.search(files[name])
            return {"name": "musl", **({"version": version[1].decode()} if version else {})}
    return None
