"""`repro-sign compare`: how two images or manifests differ; verifies nothing."""

from pathlib import Path
from typing import Final

import click

from repro_sign.cli.exit_codes import ExitCode
from repro_sign.cli.options import is_quiet, json_option, output_options
from repro_sign.cli.progress import progress_of
from repro_sign.comparing.compare import compare
from repro_sign.comparing.result import Comparison, Sameness
from repro_sign.report import as_json, compared_json, compared_text
from repro_sign.system.locations import find_locations

_COLOURS: Final = {
    Sameness.BYTES: "green",
    Sameness.IDENTITY: "green",
    Sameness.CONTENT: "green",
    Sameness.DIFFERENT: "red",
    Sameness.UNKNOWN: "magenta",
}


@click.command("compare")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--ignore-times",
    is_flag=True,
    help="Let differing times count for nothing: is my rebuild the same apart from them?",
)
@json_option
@output_options
@click.pass_context
def command(ctx: click.Context, *, a: Path, b: Path, ignore_times: bool, json_: bool) -> None:
    """Say whether A and B are the same, in which sense, and how they differ.

    Each is an image or a manifest. Exit status: 0 the same, 1 different, 3 could not find out.
    This is no verification: nobody is trusted.
    """
    progress = progress_of("reading")
    found = compare(a, b, find_locations(), ignore_times=ignore_times, progress=progress)
    if json_:
        click.echo(as_json.to_text(compared_json.document(found)))
    else:
        text = compared_text.brief if is_quiet() else compared_text.comparison
        click.echo(text(found, _paint), nl=False)
    ctx.exit(_status(found))


def _paint(text: str, result: Sameness) -> str:
    return click.style(text, fg=_COLOURS[result], bold=True)


def _status(found: Comparison) -> ExitCode:
    if found.result is Sameness.UNKNOWN:
        return ExitCode.UNKNOWN
    return ExitCode.VERIFIED if found else ExitCode.FAILED
