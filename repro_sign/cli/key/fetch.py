"""`repro-sign key fetch`."""

from typing import Any

import click

from repro_sign.cli.exit_codes import ExitCode
from repro_sign.cli.options import (
    FINGERPRINT,
    explain,
    is_quiet,
    json_option,
    output_options,
    say,
)
from repro_sign.errors import NoAnswerError, NotServedError, ReproSignError, UsageError
from repro_sign.escaping import printable
from repro_sign.fetching import FetchReport, KeySource, fetch_key, refresh_kept
from repro_sign.fingerprint import SignerId
from repro_sign.key_sources.keyserver import DEFAULT_KEY_SERVER, KeyServer
from repro_sign.key_sources.published_keys import PublishedKeys
from repro_sign.key_sources.web_key_directory import WebKeyDirectory
from repro_sign.report import as_json, of_fetching
from repro_sign.system.locations import find_locations
from repro_sign.times import utc_now


@click.command("fetch")
@click.argument("fingerprint", type=FINGERPRINT, required=False)
@click.option("--all", "all_", is_flag=True, help="Ask for every OpenPGP key that is kept here.")
@click.option(
    "--keyserver", metavar="URL", help=f"Ask this key server (default: {DEFAULT_KEY_SERVER})."
)
@click.option("--wkd", is_flag=True, help="Ask the web site of its owner's e-mail address.")
@click.option("--email", help="The e-mail address, for --wkd (default: those of its user ids).")
@click.option(
    "--from", "place", metavar="FOLDER|FILE|URL", help="Take it from where somebody published it."
)
@json_option
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    fingerprint: SignerId | None,
    all_: bool,
    keyserver: str | None,
    wkd: bool,
    email: str | None,
    place: str | None,
    json_: bool,
) -> None:
    """Ask for a public key by its full fingerprint, and merge what is new about it.

    Every store here that holds the key learns that it was revoked or renewed. Nobody becomes
    trusted by it: see repro-sign trust add.
    """
    if (fingerprint is None) != all_:
        raise UsageError("name one fingerprint, or say --all")
    if email is not None and (not wkd or all_):
        raise UsageError("--email goes with --wkd and one fingerprint")
    source = _source(keyserver, wkd=wkd, place=place)
    say(f"repro-sign: asking {printable(source.name)}")
    now, where = utc_now(), find_locations()
    status: int = ExitCode.VERIFIED
    entries: list[dict[str, Any]] = []
    if fingerprint is not None:
        report = fetch_key(fingerprint, source, where, now, email)
        entries.append(_tell(report, json_=json_))
    else:
        for one in refresh_kept(source, where, now, one_place=not wkd):
            if isinstance(one, FetchReport):
                entries.append(_tell(one, json_=json_))
                continue
            status = _gravest(status, one[1])
            entries.append(of_fetching.failed_members(*one))
            if not json_:
                _explain(one[1])
    if json_:
        document = {"schema": as_json.SCHEMA, "source": source.name, "keys": entries}
        click.echo(as_json.to_text(document))
    elif not is_quiet():
        click.echo("Nobody is trusted by this: repro-sign trust add says whom you believe.")
    ctx.exit(status)


def _source(keyserver: str | None, *, wkd: bool, place: str | None) -> KeySource:
    if sum((keyserver is not None, wkd, place is not None)) > 1:
        raise UsageError("--keyserver, --wkd and --from exclude each other")
    if wkd:
        return WebKeyDirectory()
    if place is not None:
        return PublishedKeys(place)
    return KeyServer.parse(keyserver or DEFAULT_KEY_SERVER)


def _tell(report: FetchReport, *, json_: bool) -> dict[str, Any]:
    if not json_ and not is_quiet():
        click.echo("\n".join(of_fetching.lines(report, utc_now())))
    return of_fetching.members(report)


def _explain(error: ReproSignError) -> None:
    if _is_harmless(error):
        say(f"repro-sign: note: {error}")
    else:
        explain(error)


def _is_harmless(error: ReproSignError) -> bool:
    """A key that the source does not have is no failure: not every key is published there."""
    return isinstance(error, NotServedError | UsageError)


def _gravest(status: int, error: ReproSignError) -> int:
    if _is_harmless(error):
        return status
    if isinstance(error, NoAnswerError):
        return status or ExitCode.UNKNOWN
    return ExitCode.FAILED
