"""The option that has a report written to a file."""

from collections.abc import Sequence
from pathlib import Path

import click

from repro_sign.cli.options import explain
from repro_sign.errors import ReproSignError
from repro_sign.times import utc_now
from repro_sign.verifying import ImageReport

report_option = click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a report to be filed as well: FILE.html, FILE.md or FILE.json.",
)


def check_report_place(path: Path | None) -> None:
    """Refuse what can't become the report, before hours of verifying. Raises `RefusedError`."""
    if path is not None:
        from repro_sign.report.page.writing import check_place  # only where a report is wanted

        check_place(path)


def write_report(path: Path | None, reports: Sequence[ImageReport]) -> bool:
    """Write the report, if one is wanted; say why it could not be written, and return False."""
    if path is None:
        return True
    from repro_sign.report.page.writing import write_page

    try:
        write_page(path, reports, utc_now())
    except ReproSignError as error:
        explain(error)
        return False
    return True
