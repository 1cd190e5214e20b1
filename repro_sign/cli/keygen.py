"""`repro-sign keygen`: make a signing key and say what to do with it."""

from pathlib import Path
from typing import Any

import click

from repro_sign.cli.git_identity import git_setting
from repro_sign.cli.health import say_health
from repro_sign.cli.options import (
    json_option,
    out_folder,
    out_option,
    output_options,
    passphrase_option,
    say,
)
from repro_sign.cli.passphrases import ask_passphrase, passphrase_file, read_passphrase
from repro_sign.errors import UsageError
from repro_sign.escaping import printable
from repro_sign.key_request import KeyRequest, check_passphrase, check_request, default_store
from repro_sign.keygen import NewKeyReport, generate_key
from repro_sign.known_keys import read_keys
from repro_sign.openpgp.certificate import MAX_CERTIFICATE_BYTES
from repro_sign.report import as_json
from repro_sign.stores.exposure import places_of
from repro_sign.stores.secret_keys import SECRET_STORES, Store
from repro_sign.system.files import read_small
from repro_sign.system.locations import Locations, find_locations
from repro_sign.times import readable, utc_now


@click.command("keygen")
@click.option("--name", help="Your name (default: git's).")
@click.option("--email", help="Your e-mail address (default: git's).")
@click.option("--comment", default="", help="A word on what the key is for.")
@click.option(
    "--anonymous",
    is_flag=True,
    help="A key without a name or address, to sign for double-blind review.",
)
@click.option(
    "--store",
    type=click.Choice([one.value for one in SECRET_STORES]),
    help="Where the key lives (default: Apptainer's ring if Apptainer is installed).",
)
@click.option("--expires", metavar="3y|never|DATE", help="When the key ends (default: 3y).")
@passphrase_option
@click.option("--no-passphrase", is_flag=True, help="Store the secret key unprotected.")
@out_option
@json_option
@output_options
def command(
    *,
    name: str | None,
    email: str | None,
    comment: str,
    anonymous: bool,
    store: str | None,
    expires: str | None,
    passphrase_file: Path | None,
    no_passphrase: bool,
    out: Path | None,
    json_: bool,
) -> None:
    """Make a key to sign images with.

    Also writes its public key for your readers, and a revocation certificate for the day when
    the key is lost or stolen.
    """
    now = utc_now()
    chosen = Store(store) if store else default_store()
    if anonymous and (name or email or comment):
        raise UsageError("--anonymous excludes --name, --email and --comment")
    named = chosen is not Store.PEM and not anonymous
    if not (named or anonymous) and (name or email or comment):
        say("repro-sign: note: a PEM key carries no name; --name, --email, --comment are not used")
    request = KeyRequest(
        name=name or (_from_git("user.name", "--name") if named else ""),
        email=email or (_from_git("user.email", "--email") if named else ""),
        comment=comment,
        store=chosen,
        expires=expires,
        out=out_folder(out),
        anonymous=anonymous,
    )
    check_request(request, chosen, now, passphrase_follows=True)
    passphrase = None if no_passphrase else _new_passphrase(passphrase_file)
    if no_passphrase and passphrase_file is not None:
        raise UsageError("--no-passphrase and --passphrase-file exclude each other")
    where = find_locations()
    report = generate_key(request.protected_by(passphrase), where, now)
    _say_health(report, where, encrypted=passphrase is not None)
    click.echo(as_json.to_text(_document(report)) if json_ else _text(report))


def _say_health(report: NewKeyReport, where: Locations, *, encrypted: bool) -> None:
    """Examine the key as its readers will see it: the file that was written for them."""
    keys = read_keys(read_small(report.public_key, MAX_CERTIFICATE_BYTES * 2, "key"), "the new key")
    say_health(
        printable(report.user_id) if report.user_id else report.fingerprint.grouped(),
        keys.certificates[0] if keys.certificates else keys.public_keys[0],
        secret_in=(report.store,),
        encrypted=encrypted,
        places=places_of(where, report.store),
    )


def _from_git(setting: str, option: str) -> str:
    """Ask git for a setting of the user's."""
    value = git_setting(setting)
    if value is None:
        raise UsageError(f"{option} is needed: git has no {setting} to take it from")
    return value


def _new_passphrase(option: Path | None) -> str:
    path = passphrase_file(option)
    passphrase = (
        read_passphrase(path)
        if path is not None
        else ask_passphrase("Passphrase for the new key", twice=True)
    )
    check_passphrase(passphrase)
    return passphrase


def _document(report: NewKeyReport) -> dict[str, Any]:
    return {
        "schema": as_json.SCHEMA,
        "fingerprint": str(report.fingerprint),
        "public_key": str(report.public_key),
        "revocation_certificate": _path(report.revocation_certificate),
        "store": report.store.value,
        **({"secret_key": str(report.secret_key)} if report.secret_key else {}),
    }


def _path(path: Path | None) -> str | None:
    return str(path) if path else None


def _text(report: NewKeyReport) -> str:
    home = {Store.APPTAINER: "in Apptainer's ring", Store.GNUPG: "in GnuPG", Store.PEM: "as PEM"}
    ends = f"until {readable(report.expires)}" if report.expires else "never expires"
    lines = [f"New {report.algorithm} key {home[report.store]}, {ends}"]
    if report.user_id:
        lines.append(f"  for          {printable(report.user_id)}")
    lines.append(f"  fingerprint  {report.fingerprint.grouped()}")
    lines.append(f"  public key   {printable(str(report.public_key))}")
    steps = [
        "print the fingerprint in your paper: it is what readers will hold against it",
        "publish the public key file, beside your images for example",
    ]
    if report.revocation_certificate:
        lines.append(f"  revocation   {printable(str(report.revocation_certificate))}")
        steps.append("keep the revocation file where only you can read it, on paper or a stick")
    if report.secret_key:
        lines.append(f"  secret key   {printable(str(report.secret_key))}")
        steps.append("keep a copy of the secret key file: nothing can replace or revoke it")
    steps.append("repro-sign sign IMAGE.sif")
    lines.append("What to do next:")
    lines += [f"  {number}. {step}" for number, step in enumerate(steps, start=1)]
    return "\n".join(lines)
