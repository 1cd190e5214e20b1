"""`repro-sign cite`: an image for the paper, the artifact's form, the archive."""

from dataclasses import replace
from pathlib import Path

import click

from repro_sign.citing.cited import Cited, Particulars, cited_of, doi_of, url_of
from repro_sign.citing.forms import FORMS, cite
from repro_sign.cli.options import json_option, output_options
from repro_sign.cli.progress import progress_of
from repro_sign.cli.verify.believing import Belief, belief_options
from repro_sign.errors import NoAnswerError
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.times import rfc3339
from repro_sign.trust.verdict import VerdictWord
from repro_sign.verifying import Engine, VerifyRequest, verify_image


def _checked(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Take a DOI or a web address, or fail as a usage error."""
    if value is None:
        return None
    try:
        return doi_of(value) if param.name == "doi" else url_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param=param) from error


title_option = click.option("--title", metavar="TEXT", help="The title of the work.")
author_option = click.option(
    "--author", "authors", multiple=True, metavar="NAME", help="An author of the work."
)
doi_option = click.option(
    "--doi", callback=_checked, metavar="DOI", help="Its DOI, as the archive gave it."
)
url_option = click.option("--url", callback=_checked, metavar="URL", help="Where to get the image.")


@click.command("cite")
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "form",
    type=click.Choice(list(FORMS)),
    default="text",
    show_default=True,
    help="What the text is for.",
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
    form: str,
    title: str | None,
    authors: tuple[str, ...],
    doi: str | None,
    url: str | None,
    belief: Belief,
    json_: bool,
) -> None:
    """Print what is to be written of IMAGE where it is cited.

    IMAGE is verified first, whole; nothing is said of one that is not verified. What is not known
    is left in capitals, to be filled in.
    """
    request = VerifyRequest(
        policy=belief.policy,
        given=belief.given,
        chains=belief.chains,
        deep=True,
        engine=Engine.NATIVE,
        progress=progress_of("verifying"),
    )
    request = replace(request, surroundings=replace(request.surroundings, look_at_machine=False))
    report = verify_image(image, request)
    if report.verdict.word is VerdictWord.UNKNOWN:
        raise NoAnswerError(printable(report.verdict.reasons[0].message))
    cited = cited_of(report)
    text = cite(cited, form, Particulars(title, authors, doi, url))
    if json_:
        click.echo(as_json.to_text({**_document(cited), "form": form, "text": text}))
    else:
        click.echo(text, nl=False)


def _document(cited: Cited) -> dict[str, object]:
    return {
        "schema": as_json.SCHEMA,
        "name": cited.name,
        "size": cited.size,
        "sha256": cited.sha256.hex,
        "identity": str(cited.identity),
        "fingerprints": [str(signer) for signer, _ in cited.signers],
        "signed_at": rfc3339(cited.signed) if cited.signed else None,
        "command": cited.command,
    }
