"""`repro-sign ecl check`."""

from pathlib import Path
from typing import Final

import click

from repro_sign.cli.ecl.keyring import keyring_option, ring_for
from repro_sign.cli.exit_codes import ExitCode
from repro_sign.cli.options import EXISTING_FILE, is_quiet, json_option, output_options, say
from repro_sign.cli.progress import progress_of
from repro_sign.ecl.checking import EclAnswer, Ruling, check_folder
from repro_sign.ecl.control_list import ControlList, read_control_list
from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import printable
from repro_sign.report import as_json, of_ecl
from repro_sign.times import utc_now

_COLOURS: Final = {Ruling.RUNS: "green", Ruling.REFUSED: "red", Ruling.UNPREDICTED: "magenta"}


@click.command("check")
@click.argument("path", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--ecl", type=EXISTING_FILE, required=True, metavar="FILE", help="The control list to try."
)
@keyring_option
@json_option
@output_options
@click.pass_context
def command(
    ctx: click.Context, *, path: Path, ecl: Path, keyring: Path | None, json_: bool
) -> None:
    """Say which images in DIR a control list would refuse, and why; nothing is run.

    The images have to lie where they would be run from. Exit status: 0 all of them would run,
    1 some would be refused, 3 of some it can't be said.
    """
    control = _loaded(ecl)
    ring = ring_for(ecl, keyring)
    if ring is None:
        say("repro-sign: note: there is no key ring beside the list: no key is known (--keyring)")
    answers: list[EclAnswer] = []
    for one in check_folder(path, control, ring or (), utc_now(), progress_of("checking")):
        answers.append(one)
        if not json_ and not (is_quiet() and one.ruling is Ruling.RUNS):
            click.echo(of_ecl.answer(one, _paint))
    if json_:
        click.echo(as_json.to_text(of_ecl.document(answers)))
    elif not is_quiet():
        click.echo(of_ecl.summary(answers))
    ctx.exit(_status(answers))


def _loaded(ecl: Path) -> ControlList:
    try:
        return read_control_list(ecl)
    except MalformedError as error:
        raise RefusedError(
            f"Apptainer can't load {printable(str(ecl))} ({error}): there would be no control"
            " list, and every image would run",
            hint="repro-sign ecl lint says more",
        ) from error


def _status(answers: list[EclAnswer]) -> ExitCode:
    found = {one.ruling for one in answers}
    if Ruling.REFUSED in found:
        return ExitCode.FAILED
    return ExitCode.UNKNOWN if Ruling.UNPREDICTED in found else ExitCode.VERIFIED


def _paint(text: str, ruling: Ruling) -> str:
    return click.style(text, fg=_COLOURS[ruling], bold=True)
