"""`repro-sign deposit`: an image with its source and results in one folder, for an archive."""

from pathlib import Path

import click

from repro_sign.citing.cited import Particulars
from repro_sign.cli.cite import author_option, doi_option, title_option, url_option
from repro_sign.cli.options import json_option, output_options, say
from repro_sign.cli.progress import progress_of
from repro_sign.cli.verify.believing import Belief, belief_options
from repro_sign.depositing.depositing import deposit
from repro_sign.depositing.request import PARTS, Deposited, DepositRequest
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.verifying import Engine, VerifyRequest

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("deposit")
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--source",
    type=_FOLDER,
    help="A checkout that has the signed commit (default: the one around the image).",
)
@click.option(
    "--outputs", "results", type=_FOLDER, help="Where the result files lie that the manifest names."
)
@click.option(
    "--without",
    type=click.Choice(PARTS),
    multiple=True,
    help="Leave this part out.",
)
@click.option(
    "--link", is_flag=True, help="Link the image instead of copying it: both are then one file."
)
@title_option
@author_option
@doi_option
@url_option
@belief_options
@json_option
@output_options
def command(
    *,
    image: Path,
    folder: Path,
    source: Path | None,
    results: Path | None,
    without: tuple[str, ...],
    link: bool,
    title: str | None,
    authors: tuple[str, ...],
    doi: str | None,
    url: str | None,
    belief: Belief,
    json_: bool,
) -> None:
    """Put IMAGE and all that a reader needs into the new folder DIR, ready for an archive.

    That is its manifests, the signers' public keys, an archive of the signed commit, lists of
    dependencies, result files, a README and RO-Crate metadata. IMAGE is verified before, and DIR
    as a reader will verify it before it gets its name.
    """
    verify = VerifyRequest(
        policy=belief.policy,
        given=belief.given,
        chains=belief.chains,
        engine=Engine.NATIVE,
        progress=progress_of("verifying"),
    )
    particulars = Particulars(title, authors, doi, url)
    asked = frozenset(without)
    request = DepositRequest(verify, source, results, asked, link, particulars)
    done = deposit(image, folder, request)
    for remark in done.remarks:
        say(f"repro-sign: note: {remark}")
    if json_:
        click.echo(as_json.to_text(_document(done)))
    else:
        click.echo(_text(done), nl=False)


def _text(done: Deposited) -> str:
    width = max(len(printable(one.path)) for one in done.files)
    lines = [f"{printable(str(done.folder))} is complete, and was verified:"]
    lines += [f"  {printable(one.path):{width}}  {one.what}" for one in done.files]
    lines += ["A reader types there:", f"  {done.cited.command}"]
    return "\n".join((*lines, ""))


def _document(done: Deposited) -> dict[str, object]:
    return {
        "schema": as_json.SCHEMA,
        "folder": str(done.folder),
        "files": [one.path for one in done.files],
        "left_out": list(done.remarks),
        "sha256": done.cited.sha256.hex,
        "identity": str(done.cited.identity),
        "command": done.cited.command,
    }
