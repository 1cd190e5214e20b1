"""`repro-sign key publish`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from repro_sign.cli.options import FINGERPRINT, is_quiet, json_option, output_options
from repro_sign.errors import RefusedError, UsageError
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys
from repro_sign.openpgp.certificate import Certificate
from repro_sign.publishing.folder import publish_in_folder
from repro_sign.publishing.text import texts_of
from repro_sign.publishing.to_key_server import ServerReport, publish_on_server
from repro_sign.publishing.to_web_directory import publish_in_web_directory
from repro_sign.report import as_json, of_publishing
from repro_sign.stores.certificates import own_copy
from repro_sign.system.locations import find_locations
from repro_sign.times import utc_now


@click.command("publish")
@click.argument("fingerprint", type=FINGERPRINT)
@click.option(
    "--to",
    "folder",
    is_flag=False,
    flag_value="keys",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="[DIR]",
    help="Write it into this folder (keys), and into the table of the folder's README.md.",
)
@click.option(
    "--keyserver", metavar="URL", help="Send it to this key server, and look at what it serves."
)
@click.option(
    "--wkd",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write a Web Key Directory into this folder, for the web site of --domain.",
)
@click.option("--domain", help="The domain of the e-mail address, for --wkd.")
@click.option("--text", is_flag=True, help="Print text for the paper, README and CITATION.cff.")
@json_option
@output_options
def command(
    *,
    fingerprint: SignerId,
    folder: Path | None,
    keyserver: str | None,
    wkd: Path | None,
    domain: str | None,
    text: bool,
    json_: bool,
) -> None:
    """Put a public key where its readers find it: in one or several of these ways.

    Only the public half is ever published. A PEM key goes into a folder or into text.
    """
    if folder is None and keyserver is None and wkd is None and not text:
        raise UsageError("say where to publish: --to, --keyserver, --wkd or --text")
    if (wkd is None) != (domain is None):
        raise UsageError("--wkd and --domain go together")
    keys = _find(fingerprint)
    now = utc_now()
    document: dict[str, Any] = dict.fromkeys(("folder", "wkd", "text", "keyserver"))
    show = _nothing if json_ or is_quiet() else _print
    if folder is not None:
        in_folder = publish_in_folder(keys, folder, now)
        document["folder"] = of_publishing.folder_members(in_folder)
        show(of_publishing.folder_lines(in_folder))
    if wkd is not None and domain is not None:
        entries = publish_in_web_directory(_certificate(keys, "--wkd"), wkd, domain)
        document["wkd"] = [of_publishing.entry_members(one) for one in entries]
        show(of_publishing.directory_lines(entries, str(fingerprint)))
    if text:
        texts = texts_of(keys)
        document["text"] = of_publishing.text_members(texts)
        show(of_publishing.text_lines(texts))
    if keyserver is not None:
        report = _publish_on_server(_certificate(keys, "--keyserver"), keyserver)
        document["keyserver"] = of_publishing.server_members(report)
        show(of_publishing.server_lines(report))
    if json_:
        members = {"schema": as_json.SCHEMA, "fingerprint": str(fingerprint), **document}
        click.echo(as_json.to_text(members))
    if keyserver is not None and not report.complete:
        raise RefusedError(
            f"{report.server} serves the key WITHOUT its revocation: who asks there is deceived",
            hint="publish it elsewhere, and ask whoever runs the server",
        )


def _find(fingerprint: SignerId) -> Keys:
    keys = own_copy(find_locations(), fingerprint)
    if not keys:
        raise RefusedError(
            f"no key {fingerprint.grouped()} is here", hint="repro-sign key list shows the keys"
        )
    return keys


def _certificate(keys: Keys, option: str) -> Certificate:
    if not keys.certificates:
        raise RefusedError(
            f"{option} is for OpenPGP keys: a PEM key has no name or address to be found by",
            hint="publish it in a folder (--to) and in text (--text)",
        )
    return keys.certificates[0]


def _publish_on_server(certificate: Certificate, url: str) -> ServerReport:
    from repro_sign.key_sources.keyserver import KeyServer

    return publish_on_server(certificate, KeyServer.parse(url), utc_now())


def _print(lines: Iterable[str]) -> None:
    click.echo("\n".join(lines))


def _nothing(_: Iterable[str]) -> None:
    pass
