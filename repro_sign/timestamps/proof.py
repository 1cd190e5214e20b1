"""What a timestamp proves, whose word counts, and where it lies: values, cheap to import."""

import importlib.util
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from repro_sign.errors import NoAnswerError
from repro_sign.values import dataclass

MAX_TIMESTAMP_BYTES: Final = 64 << 10
"""Largest response that is read; one with a chain of four RSA certificates has about 6 KiB."""
CLOCK_SKEW: Final = timedelta(minutes=5)
"""By how much two honest clocks may differ."""
_ENDING: Final = ".tsr"
_LIBRARY: Final = "rfc3161_client"


class ExtraMissingError(NoAnswerError):
    """The optional part of the installation that timestamps need is not there."""


@dataclass(frozen=True, slots=True)
class Authorities:
    """The time-stamping authorities that the caller believes: certificates, roots among them."""

    certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A proof that bytes were there before `moment`, by the word of `authority`.

    The moment is the authority's time and what it states of its accuracy; the name is that of its
    certificate: hostile text.
    """

    moment: datetime
    authority: str


def timestamp_path(stamped: Path) -> Path:
    """Return where the timestamp of a file lies: beside it, its name with `.tsr` after it."""
    return stamped.with_name(stamped.name + _ENDING)


def require_library() -> None:
    """Raise `ExtraMissingError` if what reads timestamps is not installed."""
    if importlib.util.find_spec(_LIBRARY) is None:
        raise ExtraMissingError(
            "timestamps need the Python package rfc3161-client, which is not installed",
            hint="install it: pip install 'repro-sign[timestamp]'",
        )
