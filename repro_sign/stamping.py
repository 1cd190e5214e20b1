"""Ask a time-stamping authority about a manifest, and keep what it says beside it.

What is there already and fits is kept, so that asking again, after a failure say, does no harm.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from repro_sign.errors import MalformedError, NoAnswerError, RefusedError, ReproSignError
from repro_sign.escaping import printable
from repro_sign.statements.statement import MAX_STATEMENT_BYTES
from repro_sign.system.durable import write_file
from repro_sign.system.files import read_if_there, read_small
from repro_sign.timestamps.proof import MAX_TIMESTAMP_BYTES, require_library, timestamp_path
from repro_sign.web_address import check

_WHAT = "timestamp"


class NoTimestampError(NoAnswerError):
    """A manifest got no timestamp; it and its image are signed all the same."""


def check_request(url: str) -> None:
    """Raise, before anything is signed, `UsageError` or `ExtraMissingError` if it can't work."""
    check(url)
    require_library()


def stamp(manifest: Path, url: str, now: Callable[[], datetime]) -> tuple[Path, bool]:
    """Get a timestamp of a manifest; return its path, and False if it was there already.

    Raises `NoTimestampError` if the authority gives none that is sound, or it can't be written.
    """
    path = timestamp_path(manifest)
    try:
        return path, _complete(manifest, path, url, now)
    except ReproSignError as error:
        again = "image and manifest are signed; run it again to add the timestamp"
        raise NoTimestampError(
            f"{printable(str(manifest))} has no timestamp: {error}",
            hint=f"{error.hint}; {again}" if error.hint else again,
        ) from error


def _complete(manifest: Path, path: Path, url: str, now: Callable[[], datetime]) -> bool:
    from repro_sign import web  # most runs need no network
    from repro_sign.timestamps import rfc3161  # an optional extra, and heavy

    stamped = read_small(manifest, MAX_STATEMENT_BYTES, "manifest")
    if _is_there(path, stamped, now):
        return False
    query = rfc3161.ask_about(stamped)
    reply = web.post(url, query.data, rfc3161.QUERY_TYPE, f"{_WHAT} query", MAX_TIMESTAMP_BYTES)
    rfc3161.check_reply(reply, query, stamped, now())
    write_file(path, reply)
    return True


def _is_there(path: Path, stamped: bytes, now: Callable[[], datetime]) -> bool:
    """Whether a timestamp of these bytes is there; one of other bytes makes room for a new one."""
    from repro_sign.timestamps import rfc3161

    try:
        there = read_if_there(path, MAX_TIMESTAMP_BYTES, _WHAT)
        return there is not None and rfc3161.fits(there, stamped, now())
    except (MalformedError, RefusedError) as error:
        raise RefusedError(
            f"{printable(str(path))} is there and is no sound timestamp: {error}",
            hint="move it away",
        ) from error
