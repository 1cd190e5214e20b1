"""Hold a checkout, and the repository it came from, against the source that a manifest names.

The answers are checks, never errors: what can't be found out is one of them.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from repro_sign.errors import ReproSignError
from repro_sign.provenance.check import Check, Outcome
from repro_sign.provenance.checkout import ADDED, checkout_changes, ignored_files
from repro_sign.provenance.git import GitFolder
from repro_sign.provenance.image_inside import is_about, path_inside
from repro_sign.provenance.made_from import MadeFromSource
from repro_sign.provenance.swhid import directory_id

_SHOWN: Final = 3


def check_folder(
    folder: Path, source: MadeFromSource, image: Path | None = None
) -> tuple[Check, ...]:
    """Compare a folder with the source that a manifest names: a checkout, or the files alone.

    An `image` in a checkout, and what is signed about it, does not count as added.
    """
    if not folder.is_dir():
        return (_unknown(f"{folder} is no folder"),)
    if os.path.lexists(folder / ".git"):
        return tuple(_checkout(folder, source, path_inside(folder, image)))
    return (_files(folder, source),)


def check_remote(source: MadeFromSource) -> tuple[Check, ...]:
    """Ask the repository that a manifest names where the tag that it names points now."""
    url, commit, tag = source.url, source.commit, source.tag
    if tag is None or commit is None:
        message = "no tag of a commit is signed: there is nothing to ask its repository for"
        return (Check("source-note", Outcome.NOTED, message),)
    if url is None or set(url) & set("?#"):
        return (_unknown("the manifest says no address of a repository that could be asked"),)
    from repro_sign.provenance.remote_tag import commit_of_tag  # the network: if asked for

    try:
        found = commit_of_tag(url, tag.name)
    except ReproSignError as error:
        return (_unknown(f"the repository {url} was not heard: {error}"),)
    if found is None:
        message = (
            f"the tag {tag.name} is gone from {url}; it pointed at {commit} when that was signed"
        )
        return (Check("tag-gone", Outcome.DIFFERS, message),)
    if found != commit:
        return (_moved(tag.name, commit, found, f"in {url}"),)
    message = f"the tag {tag.name} points at the signed commit in {url} too, as that says now"
    return (Check("source-same", Outcome.SAME, message),)


def _checkout(folder: Path, source: MadeFromSource, image: str | None) -> Iterator[Check]:
    signed = source.commit
    if signed is None:
        yield _files(folder, source)
        return
    repository = GitFolder(folder)
    try:
        here = repository.text("rev-parse", "--verify", "HEAD^{commit}")
        if here is None:
            yield _unknown(f"git does not read {folder}: git -C {folder} status says why")
            return
        if here != signed:
            message = f"the commit in {folder} is {here}; signed is {signed}"
            yield Check("source-differs", Outcome.DIFFERS, message)
        else:
            yield from _as_committed(folder, signed, image)
        if source.tag is not None:
            yield _local_tag(repository, signed, source.tag.name)
    except (ReproSignError, OSError) as error:
        yield _unknown(f"{folder} can't be compared: {error}")
    if source.clean is False:
        message = (
            "the author's own checkout held changes that no commit holds: this commit is not all"
            " that the image was made from"
        )
        yield Check("source-note", Outcome.NOTED, message)


def _as_committed(folder: Path, commit: str, image: str | None) -> Iterator[Check]:
    """Compare the files in a checkout with those of a commit, whatever its index says of them."""
    changes = [
        str(one)
        for one in checkout_changes(folder, commit)
        if not (one.how == ADDED and is_about(image, one.path))
    ]
    if changes:
        message = f"{folder} is not just the signed commit: {_few(changes)}"
        yield Check("source-differs", Outcome.DIFFERS, message)
        return
    message = f"{folder} is commit {commit}, which was signed, clean"
    yield Check("source-same", Outcome.SAME, message)
    ignored = ignored_files(folder, commit)
    if ignored:
        message = f"files in {folder} that no commit has, and that are ignored: {_few(ignored)}"
        yield Check("source-note", Outcome.NOTED, message)


def _local_tag(repository: GitFolder, signed: str, tag: str) -> Check:
    found = repository.text("rev-parse", "--verify", "--quiet", f"refs/tags/{tag}^{{commit}}")
    folder = repository.top
    if not found:
        message = f"{folder} does not have the tag {tag}, so whether it was moved is not known"
        return Check("source-note", Outcome.NOTED, message)
    if found != signed:
        return _moved(tag, signed, found, f"in {folder}")
    return Check("source-same", Outcome.SAME, f"the tag {tag} points at it in {folder}")


def _moved(tag: str, signed: str, found: str, where: str) -> Check:
    message = (
        f"the tag {tag} was moved: {where} it points at {found},"
        f" and when it was signed, at {signed}"
    )
    return Check("tag-moved", Outcome.DIFFERS, message)


def _files(folder: Path, source: MadeFromSource) -> Check:
    """Compare the files of a folder, whatever brought them, by the archive's identifier."""
    signed = source.directory
    if signed is None:
        return _unknown(
            f"{folder} is no git repository, and the manifest does not identify the files alone"
        )
    try:
        found = directory_id(folder)
    except (ReproSignError, RecursionError) as error:
        return _unknown(f"{folder} can't be read: {error}")
    if found != signed:
        message = f"the files in {folder} are {found}; signed is {signed}"
        return Check("source-differs", Outcome.DIFFERS, message)
    return Check("source-same", Outcome.SAME, f"the files in {folder} are {signed}, as signed")


def _few(changes: Sequence[str]) -> str:
    more = len(changes) - _SHOWN
    shown = ", ".join(changes[:_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def _unknown(message: str) -> Check:
    return Check("source-unanswered", Outcome.UNKNOWN, message)
