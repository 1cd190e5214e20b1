"""`repro-sign key rotate`."""

from pathlib import Path

import click

from repro_sign.cli.key.delegate import members_of
from repro_sign.cli.named_keys import named_keys
from repro_sign.cli.options import is_quiet, json_option, output_options, passphrase_option
from repro_sign.cli.ready_key import ready_key
from repro_sign.delegating import rotate
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.system.locations import find_locations
from repro_sign.times import utc_now


@click.command("rotate")
@click.argument("new", metavar="FINGERPRINT|FILE")
@click.option("--key", "selector", metavar="FINGERPRINT|EMAIL|FILE", help="Your old key.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file (default: named by the old key, in this folder).",
)
@passphrase_option
@json_option
@output_options
def command(
    *,
    new: str,
    selector: str | None,
    output: Path | None,
    passphrase_file: Path | None,
    json_: bool,
) -> None:
    """Sign, with your old key, that NEW is your key from now on.

    The statement has force for those whose policy says to follow your rotations; all others have
    to be told the new fingerprint.
    """
    where = find_locations()
    keys = named_keys((new,), where)
    sealer = ready_key(where, selector, passphrase_file)
    report = rotate(keys, sealer, output, utc_now)
    if json_:
        click.echo(as_json.to_text(members_of(report)))
    elif not is_quiet():
        click.echo(f"  old key   {report.signer.grouped()}")
        click.echo(f"  new key   {report.delegates[0].grouped()}")
        click.echo(f"  statement {printable(str(report.path))}  (written)")
