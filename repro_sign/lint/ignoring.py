"""Findings that a recipe asks to be ignored: `# repro-sign: ignore=CODE because …`.

Such a comment speaks of its own line, or, alone on a line, of the next line that is no comment.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from repro_sign.lint.checks.quoting import quoted
from repro_sign.lint.finding import Remark
from repro_sign.lint.rules import RULES

_IGNORE: Final = re.compile(r"#\s*repro-sign:\s*ignore\s*=\s*([\w.-]{0,60})[ \t]*([^#]{0,500})")


def without_ignored(remarks: Iterable[Remark], lines: list[str]) -> Iterator[Remark]:
    """Yield the remarks that are not ignored, and what is wrong with requests to ignore."""
    ignored: dict[int, set[str]] = {}
    pending: set[str] = set()
    for number, line in enumerate(lines, 1):
        for found in _IGNORE.finditer(line) if "repro-sign" in line else ():
            code, reason = found[1], found[2].strip()
            if code not in RULES:
                message = f"there is no finding {quoted(code) or 'without a name'}"
                yield Remark("ignore-unknown-code", number, message, number)
            elif not reason:
                message = f"{code} is to be ignored, and nothing says why"
                yield Remark("ignore-without-reason", number, message, number)
            else:
                pending.add(code)
        if pending and not line.lstrip().startswith("#"):
            ignored[number] = pending
            pending = set()
    for remark in remarks:
        places = (remark.line, remark.start)
        if not any(remark.code in ignored.get(place, ()) for place in places):
            yield remark
