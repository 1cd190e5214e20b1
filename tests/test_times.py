"""Times: one form, written and read, and nothing else."""

from datetime import UTC, datetime

import pytest

from repro_sign.times import parse_rfc3339, rfc3339


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-1-2T3:4:5Z", id="without leading zeros"),
        pytest.param("2026-11-23t21:04:07z", id="in small letters"),
        pytest.param("\uff12\uff10\uff12\uff16-11-23T21:04:07Z", id="in other digits"),
        pytest.param("2026-11-23T21:04:07+00:00", id="with an offset"),
        pytest.param("2026-13-23T21:04:07Z", id="in no month"),
    ],
)
def test_a_time_has_one_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_rfc3339(text)


@pytest.mark.parametrize("year", [1, 999, 1970, 2026, 9999])
def test_what_is_written_reads_back(year: int) -> None:
    moment = datetime(year, 1, 1, tzinfo=UTC)
    assert parse_rfc3339(rfc3339(moment)) == moment
