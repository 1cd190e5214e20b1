"""`repro-sign key show`."""

import click

from repro_sign.cli.health import as_lines, as_members, health_of
from repro_sign.cli.key.describing import members_of, state_of, tell_silence
from repro_sign.cli.options import FINGERPRINT, json_option, output_options
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.report import as_json
from repro_sign.stores.listing import survey_keys
from repro_sign.system.locations import find_locations
from repro_sign.times import readable


@click.command("show")
@click.argument("fingerprint", type=FINGERPRINT)
@json_option
@output_options
def command(*, fingerprint: SignerId, json_: bool) -> None:
    """Show all there is to know about one key."""
    where = find_locations()
    survey = survey_keys(where)
    entry = survey.entry(fingerprint)
    health = health_of(entry, where)
    if not entry.secret_in:
        tell_silence(survey)
    if json_:
        key = {**members_of(entry), "health": as_members(health)}
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "key": key}))
        return
    one = entry.certificate
    click.echo(entry.fingerprint.grouped())
    for user_id in one.user_ids if one else ():
        click.echo(f"  user id   {printable(user_id)}")
    click.echo(f"  kind      {entry.algorithm}")
    if one:
        click.echo(f"  created   {readable(one.created)}")
        click.echo(f"  expires   {readable(one.expires) if one.expires else 'never'}")
    click.echo(f"  state     {state_of(entry)}")
    click.echo(f"  public    {entry.public_place or '-'}")
    click.echo(f"  secret    {entry.secret_place or 'not here'}")
    for line in as_lines(health):
        click.echo(line)
