"""Counts the faults that tests provoke, for `make faults`; without a file to count in, nothing.

`scripts/faults` runs the tests and prints the table; `--record` writes it into docs/reliability.md.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.programs import PROJECT

PAGE = PROJECT / "docs" / "reliability.md"
VARIABLE = "FAULTS_TALLY"
"""Names the file to count in."""
_MARKED = re.compile(
    r"(?<=<!-- faults: make faults ARGS=--record -->\n\n).*?(?=\n\n##|\Z)", re.DOTALL
)
_WORDS = {
    "signal=KILL": "killed",
    "signal=INT": "Ctrl-C",
    "error=ENOSPC": "disk full",
    "error=EIO": "disk fails",
    "error=EDQUOT": "quota exceeded",
    "error=EROFS": "disk read-only",
    "error=EPERM": "not permitted",
}


def note(argv: Iterable[str | Path], fault: str, call: str, times: int = 1) -> None:
    """Count a fault at a call of a repro-sign command, or so many of them."""
    path = os.environ.get(VARIABLE)
    if path is None:
        return
    words = [str(one) for one in argv]
    command = " ".join(words[: 2 if words[0] in ("key", "trust") else 1])
    row = json.dumps([command, _WORDS.get(fault, fault), call, times])
    with open(path, "a", encoding="utf-8") as file:  # one short write: whole, whoever else writes
        file.write(f"{row}\n")


def table(lines: Iterable[str]) -> str:
    """Return the table of what was counted, in Markdown."""
    faults: Counter[tuple[str, str]] = Counter()
    calls: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        command, fault, call, times = json.loads(line)
        faults[command, fault] += times
        calls.setdefault((command, fault), set()).add(call)
    rows = [
        f"| `{command}` | {fault} | {faults[command, fault]} | {', '.join(sorted(found))} |"
        for (command, fault), found in sorted(calls.items())
    ]
    head = ["| Command | Fault | Tried, nothing lost | At |", "|---|---|---|---|"]
    total = f"{faults.total()} faults tried; all survived, and nothing was lost."
    return "\n".join((*head, *rows, "", total))


def main(arguments: list[str]) -> None:
    """Print the table, or write it into the page."""
    with open(arguments[0], encoding="utf-8") as file:
        text = table(file)
    if arguments[1:] == ["--record"]:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_MARKED.sub(lambda _: text, page), encoding="utf-8")
    print(text)
