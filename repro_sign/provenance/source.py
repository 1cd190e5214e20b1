"""The source that an image was made from: the commit of a git repository, or a folder.

Nothing leads to a person or a machine: addresses lose user, password and query, and addresses
of this machine are left out. The checkout is compared with the commit by the digests of its
files, without the filters that git would start (`git`).
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from repro_sign import web_address
from repro_sign.errors import MalformedError, NoAnswerError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.provenance.checkout import ADDED, Change, changes_from
from repro_sign.provenance.commit_files import SUBMODULE, CommitFile, read_commit
from repro_sign.provenance.git import GitFolder
from repro_sign.provenance.image_inside import is_about, path_inside
from repro_sign.provenance.swhid import directory_id

MAX_LISTED: Final = 200
"""How many changed files and submodules are named; the others are counted."""
_MAX_COUNTED: Final = 100_000
_MAX_TEXT: Final = 1000
"""Characters of a path, a tag's name or an address that are written down."""
_SCP_LIKE: Final = re.compile(r"(?:[^/@:]+@)?([A-Za-z0-9.-]+):(?!/)(\S+)")
_SIGNATURE: Final = re.compile(r"^-----BEGIN [A-Z ]+-----$", re.MULTILINE)
_SIGNED_COMMIT: Final = re.compile(r"^gpgsig(-sha256)? ", re.MULTILINE)
_LOCAL_HOSTS: Final = re.compile(r"localhost|127\.[0-9.]+|[^.]*|.*\.(?:local|lan|internal)")
"""Names that say nothing to a reader and something about the author's machine."""


def find_repository(folder: Path) -> Path | None:
    """Return the top of the checkout around a folder, if it lies in one.

    A repository that is a whole home folder keeps somebody's settings, and no source.
    """
    folder = folder.absolute()
    home = Path.home()
    for one in (folder, *folder.parents):
        if (one / ".git").exists():
            return one if one != home else None
    return None


def describe_source(folder: Path, image: Path | None = None) -> dict[str, Any]:
    """Return the `source` part of a manifest for the checkout that a folder is, or for a folder.

    An `image` in the checkout, and what lies there signed about it, is made from the source and no
    change of it.

    Raises `UnreadableError` if it can't be read, `NoAnswerError` if git can't be asked or does
    not answer.
    """
    if not folder.is_dir():
        raise UnreadableError(f"{printable(str(folder))} is no folder")
    if not (folder / ".git").exists():
        return {"swhid": {"directory": directory_id(folder)}}
    repository = GitFolder(folder)
    commit = repository.text("rev-parse", "--verify", "HEAD^{commit}")
    if commit is None:
        raise NoAnswerError(
            f"{printable(str(folder))}: git names no commit that is checked out",
            hint="git -C FOLDER status says why; nothing is committed yet, or it is another's",
        )
    try:
        found = _describe(repository, commit, path_inside(folder, image))
    except (MalformedError, OSError) as error:
        shown = printable(str(folder))
        raise NoAnswerError(f"{shown}: its commit can't be read: {error}") from error
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _describe(repository: GitFolder, commit: str, image: str | None) -> dict[str, Any]:
    files = read_commit(repository, commit)
    submodules = _submodules(repository, commit, files)
    changes = changes_from(files, repository.top, commit)
    changed = _changed(repository, changes, [f"{one['path']}/" for one in submodules])
    changed = [path for path in changed if not is_about(image, path)]
    return {
        "url": _address(repository),
        "commit": commit,
        "commit_signed": _is_signed(repository, commit),
        "tag": _tag(repository),
        "clean": not changed,
        "changed": [_cut(one) for one in changed[:MAX_LISTED]],
        "changed_count": len(changed) if len(changed) > MAX_LISTED else None,
        "submodules": submodules,
        "swhid": _identifiers(repository, commit),
    }


def _changed(repository: GitFolder, changes: Iterator[Change], inside: list[str]) -> list[str]:
    """Return the paths that differ from the commit, and those that git has not been told to ignore.

    What lies in a submodule begins with one of `inside`.
    """
    found = islice(changes, _MAX_COUNTED)
    paths = {one.path for one in found if one.how != ADDED or one.path.startswith(tuple(inside))}
    others = repository.text("ls-files", "-z", "--others", "--exclude-standard") or ""
    return sorted(paths.union(filter(None, others.split("\0"))))


def _address(repository: GitFolder) -> str:
    remotes = (repository.text("remote") or "").splitlines()
    name = "origin" if "origin" in remotes or len(remotes) != 1 else remotes[0]
    return shareable(repository.text("config", "--get", f"remote.{name}.url") or "")


def _tag(repository: GitFolder) -> dict[str, Any] | None:
    """Return the tag that points at the commit; an annotated one is preferred."""
    name = repository.text("describe", "--exact-match", "--tags", "HEAD")
    if not name:
        return None
    annotated = repository.text("cat-file", "-t", f"refs/tags/{name}") == "tag"
    text = repository.text("cat-file", "tag", f"refs/tags/{name}") if annotated else ""
    signed = bool(_SIGNATURE.search(text or ""))
    return {"name": _cut(name), "annotated": annotated, "signed": signed}


def _is_signed(repository: GitFolder, commit: str) -> bool:
    head = (repository.text("cat-file", "commit", commit) or "").partition("\n\n")[0]
    return bool(_SIGNED_COMMIT.search(head))


def _submodules(
    repository: GitFolder, commit: str, files: Mapping[bytes, CommitFile]
) -> list[dict[str, str]]:
    inside = {path.decode("utf-8", "replace"): one for path, one in files.items()}
    listed = [(path, one.id) for path, one in inside.items() if one.mode == SUBMODULE]
    addresses = _addresses_of_submodules(repository, commit) if listed else {}
    return [
        {
            "path": _cut(path),
            "commit": name,
            **({"url": addresses[path]} if addresses.get(path) else {}),
        }
        for path, name in sorted(listed)[:MAX_LISTED]
    ]


def _addresses_of_submodules(repository: GitFolder, commit: str) -> dict[str, str]:
    """Return what the commit's `.gitmodules` says, by the submodule's path."""
    text = repository.text("config", "--blob", f"{commit}:.gitmodules", "--null", "--list") or ""
    members: dict[str, dict[str, str]] = {}
    for setting in text.split("\0"):
        name, _, value = setting.partition("\n")
        module, _, member = name.rpartition(".")
        members.setdefault(module, {})[member] = value
    return {one.get("path", ""): shareable(one.get("url", "")) for one in members.values()}


def _identifiers(repository: GitFolder, commit: str) -> dict[str, str]:
    """Return the archive's names; it has none for repositories that use SHA-256."""
    tree = repository.text("rev-parse", f"{commit}^{{tree}}")
    if not tree or len(commit) != 40:
        return {}
    return {"revision": f"swh:1:rev:{commit}", "directory": f"swh:1:dir:{tree}"}


def shareable(url: str) -> str:
    """Return a remote's address without user, password and query; nothing for a local one."""
    scp = _SCP_LIKE.fullmatch(url)
    bare = f"ssh://{scp[1]}/{scp[2]}" if scp else web_address.without_secrets(url)
    return "" if _LOCAL_HOSTS.fullmatch(web_address.host_of(bare)) else _cut(bare)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"
