"""`repro-sign doctor`: what is installed, which keys, what is wrong and how to mend it."""

import click

from repro_sign.cli.exit_codes import ExitCode
from repro_sign.cli.options import json_option, output_options
from repro_sign.doctoring import State, examine_machine
from repro_sign.report import as_json
from repro_sign.system.locations import find_locations
from repro_sign.times import utc_now


@click.command("doctor")
@json_option
@output_options
@click.pass_context
def command(ctx: click.Context, *, json_: bool) -> None:
    """Say what is installed, which keys there are, what is wrong and how to mend it.

    Exit status 1 if something is wrong.
    """
    observations = tuple(examine_machine(find_locations(), utc_now()))
    if json_:
        rows = [
            {
                "state": one.state.value,
                "about": one.about,
                "message": one.message,
                "remedy": one.remedy,
            }
            for one in observations
        ]
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "observations": rows}))
    else:
        for one in observations:
            click.echo(f"{one.state.value:<6} {one.about:<17} {one.message}")
            if one.remedy:
                click.echo(f"{'':<24} mend: {one.remedy}")
    wrong = any(one.state is State.WRONG for one in observations)
    ctx.exit(ExitCode.FAILED if wrong else ExitCode.VERIFIED)
