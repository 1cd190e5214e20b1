"""`repro-sign supersede`: say, signed, that another image came in one's place."""

from pathlib import Path

import click

from repro_sign.cli.notice_output import show
from repro_sign.cli.options import json_option, output_options, passphrase_option
from repro_sign.cli.progress import progress_of
from repro_sign.cli.ready_key import key_option, ready_key
from repro_sign.noticing import NoticeRequest, check_reason, write_notice
from repro_sign.statements.notice import NoticeKind
from repro_sign.system.locations import find_locations


@click.command("supersede")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--reason", metavar="TEXT", default="", help="What is better in the new one.")
@key_option
@passphrase_option
@click.option(
    "--out",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Write the notice into this folder, not beside OLD.",
)
@json_option
@output_options
def command(
    *,
    old: Path,
    new: Path,
    reason: str,
    selector: str | None,
    passphrase_file: Path | None,
    out: Path | None,
    json_: bool,
) -> None:
    """Say that the image NEW came in the place of OLD.

    It writes a signed notice, by the key that signed both. OLD stays what it is; whoever
    verifies it with this notice at hand is told of NEW.
    """
    lines = check_reason(tuple(reason.splitlines()), NoticeKind.SUPERSEDED)
    sealer = ready_key(find_locations(), selector, passphrase_file)
    request = NoticeRequest(lines, successor=new, folder=out, progress=progress_of("reading"))
    show(write_notice(old, sealer, request), sealer, json_=json_)
