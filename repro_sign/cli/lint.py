"""`repro-sign lint`: what in a recipe is not pinned, not checked or not said."""

from pathlib import Path
from typing import Final

import click

from repro_sign.cli.exit_codes import ExitCode
from repro_sign.cli.options import explain, is_quiet, json_option, output_options
from repro_sign.errors import ReproSignError
from repro_sign.lint.finding import LintFinding, LintLevel
from repro_sign.lint.recipe_file import lint_recipe
from repro_sign.report import as_json
from repro_sign.report import lint as report

_COLOURS: Final = {LintLevel.PROBLEM: "red", LintLevel.ADVICE: "yellow"}


@click.command("lint")
@click.argument(
    "recipes", nargs=-1, required=True, metavar="RECIPE...", type=click.Path(path_type=Path)
)
@json_option
@click.option("--sarif", "as_sarif", is_flag=True, help="Print a SARIF 2.1.0 log, for code review.")
@output_options
@click.pass_context
def command(ctx: click.Context, *, recipes: tuple[Path, ...], json_: bool, as_sarif: bool) -> None:
    """Say what in RECIPES is not pinned, not checked or not said.

    A recipe is a definition file, a Dockerfile, a requirements or conda environment file, a
    pyproject.toml, or an image (its definition file is read). Nothing is run or fetched. Exit
    status: 0 no problems (perhaps advice), 1 problems, 3 a file could not be read.
    """
    if json_ and as_sarif:
        raise click.UsageError("--json and --sarif exclude each other")
    findings: list[LintFinding] = []
    unread = 0
    for path in recipes:
        try:
            found = lint_recipe(path)
        except ReproSignError as error:
            explain(error)
            unread += 1
            continue
        findings += found
        if not (json_ or as_sarif):
            show(str(path), found)
    if unread < len(recipes) and json_:
        click.echo(as_json.to_text(report.document(findings)))
    elif unread < len(recipes) and as_sarif:
        click.echo(as_json.to_text(report.sarif(findings)))
    if any(one.level is LintLevel.PROBLEM for one in findings):
        ctx.exit(ExitCode.FAILED)
    ctx.exit(ExitCode.UNKNOWN if unread else ExitCode.VERIFIED)


def show(file: str, findings: tuple[LintFinding, ...]) -> None:
    """Print what was found in a file; when quiet, the problems alone, a line each."""
    if is_quiet():
        for one in findings:
            if one.level is LintLevel.PROBLEM:
                click.echo(report.brief(one, _paint))
        return
    for line in report.as_text(findings, _paint):
        click.echo(line)
    click.echo(report.summary(file, findings))


def _paint(text: str, level: LintLevel) -> str:
    return click.style(text, fg=_COLOURS[level], bold=True)
