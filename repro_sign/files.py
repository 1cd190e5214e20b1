"""Read small files whole, with a bound, and say in our own words why one can't be read."""

import os
from pathlib import Path

from repro_sign.errors import MalformedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.sif.reader import open_regular


def read_small(path: Path, limit: int, what: str) -> bytes:
    """Return the content of a regular file of at most `limit` bytes; `what` names its kind.

    Raises `UnreadableError` if it can't be read, `MalformedError` if it is larger.
    """
    descriptor = open_regular(path, os.O_RDONLY)
    try:
        with open(descriptor, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UnreadableError(f"{printable(str(path))}: {error.strerror}") from error
    if len(data) > limit:
        raise MalformedError(
            f"{printable(str(path))} is larger than any {what} ({limit} bytes)", code="too-large"
        )
    return data


def read_if_there(path: Path, limit: int, what: str) -> bytes | None:
    """Return the content of a file as `read_small` does, or None if there is no such file."""
    return read_small(path, limit, what) if os.path.lexists(path) else None
