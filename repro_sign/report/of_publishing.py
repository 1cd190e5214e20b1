"""What became of a key that was published: as lines for people and as JSON members."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from repro_sign.escaping import printable
from repro_sign.openpgp.changes import Statement
from repro_sign.publishing.folder import FolderReport
from repro_sign.publishing.text import KeyTexts
from repro_sign.publishing.to_key_server import ServerReport
from repro_sign.publishing.to_web_directory import DirectoryEntry

_WIDTH: Final = 14


def statements(found: Iterable[Statement]) -> list[dict[str, str]]:
    """Return the members of what one copy of a key says and another does not."""
    return [{"kind": one.kind.value, "message": one.words} for one in found]


def folder_members(report: FolderReport) -> dict[str, Any]:
    """Return the members of `folder`."""
    return {
        "path": str(report.path),
        "readme": str(report.readme),
        "kept": statements(report.kept),
    }


def folder_lines(report: FolderReport) -> Iterator[str]:
    """Say where in a folder the key is."""
    yield f"published in {printable(str(report.path))}"
    yield _line("table", printable(str(report.readme)))
    for one in report.kept:
        yield _line("kept", f"{one.words}: only the copy there had it; see key fetch --from")


def server_members(report: ServerReport) -> dict[str, Any]:
    """Return the members of `keyserver`."""
    return {
        "server": report.server,
        "sent_by": report.sent_by,
        "user_ids": list(report.served.user_ids),
        "revoked": report.served.revoked,
        "missing": statements(report.missing),
        "besides": statements(report.besides),
        "complete": report.complete,
    }


def server_lines(report: ServerReport) -> Iterator[str]:
    """Say what a key server serves now, and what its owner still has to do."""
    yield f"published on {printable(report.server)}"
    if report.complaint:
        yield _line("sent by", f"repro-sign, since {report.complaint}")
    else:
        yield _line("sent by", report.sent_by)
    yield _line("served", f"the key {report.served.fingerprint.grouped()}")
    for user_id in report.served.user_ids:
        yield _line("", f"the user id {printable(user_id)}")
    if report.served.revoked:
        yield _line("", "its revocation")
    for one in report.missing:
        yield _line("NOT served", one.words)
    for one in report.besides:
        yield _line("also served", f"{one.words}, which is not known here; see key fetch")
    if report.nameless:
        yield _line(
            "to do",
            "confirm your e-mail address on the server's own web page:"
            " until then it shows nobody's name, and Apptainer and gpg take no such key",
        )


def entry_members(entry: DirectoryEntry) -> dict[str, Any]:
    """Return the members of an entry of `wkd`."""
    return {
        "address": str(entry.address),
        "paths": [str(path) for path in entry.paths],
        "urls": list(entry.urls),
    }


def directory_lines(entries: Iterable[DirectoryEntry], fingerprint: str) -> Iterator[str]:
    """Say which files were written, and what the web site has to do with them."""
    for entry in entries:
        address = printable(str(entry.address))
        yield f"written for the web site of {entry.address.domain}: the key of {address}"
        for path in entry.paths:
            yield _line("file", printable(str(path)))
        yield _line("must answer", entry.urls[0])
        yield _line(
            "or", f"{entry.urls[1]} (if there is no host openpgpkey.{entry.address.domain})"
        )
        yield _line("with", "status 200 and the file as it is, as application/octet-stream;")
        yield _line("", "for readers in a browser: Access-Control-Allow-Origin: *")
        yield _line("to check", f"repro-sign key fetch {fingerprint} --wkd --email {address}")


def text_members(texts: KeyTexts) -> dict[str, str]:
    """Return the members of `text`."""
    return {
        "latex": texts.latex,
        "markdown": texts.markdown,
        "plain": texts.plain,
        "citation_cff": texts.citation_cff,
        "readme": texts.readme,
    }


def text_lines(texts: KeyTexts) -> Iterator[str]:
    """Return all texts, each below a heading."""
    for head, text in (
        ("for the paper, in LaTeX", texts.latex),
        ("for the paper, in Markdown", texts.markdown),
        ("for the paper, plain", texts.plain),
        ("for CITATION.cff", texts.citation_cff),
        ("for README.md", texts.readme),
    ):
        yield f"---- {head} ----"
        yield text


def _line(label: str, text: str) -> str:
    return f"  {label:<{_WIDTH}}{text}"
