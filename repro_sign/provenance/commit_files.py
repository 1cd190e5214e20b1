"""The files of a commit, proven: every object on the way to them has the digest that names it.

Nothing that a repository says of itself is believed. Its own ids are digests (of SHA-1 mostly, as
git has it), so whoever has the commit's id can follow them to every file.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError
from repro_sign.provenance.git import GitFolder
from repro_sign.provenance.git_objects import file_digest, object_digest
from repro_sign.values import dataclass

LINK: Final = 0o120000
SUBMODULE: Final = 0o160000
_FOLDER: Final = 0o40000
_EXECUTABLE: Final = 0o100755
_MAX_FILES: Final = 500_000
_MAX_PATHS_BYTES: Final = 64 << 20
"""Of all paths together; a few objects can name more files than there is room for."""
_MAX_BYTES: Final = 256 << 20
"""Of all commits and trees together; those of Linux have some 10 MiB."""
_MAX_READ_BYTES: Final = 32 << 20
"""Of files that are read from git at once."""
_MAX_DEPTH: Final = 200
_ROOT: Final = re.compile(rb"tree ([0-9a-f]{40,64})\n")
_HEAD: Final = re.compile(rb"([0-9a-f]{40,64}) (commit|tree|blob) ([0-9]{1,12})\n")
_ENTRY: Final = re.compile(rb"([0-7]{5,6}) ([^\0/]+)\0", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CommitFile:
    """What a commit has at a path: the mode that git gives it, and the digest of its content."""

    mode: int
    id: str


def read_commit(repository: GitFolder, commit: str) -> dict[bytes, CommitFile]:
    """Return all that is in a commit by its path: files, symbolic links, submodules.

    Raises `MalformedError` if an object is missing, is not the one that its name says, or there
    are too many; `NoAnswerError` if git can't be asked.
    """
    found: dict[bytes, CommitFile] = {}
    room = _MAX_PATHS_BYTES
    level = {b"": root_of(read_commit_text(repository, commit))}
    for _ in range(_MAX_DEPTH):
        trees = _objects(repository, set(level.values()), b"tree")
        below: dict[bytes, str] = {}
        for folder, name in level.items():
            for path, one in _entries(folder, trees[name], len(commit) // 2):
                if one.mode == _FOLDER:
                    below[path] = one.id
                else:
                    found[path] = one
                room -= len(path)
                if len(found) + len(below) > _MAX_FILES or room < 0:
                    raise MalformedError("the commit has too many files")
        if not below:
            return found
        level = below
    raise MalformedError("the folders of the commit are nested too deeply")


def read_contents(
    repository: GitFolder, files: Mapping[bytes, CommitFile]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the content of some of a commit's files, in the order of their paths.

    A few are read together, so that git is not started for each. Raises `MalformedError` as
    `read_commit` does, also for a file that is too large.
    """
    paths = sorted(files)
    sizes = _sizes(repository, [files[path].id for path in paths])
    while paths:
        together, room = [paths.pop(0)], _MAX_READ_BYTES
        room -= sizes[files[together[0]].id]
        while paths and sizes[files[paths[0]].id] <= room:
            together.append(paths.pop(0))
            room -= sizes[files[together[-1]].id]
        contents = _objects(repository, {files[path].id for path in together}, b"blob")
        yield from ((path, contents[files[path].id]) for path in together)


def read_commit_text(repository: GitFolder, commit: str) -> bytes:
    """Return a commit as git keeps it, proven by its id. Raises as `read_commit` does."""
    return _objects(repository, {commit}, b"commit")[commit]


def root_of(text: bytes) -> str:
    """Return the id of the tree that a commit, as git keeps it, names. Raises `MalformedError`."""
    root = _ROOT.match(text)
    if root is None:
        raise MalformedError("the commit names no tree")
    return root[1].decode()


def changed_files(
    top: Path, files: Mapping[bytes, CommitFile], algorithm: str
) -> Iterator[tuple[bytes, str]]:
    """Yield what is not in a folder as a commit has it, and in which way; submodules aside.

    Raises `UnreadableError` or `OSError`.
    """
    for path, one in sorted(files.items()):
        if one.mode == SUBMODULE:
            continue
        place = os.path.join(os.fsencode(top), path)
        if not _stays_inside(os.fsencode(top), path) or not os.path.lexists(place):
            yield path, "missing"
        elif _id_of(place, one.mode, algorithm) != one.id:
            yield path, "changed"


def algorithm_of(identifier: str) -> str:
    """Return the digest that a repository's ids are of."""
    return "sha1" if len(identifier) == 40 else "sha256"


def _objects(repository: GitFolder, names: Iterable[str], kind: bytes) -> dict[str, bytes]:
    """Read objects, each of which has to be of this kind and to have the digest that names it."""
    wanted = sorted(names)
    if sum(_sizes(repository, wanted).values()) > _MAX_BYTES:
        raise MalformedError("the objects of the commit are too large")
    answer = repository.ask("cat-file", "--batch", lines=wanted) or b""
    found: dict[str, bytes] = {}
    position = 0
    for name in wanted:
        head = _HEAD.match(answer, position)
        if head is None or head[1].decode() != name or head[2] != kind:
            raise MalformedError(f"the repository does not have the {kind.decode()} {name}")
        start, end = head.end(), head.end() + int(head[3])
        content = answer[start:end]
        if object_digest(kind, content, algorithm_of(name)).hex() != name:
            raise MalformedError(f"what the repository has as {name} is something else")
        found[name], position = content, end + 1
    return found


def _sizes(repository: GitFolder, names: Sequence[str]) -> dict[str, int]:
    """Return how large objects are; 0 for one that is missing."""
    answer = repository.ask("cat-file", "--batch-check=%(objectsize)", lines=names) or b""
    sizes = [line.split() for line in answer.splitlines()]
    known = [int(one[-1]) if len(one) == 1 and one[0].isdigit() else 0 for one in sizes]
    return dict(zip(names, [*known, *([0] * (len(names) - len(known)))], strict=True))


def _entries(folder: bytes, tree: bytes, length: int) -> Iterator[tuple[bytes, CommitFile]]:
    """Yield what a tree lists; each line ends in an id of `length` bytes."""
    position = 0
    while position < len(tree):
        head = _ENTRY.match(tree, position)
        if head is None or head[2] in (b".", b"..") or head[2].lower() == b".git":
            raise MalformedError("a tree of the commit is damaged")
        mode, name = int(head[1], 8), tree[head.end() : head.end() + length]
        path = folder + b"/" + head[2] if folder else head[2]
        yield path, CommitFile(mode, name.hex())
        position = head.end() + length


def _stays_inside(top: bytes, path: bytes) -> bool:
    """Whether no folder on the way is a link: what lies behind one is not in the checkout."""
    parts = path.split(b"/")[:-1]
    return not any(
        os.path.islink(os.path.join(top, *parts[: number + 1])) for number in range(len(parts))
    )


def _id_of(place: bytes, mode: int, algorithm: str) -> str:
    """Return the id that git gives to what lies there; an empty text if that is of another kind."""
    status = os.lstat(place)
    if mode == LINK:
        if not stat.S_ISLNK(status.st_mode):
            return ""
        return object_digest(b"blob", os.readlink(place), algorithm).hex()
    executable = bool(status.st_mode & stat.S_IXUSR) if os.name == "posix" else mode == _EXECUTABLE
    if not stat.S_ISREG(status.st_mode) or executable != (mode == _EXECUTABLE):
        return ""
    return file_digest(Path(os.fsdecode(place)), algorithm).hex()
