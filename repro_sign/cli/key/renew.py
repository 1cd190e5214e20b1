"""`repro-sign key renew`."""

from pathlib import Path

import click

from repro_sign.cli.key.publishing import publish_steps
from repro_sign.cli.options import (
    FINGERPRINT,
    json_option,
    out_folder,
    out_option,
    output_options,
    passphrase_option,
)
from repro_sign.cli.passphrases import key_passphrase
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.key_life.renewing import RenewReport, key_to_renew, renew_key
from repro_sign.key_request import gpg_expiry
from repro_sign.report import as_json
from repro_sign.system.locations import find_locations
from repro_sign.times import readable, rfc3339, utc_now


@click.command("renew")
@click.argument("fingerprint", type=FINGERPRINT)
@click.option(
    "--expires", metavar="3y|never|DATE", help="When the key ends, from now (default: 3y)."
)
@passphrase_option
@out_option
@json_option
@output_options
def command(
    *,
    fingerprint: SignerId,
    expires: str | None,
    passphrase_file: Path | None,
    out: Path | None,
    json_: bool,
) -> None:
    """Give a key a new end, and write its public key anew, to be published again.

    Also one that has expired. What was signed before stays as good as it was.
    """
    where, folder = find_locations(), out_folder(out)
    gpg_expiry(expires, utc_now())
    key = key_to_renew(where, fingerprint)
    passphrase = key_passphrase(key.name, key.encrypted, passphrase_file)
    report = renew_key(where, key, expires, passphrase, folder, utc_now)
    if json_:
        one = report.certificate
        document = {
            "schema": as_json.SCHEMA,
            "fingerprint": str(one.fingerprint),
            "expires": rfc3339(one.expires) if one.expires else None,
            "public_key": str(report.public_key),
            "learnt": list(report.learnt),
        }
        click.echo(as_json.to_text(document))
        return
    click.echo(_text(report))


def _text(report: RenewReport) -> str:
    one = report.certificate
    ends = f"ends on {readable(one.expires)}" if one.expires else "never ends"
    before = readable(report.before) if report.before else "never"
    lines = [
        f"renewed: {one.fingerprint.grouped()}  {printable(one.user_id or '')}".rstrip(),
        f"  now {ends} (before: {before})",
        f"  public key   {printable(str(report.public_key))}",
        "What to do next:",
        *publish_steps(
            one.fingerprint, "readers who have the old public key see it end on the old date"
        ),
    ]
    return "\n".join(lines)
