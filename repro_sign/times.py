"""Points in time: always aware, always UTC, written as RFC 3339."""

import re
from datetime import UTC, datetime

_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def utc_now() -> datetime:
    """Return the machine's clock, to the second: no format we write carries more."""
    return datetime.now(UTC).replace(microsecond=0)


def rfc3339(moment: datetime) -> str:
    """Write `moment` as in RFC 3339, in UTC with a `Z`, to the second."""
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(timespec="seconds") + "Z"


def readable(moment: datetime) -> str:
    """Write `moment` for people: `2026-11-23 21:04 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def parse_rfc3339(text: str) -> datetime:
    """Read what `rfc3339` writes, and nothing else.

    Raises `ValueError` for any other form.
    """
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is not a time of the form 2026-11-23T21:04:07Z")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
