"""Software Heritage identifiers of a folder, computed here (SWHID specification, version 1.2).

They are git's own ids: `swh:1:cnt:` of a blob, `swh:1:dir:` of a tree, `swh:1:rev:` of a commit.
SHA-1 is what the archive finds the source by; it proves nothing here, a signed digest does.
"""

import os
import stat
from pathlib import Path

from repro_sign.errors import UnreadableError
from repro_sign.escaping import printable
from repro_sign.provenance.git_objects import file_digest, object_digest

_LEFT_OUT = (".git", ".hg", ".svn")
"""What version control keeps of its own is no source."""


def directory_id(folder: Path) -> str:
    """Return the identifier of a folder as it is now: what git calls its tree.

    Empty folders count, as they do for the archive. Raises `UnreadableError`.
    """
    try:
        return f"swh:1:dir:{_tree(folder).hex()}"
    except OSError as error:
        shown = printable(str(error.filename or folder))
        raise UnreadableError(f"{shown}: {error.strerror}") from error


def _tree(folder: Path) -> bytes:
    rows = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in _LEFT_OUT:
                continue
            name = os.fsencode(entry.name)
            if entry.is_dir(follow_symlinks=False):
                rows.append((name + b"/", b"40000 " + name, _tree(Path(entry.path))))
            elif entry.is_symlink():
                target = os.fsencode(os.readlink(entry.path))
                rows.append((name, b"120000 " + name, object_digest(b"blob", target)))
            elif entry.is_file():
                executable = entry.stat().st_mode & stat.S_IXUSR
                mode = b"100755 " if executable else b"100644 "
                rows.append((name, mode + name, file_digest(Path(entry.path))))
    listed = b"".join(row + b"\0" + digest for _, row, digest in sorted(rows))
    return object_digest(b"tree", listed)
