"""Single files that the child hands over: one line for each, its path and its content.

The caller reads the lines back strictly, since the child has had hostile bytes in its hands.
"""

import base64
import binascii
from collections.abc import Collection, Iterator
from typing import IO, Final

from repro_sign.contents.listing import quoted
from repro_sign.errors import MalformedError
from repro_sign.values import dataclass

MAX_NAMED_BYTES: Final = 8 << 20
"""What is read of a file: a C library has two million bytes."""
_MAX_LINE_BYTES: Final = MAX_NAMED_BYTES * 4 // 3 + 20_000


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file by the path that it was asked for, and its beginning."""

    path: str
    content: bytes

    def line(self) -> bytes:
        """Return the line that the child hands over."""
        return f"{quoted(self.path)} ".encode("ascii") + base64.b64encode(self.content) + b"\n"


def read_named(file: IO[bytes], paths: Collection[str]) -> Iterator[NamedFile]:
    """Read what a child handed over when it was asked for `paths`.

    Raises `MalformedError` for anything that an honest child would not write.
    """
    wanted = {quoted(path).encode("ascii"): path for path in paths}
    while line := file.readline(_MAX_LINE_BYTES):
        name, _, text = line.rstrip(b"\n").partition(b" ")
        path = wanted.pop(name, None)
        if path is None or not line.endswith(b"\n"):
            raise MalformedError("a list of files has a line that nobody asked for")
        try:
            content = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise MalformedError("a list of files has a line of unknown form") from error
        yield NamedFile(path, content)
