"""`repro-sign key list`."""

import click

from repro_sign.cli.key.describing import members_of, state_of, tell_silence
from repro_sign.cli.options import json_option, output_options
from repro_sign.cli.tables import table
from repro_sign.escaping import printable
from repro_sign.report import as_json
from repro_sign.stores.listing import survey_keys
from repro_sign.system.locations import find_locations


@click.command("list")
@click.option("--secret", "secret_only", is_flag=True, help="Only keys that can sign.")
@json_option
@output_options
def command(*, secret_only: bool, json_: bool) -> None:
    """List the keys in Apptainer's ring, in GnuPG and in PEM files made here."""
    survey = survey_keys(find_locations())
    tell_silence(survey)
    entries = [one for one in survey.entries if one.secret_in or not secret_only]
    if json_:
        keys = [members_of(one) for one in entries]
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "keys": keys}))
        return
    if not entries:
        click.echo("no keys; make one: repro-sign keygen")
        return
    rows = [
        (
            one.fingerprint.grouped(),
            printable(one.user_id or "(no user id)"),
            one.algorithm,
            f"{one.certificate.created:%Y-%m-%d}" if one.certificate else "-",
            state_of(one),
            one.secret_place or "-",
        )
        for one in entries
    ]
    table(("fingerprint", "user id", "kind", "created", "state", "secret key"), rows)
