"""What in a checkout is not as a commit has it: changed, missing or added, submodules included."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError
from repro_sign.provenance.commit_files import (
    SUBMODULE,
    CommitFile,
    algorithm_of,
    changed_files,
    read_commit,
)
from repro_sign.provenance.git import GitFolder
from repro_sign.values import dataclass

ADDED: Final = "added"
"""How a path differs that the commit does not have."""
_IGNORE_FILE: Final = ".gitignore"
_MAX_SUBMODULES_IN_EACH_OTHER: Final = 10


@dataclass(frozen=True, slots=True)
class Change:
    """A path that is not as the commit has it, and in which way; hostile text."""

    path: str
    how: str

    def __str__(self) -> str:
        return f"{self.path} is {self.how}"


def checkout_changes(top: Path, commit: str) -> Iterator[Change]:
    """Yield each difference between a checkout and a commit.

    Files that the commit's own ignore files leave aside do not count; submodules that are not
    checked out do not either. Raises `MalformedError`, `NoAnswerError` or `OSError`.
    """
    return changes_from(read_commit(GitFolder(top), commit), top, commit)


def changes_from(
    files: Mapping[bytes, CommitFile],
    top: Path,
    commit: str,
    where: str = "",
    depth: int = _MAX_SUBMODULES_IN_EACH_OTHER,
) -> Iterator[Change]:
    """Yield each difference as `checkout_changes` does, given the commit's files.

    Paths in submodules begin with `where`.
    """
    repository = GitFolder(top)
    for path, how in changed_files(top, files, algorithm_of(commit)):
        yield Change(f"{where}{_text(path)}", how)
    yield from (Change(f"{where}{name}", ADDED) for name in _added(repository, commit))
    for name, one in _submodules(files):
        inner = top / name
        if os.path.lexists(inner / ".git"):
            if not depth:
                raise MalformedError("submodules lie too deep in each other")
            below = read_commit(GitFolder(inner), one.id)
            yield from changes_from(below, inner, one.id, f"{where}{name}/", depth - 1)


def _submodules(files: Mapping[bytes, CommitFile]) -> Iterator[tuple[str, CommitFile]]:
    for path, one in files.items():
        if one.mode == SUBMODULE:
            yield os.fsdecode(path), one


def ignored_files(top: Path, commit: str) -> tuple[str, ...]:
    """Return what lies in a checkout, is not in the commit, and is ignored; submodules aside.

    Build and test tools leave such files, and so can whoever hands a checkout over.
    """
    every, others = _not_in_commit(GitFolder(top), commit)
    return tuple(sorted(every - others))


def _added(repository: GitFolder, commit: str) -> list[str]:
    """Return what is not in the commit, and not ignored."""
    return sorted(_not_in_commit(repository, commit)[1])


def _not_in_commit(repository: GitFolder, commit: str) -> tuple[set[str], set[str]]:
    """Return all that is not in the commit, and what of that the ignore files do not name.

    The index is one made here: the repository's own could list what the commit does not have.
    """
    with tempfile.TemporaryDirectory(prefix="repro-sign-") as scratch:
        with_index = GitFolder(repository.top, Path(scratch) / "index")
        made = with_index.ask("read-tree", "--no-sparse-checkout", f"{commit}^{{tree}}")
        listing = ("ls-files", "-z", "--others")
        every = with_index.ask(*listing)
        others = with_index.ask(*listing, f"--exclude-per-directory={_IGNORE_FILE}")
    if made is None or every is None or others is None:
        raise MalformedError("git does not say what was added")
    return _paths(every), _paths(others)


def _paths(listing: bytes) -> set[str]:
    return {_text(one) for one in listing.split(b"\0") if one}


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")
