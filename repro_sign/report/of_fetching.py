"""What came of asking for keys: as lines for people and as JSON members."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from repro_sign.errors import ReproSignError
from repro_sign.escaping import printable
from repro_sign.fetching import FetchReport
from repro_sign.fingerprint import SignerId
from repro_sign.report.of_publishing import statements
from repro_sign.times import readable, rfc3339

_WIDTH: Final = 9


def members(report: FetchReport) -> dict[str, Any]:
    """Return the members of an entry of `keys`."""
    one = report.certificate
    return {
        "fingerprint": str(report.fingerprint),
        "user_id": one.user_id if one else None,
        "known": report.known,
        "news": statements(report.news),
        "merged_into": list(report.learnt),
        "revoked": one.revoked if one else False,
        "expires": rfc3339(one.expires) if one and one.expires else None,
        "error": None,
    }


def failed_members(fingerprint: SignerId, error: ReproSignError) -> dict[str, Any]:
    """Return the members of an entry for a key that did not come."""
    return {
        "fingerprint": str(fingerprint),
        "user_id": None,
        "known": True,
        "news": [],
        "merged_into": [],
        "revoked": None,
        "expires": None,
        "error": str(error),
    }


def lines(report: FetchReport, now: datetime) -> Iterator[str]:
    """Say what is new about a key, and who learnt it."""
    one = report.certificate
    name = printable(one.user_id) if one and one.user_id else "(no user id)" if one else "(PEM key)"
    yield f"{report.fingerprint.grouped()}  {name}"
    if not report.known:
        yield _line("new", "the key itself: it was not known here")
    for statement in report.news:
        yield _line("new", statement.words)
    if report.known and not report.news:
        yield _line("new", "nothing")
    if report.learnt:
        yield _line("merged", f"into {', '.join(report.learnt)}")
    if one and one.revoked:
        yield _line("state", "REVOKED")
    elif one and one.expires:
        word = "expired on" if one.expires <= now else "until"
        yield _line("state", f"{word} {readable(one.expires)}")


def _line(label: str, text: str) -> str:
    return f"  {label:<{_WIDTH}}{text}"
