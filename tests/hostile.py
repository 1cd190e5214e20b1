"""Text that attackers write, and what must have become of it wherever it comes out."""

import html.parser
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from markdown_it import MarkdownIt

from tests.account import Result

FORGED: Final = "forged.sif"
"""The name of an image that is nowhere: no output may begin a line with a verdict on it."""
LOUD: Final = (
    "\x1b[2J\x1b[8m\x1b]0;t\x07\x9b8m\x08\u202e\u2066\u200b\ufeff\u2028"
    f"\r\nVERIFIED  {FORGED}\nverified  {FORGED}<img src=x onerror=a>"
)
"""It clears the screen, names the window, turns text around, hides some, begins lines that look
like verdicts, and is a tag of HTML. It can be a file's name."""
QUIET: Final = "Ada\u202eadA\u2067\u200b <img src=x onerror=a> www.forged.example |[a](b)`c`"
"""The same without control characters: programs that drop those pass it on."""
MARKDOWN: Final = MarkdownIt("commonmark").enable("table")
"""Markdown as most show it: with tables, and HTML where it is HTML."""
SHOWN: Final = re.compile(r"x1b|u001b|u202e|U0000202e")
"""What becomes of them in some output, whatever its form: an escape."""
_ACTIVE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_VERDICT: Final = re.compile(rf"^(?i:verified)\W+{re.escape(FORGED)}", re.MULTILINE)
_COLOURS: Final = re.compile(r"\x1b\[(0|1|3[1-6])m")
"""What a verdict is painted with; nothing of that is in the texts above."""


def active(text: str) -> list[str]:
    """Return what acts on a terminal, or would be taken for our own lines."""
    return [*map(ascii, _ACTIVE.findall(text)), *_VERDICT.findall(text)]


def without_colours(text: str) -> str:
    """Return a text as it is without the colours that we put in."""
    return _COLOURS.sub("", text)


@dataclass
class _Tags(html.parser.HTMLParser):
    """The elements of a page that the texts above would make, were they not escaped."""

    found: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("img", "a") or any(name.startswith("on") for name, _ in attrs):
            self.found.append(tag)


def tags(page: str) -> list[str]:
    """Return the elements of an HTML page that are none of ours."""
    parser = _Tags()
    parser.feed(page)
    parser.close()
    return parser.found


def tags_of_markdown(text: str) -> list[str]:
    """Return the same for Markdown."""
    return tags(MARKDOWN.render(text))


def strings(value: Any) -> Iterator[str]:
    """Yield all texts in a JSON or TOML value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)


def inert(result: Result, *, statuses: tuple[int, ...] = (0, 1, 3, 5)) -> str:
    """Return all that a command printed, which is to be inert, and no bug."""
    said = without_colours(result.out + result.err)
    assert result.status in statuses, said
    assert "Traceback" not in said
    assert active(said) == []
    return said


def holds(documents: str, text: str) -> bool:
    """Whether a text stands unchanged in a JSON document, or in one of those on a line each."""
    try:
        values = [json.loads(documents)]
    except json.JSONDecodeError:
        values = list(map(json.loads, documents.splitlines()))
    return any(text in one for value in values for one in strings(value))
