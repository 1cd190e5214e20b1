"""Points in time: always aware, always UTC, written as RFC 3339."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from repro_sign.errors import NoAnswerError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = _EPOCH + timedelta(seconds=1 << 32)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ANY_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z"  # Python may read 24:00
)


def utc_now() -> datetime:
    """Return the machine's clock, to the second: no format we write carries more.

    Raises `NoAnswerError` for a time that OpenPGP can't write down (RFC 4880, 3.5: 32 bits of
    seconds since 1970): what counts at such a time can't be said.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    if not _EPOCH <= now < _END:
        raise NoAnswerError(
            f"this machine's clock says {now:%Y-%m-%d}, a time that OpenPGP does not know",
            hint="set the clock",
        )
    return now


def from_the_future(moment: datetime) -> str:
    """Say that something is from later than now, which is likelier to be a clock's fault."""
    return f"from {readable(moment)}, which is in the future: is this machine's clock right?"


def rfc3339(moment: datetime) -> str:
    """Write `moment` as in RFC 3339, in UTC with a `Z`, to the second."""
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(timespec="seconds") + "Z"


def readable(moment: datetime) -> str:
    """Write `moment` for people: `2026-11-23 21:04 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def readable_end(moment: datetime) -> str:
    """Write `moment` as `readable` does, but rounded up: what was before it is before that, too."""
    return readable(moment + timedelta(seconds=59))


def parse_rfc3339(text: str) -> datetime:
    """Read what `rfc3339` writes, and nothing else.

    Raises `ValueError` for any other form.
    """
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is not a time of the form 2026-11-23T21:04:07Z")
    return datetime.fromisoformat(text)


def parse_day_or_time(text: str) -> datetime:
    """Read what a person types: a day, which begins at midnight UTC, or a time as in RFC 3339.

    Raises `ValueError` for anything else, times without a time zone included.
    """
    if not _DAY.fullmatch(text) and not _ANY_FORM.fullmatch(text):
        raise ValueError(
            f"{text!r} is neither a day (2026-01-31) nor a time (2026-01-31T12:00:00Z)"
        )
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"there is no such day or time: {text!r}") from error
