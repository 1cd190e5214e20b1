"""Ask a repository on the network where a tag points now.

It is the first question of `git ls-remote`, and the only one: the list of references, over http
(gitprotocol-http). No git takes part, so that no configuration can send the question elsewhere
or start a program, and the rules of `repro_sign.web` hold: https, time limit, bounded answer.
"""

import re
from collections.abc import Iterator
from typing import Final

from repro_sign import web
from repro_sign.errors import MalformedError

MAX_BYTES: Final = 32 << 20
"""Some 400,000 references."""
_SERVICE: Final = "git-upload-pack"
_SMART: Final = re.compile(rb"[0-9a-f]{4}# service=git-upload-pack\n")
_LINE: Final = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64})[ \t]([^\0\n]+)(?:\0[^\n]*)?\n?")
_PEELED: Final = "^{}"
"""What follows the name of an annotated tag where the commit stands that it points at."""


def commit_of_tag(url: str, tag: str) -> str | None:
    """Return the commit that a tag points at in the repository at `url`; None if it has no such.

    Raises what `repro_sign.web.get` raises, and `MalformedError` if the answer is no list of
    references.
    """
    data = web.get(
        f"{url.rstrip('/')}/info/refs",
        "the list of its references",
        MAX_BYTES,
        query={"service": _SERVICE},
    )
    found = dict(_references(data))
    name = f"refs/tags/{tag}"
    return found.get(name + _PEELED, found.get(name))


def _references(data: bytes) -> Iterator[tuple[str, str]]:
    if not data.endswith((b"0000", b"\n")):
        raise MalformedError("its list of references breaks off")
    for line in _packets(data) if _SMART.match(data) else data.splitlines(keepends=True):
        found = _LINE.fullmatch(line)
        if found:
            yield found[2].decode("utf-8", "replace"), found[1].decode("ascii")
        elif not line.startswith((b"# service=", b"shallow ")):
            raise MalformedError("it answers with something else than a list of references")


def _packets(data: bytes) -> Iterator[bytes]:
    """Yield the lines of a smart server's answer (gitprotocol-common, pkt-line)."""
    position = 0
    while position < len(data):
        head = data[position : position + 4]
        if not re.fullmatch(rb"[0-9a-f]{4}", head):
            raise MalformedError("its list of references is damaged")
        length = int(head, 16)
        if length == 0:
            position += 4
            continue
        if length <= 4 or position + length > len(data):
            raise MalformedError("its list of references is damaged")
        yield data[position + 4 : position + length]
        position += length
