"""`repro-sign withdraw`: say, signed, that an image should not be used."""

import sys
from pathlib import Path

import click

from repro_sign.cli.notice_output import show
from repro_sign.cli.options import json_option, output_options, passphrase_option, yes_option
from repro_sign.cli.progress import progress_of
from repro_sign.cli.ready_key import key_option, ready_key
from repro_sign.errors import RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.noticing import MAX_REASON_LINE, NoticeRequest, check_reason, write_notice
from repro_sign.statements.notice import Notice, NoticeKind
from repro_sign.system.locations import find_locations


@click.command("withdraw")
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--reason",
    metavar="TEXT",
    required=True,
    help="Why, in your own words: who verifies the image is shown them.",
)
@key_option
@passphrase_option
@click.option(
    "--out",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Write the notice into this folder, not beside the image.",
)
@yes_option
@json_option
@output_options
def command(
    *,
    image: Path,
    reason: str,
    selector: str | None,
    passphrase_file: Path | None,
    out: Path | None,
    yes: bool,
    json_: bool,
) -> None:
    """Withdraw IMAGE: whoever verifies it with this notice at hand sees it fail, and your words.

    It writes a signed notice, by the key that signed the image. This is final: no later notice
    takes it back, and it holds when the key has ended too.
    """
    lines = check_reason(tuple(reason.splitlines()), NoticeKind.WITHDRAWN)
    if not yes and not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask whether the image is to be withdrawn for ever",
            hint="if it is, say --yes",
        )
    sealer = ready_key(find_locations(), selector, passphrase_file)
    request = NoticeRequest(
        reason=lines,
        folder=out,
        confirm=(lambda _: None) if yes else (lambda notice: _ask(image, notice)),
        progress=progress_of("reading"),
    )
    show(write_notice(image, sealer, request), sealer, json_=json_)


def _ask(image: Path, notice: Notice) -> None:
    click.echo(f"image     {printable(str(image))}", err=True)
    click.echo(f"identity  {notice.identity}", err=True)
    for line in notice.reason:
        click.echo(f"reason    {printable(line, limit=MAX_REASON_LINE)}", err=True)
    if not click.confirm("Withdraw it for ever? Nothing takes this back.", err=True):
        raise RefusedError("not withdrawn: nothing was written")
