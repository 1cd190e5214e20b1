"""A lock file as a value: which images, of which bytes, signed by whom, to be had where."""

import os
from itertools import pairwise
from pathlib import Path, PureWindowsPath
from typing import Final

from repro_sign.digest import Digest
from repro_sign.errors import UsageError
from repro_sign.escaping import is_hidden, printable
from repro_sign.fingerprint import SignerId
from repro_sign.values import dataclass
from repro_sign.web_address import split

LOCK_NAME: Final = "repro-sign.lock"
"""What `lock` writes. No command looks for a file of this name by itself: the caller names it."""
MAX_PATH: Final = 1000
MAX_NAME: Final = 200
MAX_URL: Final = 2000


@dataclass(frozen=True, slots=True)
class LockedSigner:
    """A key that vouched for an image when it was locked, and what its owner was called."""

    fingerprint: SignerId
    name: str = ""


@dataclass(frozen=True, slots=True)
class LockEntry:
    """One image. `path` is relative to the lock file's folder, with slashes; `size` in bytes.

    `signers` are those who vouched for all of it, and were trusted by whoever locked it; none
    where it was locked without (`lock --unverified`). `url` says where to get it.
    """

    path: str
    size: int
    sha256: Digest
    blake3: Digest
    identity: Digest
    signers: tuple[LockedSigner, ...] = ()
    url: str = ""

    def __post_init__(self) -> None:
        check_path(self.path)
        if self.size < 1:
            raise ValueError(f"the size of {self.path} is no size of an image")
        for digest, algorithm in (
            (self.sha256, "sha256"),
            (self.blake3, "blake3"),
            (self.identity, "sha256"),
        ):
            if digest.algorithm != algorithm:
                raise ValueError(f"{self.path} has a {digest.algorithm} digest for a {algorithm}")
        keys = [one.fingerprint for one in self.signers]
        if len(set(keys)) != len(keys):
            raise ValueError(f"{self.path} names a signer twice")
        for one in self.signers:
            if len(one.name) > MAX_NAME or any(map(is_hidden, one.name)):
                raise ValueError(f"{self.path} has a signer with a name that nobody could read")
        if self.url:
            check_url(self.url)


@dataclass(frozen=True, slots=True)
class LockFile:
    """A lock file that lies at `path`. The images are in the order of their paths, each once."""

    path: Path
    entries: tuple[LockEntry, ...]

    def __post_init__(self) -> None:
        paths = [one.path for one in self.entries]
        ordered = sorted(paths)
        twice = next((one for one, other in pairwise(ordered) if one == other), None)
        if twice is not None:
            raise ValueError(f"{twice} stands twice")
        if paths != ordered:
            by_path = tuple(sorted(self.entries, key=lambda one: one.path))
            object.__setattr__(self, "entries", by_path)

    @property
    def name(self) -> str:
        """The file's name, escaped."""
        return printable(self.path.name)

    @property
    def folder(self) -> Path:
        """The folder that the paths are relative to."""
        return self.path.parent


def check_path(path: str) -> None:
    """Raise `ValueError` unless this is a path that stays in its folder on every system."""
    shown = printable(path)
    parts = path.split("/")
    leaves = path.startswith("/") or PureWindowsPath(path).drive or "\\" in path
    if leaves or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{shown!r} is no path inside the lock file's folder")
    if len(path) > MAX_PATH or any(map(is_hidden, path)):
        raise ValueError(f"{shown!r} is a path that nobody could read")


def check_url(url: str) -> None:
    """Raise `ValueError` unless this is an address without a password (`oras://` … as well)."""
    if len(url) > MAX_URL:
        raise ValueError(f"an address of {len(url)} characters")
    try:
        split(url)
    except UsageError as error:
        raise ValueError(str(error)) from error


def path_in(folder: Path, image: Path) -> str | None:
    """Return an image's path as a lock file in `folder` writes it; None if it lies elsewhere.

    Of the folder itself it is empty. Symbolic links are followed only where the path, as it is
    written, leads elsewhere.
    """
    for start, path in (
        (os.path.abspath(folder), os.path.abspath(image)),
        (
            os.path.realpath(folder),
            os.path.join(os.path.realpath(image.parent), image.name),
        ),
    ):
        try:
            found = Path(path).relative_to(start).as_posix()
        except ValueError:
            continue
        return "" if found == "." else found
    return None
