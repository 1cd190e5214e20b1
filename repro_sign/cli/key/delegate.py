"""`repro-sign key delegate`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from repro_sign.cli.named_keys import named_keys
from repro_sign.cli.options import is_quiet, json_option, output_options, passphrase_option
from repro_sign.cli.ready_key import ready_key
from repro_sign.delegating import DelegationReport, delegate
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.system.locations import find_locations
from repro_sign.times import readable, utc_now


@click.command("delegate")
@click.argument("delegates", metavar="FINGERPRINT|FILE...", nargs=-1, required=True)
@click.option("--project", required=True, help="The project that they may sign for.")
@click.option(
    "--until",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    required=True,
    help="The last day on which they may.",
)
@click.option("--key", "selector", metavar="FINGERPRINT|EMAIL|FILE", help="Your key.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file (default: named by project and key, in this folder).",
)
@passphrase_option
@json_option
@output_options
def command(
    *,
    delegates: tuple[str, ...],
    project: str,
    until: datetime,
    selector: str | None,
    output: Path | None,
    passphrase_file: Path | None,
    json_: bool,
) -> None:
    """Sign that the owners of other keys may sign for a project until a day.

    The statement has force for those whose policy says to follow your delegations.
    """
    where = find_locations()
    keys = named_keys(delegates, where)
    end = until.replace(hour=23, minute=59, second=59, tzinfo=UTC)
    sealer = ready_key(where, selector, passphrase_file)
    report = delegate(keys, project, end, sealer, output, utc_now)
    if json_:
        click.echo(as_json.to_text({**members_of(report), "until": end.strftime("%Y-%m-%d")}))
    elif not is_quiet():
        names = "\n".join(f"  may sign  {one.grouped()}" for one in report.delegates)
        click.echo(f"{names}\n  for       {printable(project)}, until {readable(end)}")
        click.echo(f"  statement {printable(str(report.path))}  (written)")


def members_of(report: DelegationReport) -> dict[str, object]:
    """Return a report as JSON."""
    return {
        "schema": as_json.SCHEMA,
        "path": str(report.path),
        "fingerprint": str(report.signer),
        "delegates": [str(one) for one in report.delegates],
    }
