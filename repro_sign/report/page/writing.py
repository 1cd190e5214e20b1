"""Render a page and write it to the file that the caller names, over nothing but an older page."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.errors import RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.report.page.content import Page, page_of
from repro_sign.system.durable import write_file
from repro_sign.system.files import read_beginning
from repro_sign.verifying import ImageReport

MARKS: Final[Mapping[str, bytes]] = {
    ".html": b'<meta name="generator" content="repro-sign',
    ".md": b"<!-- report of repro-sign -->",
    ".json": b'{\n  "images": [',
}
"""How pages begin, by the ending of their names; by this an older one is told from other files."""
_LOOKED_AT: Final = 2000
_MARKUP: Final = re.compile(r"([!#$&()*+\-.:<=>@\[\\\]^_`{|}~])")
"""What Markdown can take for markup, addresses that turn into links included. All ASCII punctuation
may be escaped (CommonMark, section 2.4)."""


def check_place(path: Path, marks: Mapping[str, bytes] = MARKS) -> None:
    """Refuse a place to which no page may be written, before anything is verified.

    `marks` say how pages of each format begin.

    Raises `UsageError` for a name whose ending says no format, `RefusedError` if a file that is no
    page is there or the folder is missing, `UnreadableError` if it can't be looked at.
    """
    shown = printable(str(path))
    mark = marks.get(path.suffix.lower())
    if mark is None:
        raise UsageError(
            f"--report {shown}: the ending says no format", hint=f"one of {', '.join(marks)}"
        )
    if not path.parent.is_dir():
        raise RefusedError(f"{shown}: there is no folder {printable(str(path.parent))}")
    if path.is_symlink() or path.exists():
        beginning = read_beginning(path, _LOOKED_AT)
        if mark not in beginning:
            raise RefusedError(
                f"{shown} is there already, and is no report of repro-sign",
                hint="it was left as it is; give the report another name",
            )


def write_page(path: Path, reports: Sequence[ImageReport], checked: datetime) -> None:
    """Write a page about some images, whose format the ending of its name says.

    `checked` is when they were verified. Raises what `check_place` raises, and `RefusedError` if
    the file can't be written.
    """
    check_place(path)
    ending = path.suffix.lower()
    if ending == ".json":
        text = as_json.to_text(as_json.document(reports)) + "\n"
    else:
        text = _RENDER[ending](page_of(reports, checked))
    write_file(path, text.encode("utf-8", "backslashreplace"))


def as_html(page: Page) -> str:
    """Return a page as one HTML document that needs nothing else."""
    return render(page, "page.html")


def as_markdown(page: Page) -> str:
    """Return a page as Markdown."""
    return render(page, "page.md", _escape_markdown)


def render(page: object, name: str, finalize: Callable[[object], object] | None = None) -> str:
    """Render a template; without another way all that is put into it is escaped for HTML."""
    import jinja2  # costs time, and most runs write no page

    environment = jinja2.Environment(
        autoescape=finalize is None,  # noqa: S701 - the other way escapes too
        finalize=finalize,
        keep_trailing_newline=True,
        loader=jinja2.PackageLoader("repro_sign.report.page"),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name).render(page=page)


def _escape_markdown(value: object) -> str:
    return _MARKUP.sub(r"\\\1", str(value))


_RENDER: Final[Mapping[str, Callable[[Page], str]]] = {".html": as_html, ".md": as_markdown}
