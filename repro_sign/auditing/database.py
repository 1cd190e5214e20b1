"""What was seen of a folder's images, in a file of SQLite's.

It saves work and decides nothing: of each image it keeps what was found, and of what. A row is
believed only while all that it was found of is the same. Results are committed a few at a time: a
run that is killed loses the last ones, which are found again.

The rollback journal and not the write-ahead log: that one can't be on a network file system.
"""

import contextlib
import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.system.durable import private_folder
from repro_sign.values import dataclass

_SCHEMA: Final = "1"
_BATCH: Final = 64
_TABLES: Final = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE images (path BLOB PRIMARY KEY, found TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found of an image, and of what.

    `state` and `around` are the file and what lies beside it, as the kernel told; `settled` is
    whether none of that had changed just before. `rules` is the digest of all else. `checked` is
    when its bytes were read, as a time (RFC 3339).
    """

    state: str
    around: dict[str, str]
    settled: bool
    rules: str
    verdict: str
    checked: str
    reasons: list[list[str]] = field(default_factory=list)
    sha256: str = ""
    blake3: str = ""
    identity: str = ""
    signers: list[str] = field(default_factory=list)
    size: int = 0


class AuditDatabase:
    """The rows of one folder's images, by their paths below it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting = 0

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path, folder: Path) -> Iterator["AuditDatabase"]:
        """Open a folder's database, or make it; nobody else has it open meanwhile.

        Raises `RefusedError` if others could have written it, or it is another folder's,
        `NoAnswerError` if it can't be read or another audit has it.
        """
        shown = printable(str(path))
        _demand_own(path)
        connection = None
        try:
            private_folder(path.absolute().parent)
            with _umask_for_owner():
                connection = sqlite3.connect(path, timeout=0, isolation_level=None)
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("BEGIN EXCLUSIVE")
            _set_up(connection, shown, folder)
            try:
                yield cls(connection)
            finally:  # whatever ended the run: each row is right by itself
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _broken(shown, error) from error
        finally:
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()

    def get(self, path: str) -> Seen | None:
        """Return what is known of an image; None for one that is new, or a row of no use."""
        row = self._connection.execute(
            "SELECT found FROM images WHERE path = ?", (os.fsencode(path),)
        ).fetchone()
        return _read(row[0]) if row else None

    def put(self, path: str, seen: Seen) -> None:
        """Keep what was found of an image."""
        values = {name: getattr(seen, name) for name in Seen.__dataclass_fields__}
        self._connection.execute(
            "INSERT OR REPLACE INTO images VALUES (?, ?)", (os.fsencode(path), json.dumps(values))
        )
        self._commit_some()

    def paths(self) -> set[str]:
        """Return the paths of all images that are known."""
        rows = self._connection.execute("SELECT path FROM images")
        return {os.fsdecode(path) for (path,) in rows if isinstance(path, bytes)}

    def forget(self, path: str) -> None:
        """Drop an image that is gone."""
        self._connection.execute("DELETE FROM images WHERE path = ?", (os.fsencode(path),))
        self._commit_some()

    def _commit_some(self) -> None:
        self._waiting += 1
        if self._waiting >= _BATCH:
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._waiting = 0


def _set_up(connection: sqlite3.Connection, shown: str, folder: Path) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    top = os.path.realpath(folder)
    if not tables[0]:
        for statement in _TABLES.strip().split("\n"):
            connection.execute(statement)
        rows = [("schema", _SCHEMA), ("folder", top)]
        connection.executemany("INSERT INTO about VALUES (?, ?)", rows)
        return
    about = dict(connection.execute("SELECT name, value FROM about").fetchall())
    if about.get("schema") != _SCHEMA:
        raise RefusedError(
            f"{shown} was written by another version of repro-sign",
            hint="name another --database: the first audit reads everything",
        )
    if about.get("folder") != top:
        raise RefusedError(
            f"{shown} is about the folder {printable(str(about.get('folder')))}",
            hint="name another --database for this folder",
        )


def _read(text: Any) -> Seen | None:
    """Read a row; one that is not as it was written is of no use, and the image is read."""
    try:
        values = json.loads(text)
        seen = Seen(**values)
    except (TypeError, ValueError, RecursionError):
        return None
    texts = (seen.state, seen.rules, seen.verdict, seen.checked, seen.sha256)
    sound = all(isinstance(one, str) for one in texts) and isinstance(seen.around, dict)
    return seen if sound and isinstance(seen.settled, bool) else None


def _demand_own(path: Path) -> None:
    """Refuse a database that others can write: what it says is believed."""
    if os.name != "posix" or not os.path.lexists(path):
        return
    status = os.stat(path)
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if status.st_uid != os.geteuid() or others:
        shown = printable(str(path))
        raise RefusedError(
            f"others can write {shown}, so what it says can't be believed",
            hint="take it away, or make it yours alone: chmod 600",
        )


@contextlib.contextmanager
def _umask_for_owner() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _broken(shown: str, error: sqlite3.Error) -> NoAnswerError:
    if "locked" in str(error):
        return NoAnswerError(
            f"{shown} is in use: another audit of this folder is running",
            hint="wait until it has ended",
        )
    return NoAnswerError(
        f"{shown}: {printable(str(error))}",
        hint="look at the disk; or move the file away, and the next audit reads everything",
    )
