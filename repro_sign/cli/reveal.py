"""`repro-sign reveal`: say whose work it was that was reviewed without a name."""

import sys
from pathlib import Path

import click

from repro_sign.cli.options import json_option, output_options, passphrase_option, yes_option
from repro_sign.cli.progress import progress_of
from repro_sign.cli.ready_key import key_option, ready_key
from repro_sign.digest import Digest
from repro_sign.errors import RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.report.as_text import suggest_verify
from repro_sign.revealing import RevealReport, reveal_image
from repro_sign.sealing import Sealer
from repro_sign.system.locations import find_locations


@click.command("reveal")
@click.argument("image", type=click.Path(path_type=Path))
@key_option
@click.option(
    "--review-key",
    "review_selector",
    metavar="FINGERPRINT|FILE",
    required=True,
    help="The key without a name that signed IMAGE for review.",
)
@passphrase_option
@click.option(
    "--review-passphrase-file",
    type=click.Path(path_type=Path, allow_dash=False),
    help="Read that key's passphrase from this file.",
)
@yes_option
@json_option
@output_options
def command(
    *,
    image: Path,
    selector: str | None,
    review_selector: str,
    passphrase_file: Path | None,
    review_passphrase_file: Path | None,
    yes: bool,
    json_: bool,
) -> None:
    """Say that IMAGE, which a key without a name signed for review, is yours.

    Your own key (--key) and the one without a name both sign that, for this image. Whoever trusts
    your key then finds the image verified. Nothing takes this back.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask whether the author is to be revealed",
            hint="if so, say --yes",
        )
    where = find_locations()
    review = ready_key(where, review_selector, review_passphrase_file or passphrase_file)
    author = ready_key(where, selector, passphrase_file)
    report = reveal_image(
        image,
        author,
        review,
        confirm=(lambda _: None) if yes else (lambda identity: _ask(image, identity, author)),
        progress=progress_of("reading"),
    )
    if json_:
        click.echo(as_json.to_text(_document(report, author, review)))
    else:
        click.echo(_text(report, author), nl=False)


def _ask(image: Path, identity: Digest, author: Sealer) -> None:
    click.echo(f"image     {printable(str(image))}", err=True)
    click.echo(f"identity  {identity}", err=True)
    click.echo(f"author    {printable(author.name or str(author.signer))}", err=True)
    if not click.confirm("Say that it is theirs? Nothing takes this back.", err=True):
        raise RefusedError("not revealed: nothing was written")


def _text(report: RevealReport, author: Sealer) -> str:
    name = printable(author.name) if author.name else "the owner of this key"
    lines = [f"revealed {printable(str(report.path))}", f"  by        {name}"]
    lines.append(f"            {author.signer.grouped()}")
    lines += [f"  written   {printable(str(one))}" for one in report.halves]
    lines.append("Put both files beside the image. A reader types:")
    lines.append(f"  {suggest_verify(report.path, str(author.signer))}")
    return "\n".join((*lines, ""))


def _document(report: RevealReport, author: Sealer, review: Sealer) -> dict[str, object]:
    return {
        "schema": as_json.SCHEMA,
        "path": str(report.path),
        "identity": str(report.identity),
        "author": str(author.signer),
        "review": str(review.signer),
        "files": [str(one) for one in report.halves],
    }
