"""A commit's files as a tar archive of one form only: the same commit gives the same bytes.

An archive is read again only if it is, byte for byte, what would be written of its content. So it
holds nothing that another program could take for something else: no path twice, no links but
symbolic ones, no holes, no headers that change others.

Submodules are other repositories': each is an empty folder whose header names its commit.
"""

import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from repro_sign.errors import MalformedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.provenance.commit_files import (
    LINK,
    SUBMODULE,
    CommitFile,
    algorithm_of,
    read_commit,
    read_contents,
    root_of,
)
from repro_sign.provenance.git import GitFolder
from repro_sign.provenance.git_objects import GrowingDigest, object_digest
from repro_sign.provenance.git_trees import tree_id
from repro_sign.system.files import open_regular

FOLDER: Final = b"source/"
"""What all paths in the archive begin with, so that unpacking it fills one folder."""
_SUBMODULE_HEADER: Final = "REPRO-SIGN.submodule"
_EXECUTABLE: Final = 0o100755
_FILE: Final = 0o100644
_COMMITTED: Final = re.compile(rb"^committer .*? ([0-9]{1,11}) [+-][0-9]{4}$", re.MULTILINE)
_MAX_MEMBERS: Final = 500_000
_MAX_HEADER_BYTES: Final = 1 << 20
_PIECE: Final = 1 << 20
_END_BYTES: Final = 1024
"""Two empty blocks end an archive (POSIX, pax)."""


def write_archive(repository: GitFolder, commit: str, text: bytes, target: BinaryIO) -> None:
    """Write the archive of a commit; `text` is the commit as git keeps it.

    Raises `MalformedError` if the repository lacks a part of it or it is too large,
    `NoAnswerError` if git can't be asked, `OSError`.
    """
    files, when = read_commit(repository, commit), committed_at(text)
    with_content = {path: one for path, one in files.items() if one.mode != SUBMODULE}
    contents = read_contents(repository, with_content)
    for path, one in sorted(files.items()):
        content = next(contents)[1] if path in with_content else b""
        target.write(_header(path, one, len(content), content, when))
        if one.mode not in (LINK, SUBMODULE):
            target.write(content + bytes(-len(content) % tarfile.BLOCKSIZE))
    target.write(bytes(_END_BYTES))


def check_archive(path: Path, commit: str, text: bytes) -> None:
    """Check that a file is the archive of this commit, whose own text is `text`.

    Raises `MalformedError` that says what it is instead, `UnreadableError` if it can't be read.
    """
    algorithm = algorithm_of(commit)
    if object_digest(b"commit", text, algorithm).hex() != commit:
        raise MalformedError("what lies beside it is not the signed commit")
    found = tree_id(dict(_members(path, committed_at(text), algorithm)), algorithm)
    if found != root_of(text):
        raise MalformedError(f"its files are tree {found}, and those of the commit {root_of(text)}")


def committed_at(text: bytes) -> int:
    """Return when a commit was made, in seconds since 1970. Raises `MalformedError`."""
    found = _COMMITTED.search(text.partition(b"\n\n")[0])
    if found is None:
        raise MalformedError("the commit says not when it was made")
    return int(found[1])


def _header(path: bytes, one: CommitFile, size: int, content: bytes, when: int) -> bytes:
    """Return what stands before a member's content."""
    info = tarfile.TarInfo(os.fsdecode(FOLDER + path))
    info.mtime = when
    info.mode = 0o755 if one.mode in (_EXECUTABLE, SUBMODULE) else 0o644
    if one.mode == LINK:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, os.fsdecode(content), 0o777
    elif one.mode == SUBMODULE:
        info.type, info.pax_headers = tarfile.DIRTYPE, {_SUBMODULE_HEADER: one.id}
    else:
        info.size = size
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _members(path: Path, when: int, algorithm: str) -> Iterator[tuple[bytes, CommitFile]]:
    shown = printable(path.name)
    try:
        with open(open_regular(path, os.O_RDONLY), "rb") as file:
            yield from _read_members(_Careful(file), when, algorithm)
    except OSError as error:
        raise UnreadableError(f"{shown}: {error.strerror}") from error
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise MalformedError(f"it is no archive as repro-sign writes them: {error}") from error


def _read_members(
    file: "_Careful", when: int, algorithm: str
) -> Iterator[tuple[bytes, CommitFile]]:
    size = file.seek(0, os.SEEK_END)
    position, before, count = 0, b"", 0
    while size - position > _END_BYTES:
        member = _next_member(file, position)
        name = os.fsencode(member.name)
        if not name.startswith(FOLDER) or name[len(FOLDER) :] <= before:
            raise MalformedError("its paths are not those of a commit, in order")
        count += 1
        if count > _MAX_MEMBERS:
            raise MalformedError("too many files are in it")
        before = name[len(FOLDER) :]
        link = os.fsencode(member.linkname) if member.issym() else b""
        digest = object_digest(b"blob", link, algorithm).hex() if link else ""
        one = CommitFile(_mode(member), digest or member.pax_headers.get(_SUBMODULE_HEADER, ""))
        header = _header(before, one, member.size, link, when)
        if file.exactly(position, len(header)) != header:
            raise MalformedError(f"{printable(member.name)} is not in it as repro-sign writes it")
        position += len(header)
        if member.isreg():
            one = CommitFile(one.mode, _content(file, position, member.size, algorithm))
            position += member.size
            padding = -position % tarfile.BLOCKSIZE
            if any(file.exactly(position, padding)):
                raise MalformedError(f"bytes after {printable(member.name)} belong to no file")
            position += padding
        yield before, one
    if size - position != _END_BYTES or any(file.exactly(position, _END_BYTES)):
        raise MalformedError("it does not end as an archive does")


def _next_member(file: "_Careful", position: int) -> tarfile.TarInfo:
    file.seek(position)
    with tarfile.open(
        fileobj=cast(BinaryIO, file),  # it has all that tarfile asks for
        mode="r:",
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        member = archive.next()
    if member is None:
        raise MalformedError("it ends in the middle")
    return member


def _mode(member: tarfile.TarInfo) -> int:
    if member.issym():
        return LINK
    if member.isdir() and re.fullmatch(
        "[0-9a-f]{40,64}", member.pax_headers.get(_SUBMODULE_HEADER, "")
    ):
        return SUBMODULE
    if not member.isreg() or member.issparse():
        raise MalformedError(f"{printable(member.name)} is neither a file nor a symbolic link")
    return _EXECUTABLE if member.mode & 0o100 else _FILE


def _content(file: "_Careful", position: int, size: int, algorithm: str) -> str:
    digest = GrowingDigest(size, algorithm)
    for start in range(position, position + size, _PIECE):
        digest.update(file.exactly(start, min(_PIECE, position + size - start)))
    return digest.hex()


class _Careful:
    """A file of which nobody reads much at once: headers by strangers may name any length."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, length: int = -1) -> bytes:
        if not 0 <= length <= _MAX_HEADER_BYTES:
            raise MalformedError("a header in it is too large")
        return self._file.read(length)

    def exactly(self, position: int, length: int) -> bytes:
        """Return the bytes at a place, all of which have to be there."""
        self._file.seek(position)
        data = self.read(length)
        if len(data) != length:
            raise MalformedError("it ends in the middle")
        return data
