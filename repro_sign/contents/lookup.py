"""Find single files in a squashfs by their paths, as a program in the container would.

Only the child process (`child`) may import this module.
"""

from typing import Any, Final

from repro_sign.contents.listing import Kind
from repro_sign.contents.named_files import MAX_NAMED_BYTES
from repro_sign.contents.squashfs import Squashfs, kind_of_inode

_MAX_STEPS: Final = 200
"""Names and links on the way to a file; Linux follows 40 links."""


class FileLookup(Squashfs):
    """A squashfs in which files can be found. Raises all kinds of exceptions."""

    def content(self, path: str) -> bytes | None:
        """Return the beginning of a file, links followed inside this tree; None if it is not there.

        `path` is relative to the root. A link that leads out of the tree leads to its root, as it
        does in a container.
        """
        inode = self._find(path.encode())
        if inode is None or kind_of_inode(inode) is not Kind.FILE:
            return None
        found = bytearray()
        for block in self._blocks(inode):
            found += block
            if len(found) >= MAX_NAMED_BYTES:
                break
        return bytes(found[:MAX_NAMED_BYTES])

    def _find(self, path: bytes) -> Any | None:
        _, root = self._top()
        way: list[Any] = [root]
        names = path.split(b"/")
        for _ in range(_MAX_STEPS):
            if not names:
                return way[-1]
            name = names.pop(0)
            if name in (b"", b"."):
                continue
            if name == b"..":
                way = way[:-1] or [root]
                continue
            inode = self._child(way[-1], name)
            if inode is None:
                return None
            if kind_of_inode(inode) is Kind.LINK:
                target: bytes = inode._symlink  # noqa: SLF001 - its property wants UTF-8
                way = [root] if target.startswith(b"/") else way
                names = [*target.split(b"/"), *names]
            else:
                way.append(inode)
        return None

    def _child(self, folder: Any, name: bytes) -> Any | None:
        if kind_of_inode(folder) is not Kind.FOLDER:
            return None
        for path, place, _ in self._children(folder, b""):
            if path == name:
                return self._inode(place)
        return None
