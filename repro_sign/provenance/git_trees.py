"""The id that git gives to a tree, computed from the files in it."""

from collections.abc import Mapping
from typing import Final

from repro_sign.errors import MalformedError
from repro_sign.provenance.commit_files import CommitFile
from repro_sign.provenance.git_objects import object_digest

_FOLDER: Final = 0o40000
_MAX_DEPTH: Final = 200


def tree_id(files: Mapping[bytes, CommitFile], algorithm: str) -> str:
    """Return the id of the tree that holds these files, by their paths.

    Raises `MalformedError` if a path can't be one in a tree, or is a file's and a folder's.
    """
    folders: dict[bytes, dict[bytes, CommitFile]] = {b"": {}}
    for path, one in files.items():
        parts = path.split(b"/")
        if len(parts) > _MAX_DEPTH or not all(map(_is_name, parts)):
            raise MalformedError("a path in it can't be one in a commit")
        for depth in range(1, len(parts)):
            folders.setdefault(b"/".join(parts[:depth]), {})
        folders[b"/".join(parts[:-1])][parts[-1]] = one
    for folder in sorted(folders, key=lambda path: path.count(b"/"), reverse=True):
        if folder:
            parent, _, name = folder.rpartition(b"/")
            if name in folders[parent]:
                raise MalformedError("a path in it is a file's and a folder's")
            inner = object_digest(b"tree", _listing(folders[folder]), algorithm).hex()
            folders[parent][name] = CommitFile(_FOLDER, inner)
    return object_digest(b"tree", _listing(folders[b""]), algorithm).hex()


def _is_name(part: bytes) -> bool:
    return part not in (b"", b".", b"..") and part.lower() != b".git" and b"\0" not in part


def _listing(entries: Mapping[bytes, CommitFile]) -> bytes:
    """Write a tree as git keeps it: by name, where a folder's counts as if it ended in a slash."""
    rows = sorted(
        (name + b"/" if one.mode == _FOLDER else name, name, one) for name, one in entries.items()
    )
    return b"".join(b"%o %s\0" % (one.mode, name) + bytes.fromhex(one.id) for _, name, one in rows)
