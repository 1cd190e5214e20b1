"""`repro-sign ecl lint`."""

from pathlib import Path

import click

from repro_sign.cli.ecl.keyring import keyring_option, ring_for
from repro_sign.cli.exit_codes import ExitCode
from repro_sign.cli.lint import show
from repro_sign.cli.options import EXISTING_FILE, json_option, output_options
from repro_sign.ecl.linting import lint_control_list
from repro_sign.lint.finding import LintLevel
from repro_sign.report import as_json
from repro_sign.report import lint as report
from repro_sign.times import utc_now


@click.command("lint")
@click.argument("file", type=EXISTING_FILE)
@keyring_option
@json_option
@output_options
@click.pass_context
def command(ctx: click.Context, *, file: Path, keyring: Path | None, json_: bool) -> None:
    """Say what in FILE, an ecl.toml, does not do what its writer wants.

    Folders and namespaces are looked at as they are on this machine. Exit status: 0 no problems
    (perhaps advice), 1 problems, 3 a file could not be read.
    """
    findings = lint_control_list(file, utc_now(), ring_for(file, keyring))
    if json_:
        click.echo(as_json.to_text(report.document(findings)))
    else:
        show(str(file), findings)
    problems = any(one.level is LintLevel.PROBLEM for one in findings)
    ctx.exit(ExitCode.FAILED if problems else ExitCode.VERIFIED)
