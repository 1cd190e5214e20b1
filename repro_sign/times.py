"""Points in time: always aware, always UTC, written as RFC 3339."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the machine's clock, to the second: no format we write carries more."""
    return datetime.now(UTC).replace(microsecond=0)


def rfc3339(moment: datetime) -> str:
    """Write `moment` as in RFC 3339, in UTC with a `Z`, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def readable(moment: datetime) -> str:
    """Write `moment` for people: `2026-11-23 21:04 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def parse_rfc3339(text: str) -> datetime:
    """Read what `rfc3339` writes, and nothing else.

    Raises `ValueError` for any other form.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
