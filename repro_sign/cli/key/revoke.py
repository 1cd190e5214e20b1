"""`repro-sign key revoke`."""

from pathlib import Path

import click

from repro_sign.cli.confirming import confirm
from repro_sign.cli.key.publishing import publish_steps
from repro_sign.cli.options import (
    EXISTING_FILE,
    FINGERPRINT,
    json_option,
    out_folder,
    out_option,
    output_options,
    passphrase_option,
    yes_option,
)
from repro_sign.cli.passphrases import key_passphrase
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.key_life.revoking import RevokeReport, Revoking, plan_revocation, revoke_key
from repro_sign.openpgp.revoking import RevocationReason
from repro_sign.report import as_json
from repro_sign.system.locations import find_locations
from repro_sign.times import readable, rfc3339


@click.command("revoke")
@click.argument("fingerprint", type=FINGERPRINT)
@click.option(
    "--reason",
    type=click.Choice([one.value for one in RevocationReason]),
    required=True,
    help="compromised: somebody else may have it; superseded: another key takes its place;"
    " retired: it is used no more.",
)
@click.option(
    "--certificate",
    "existing",
    type=EXISTING_FILE,
    help="Use the revocation certificate in this file (secret key or passphrase lost).",
)
@passphrase_option
@out_option
@yes_option
@json_option
@output_options
def command(
    *,
    fingerprint: SignerId,
    reason: str,
    existing: Path | None,
    passphrase_file: Path | None,
    out: Path | None,
    yes: bool,
    json_: bool,
) -> None:
    """End the use of a key for good, and write the public key that says so.

    Revoked as compromised, the key undoes everything it ever signed. Superseded or retired, what
    it signed until now stays good.
    """
    where, folder = find_locations(), out_folder(out)
    plan = plan_revocation(where, fingerprint, RevocationReason(reason), existing)
    _show(plan)
    if not yes and plan.already is None:
        confirm(
            "Revoke this key for good?",
            what="whether this key is to be revoked for good",
            hint="say --yes if you are sure",
            declined="not revoked",
        )
    passphrase = None
    if plan.key is not None:
        passphrase = key_passphrase(plan.key.name, plan.key.encrypted, passphrase_file)
    report = revoke_key(where, plan, passphrase, folder)
    click.echo(as_json.to_text(_document(report)) if json_ else _text(report))


def _show(plan: Revoking) -> None:
    one = plan.certificate
    if plan.already is not None:
        effect = "it is revoked already; every copy here is told"
    elif plan.undoes_all:
        effect = "every signature it ever made will fail, whenever it was made"
    else:
        effect = "signatures made from now on will fail; those made until now stay good"
    click.echo(f"fingerprint  {one.fingerprint.grouped()}", err=True)
    click.echo(f"user id      {printable(one.user_id or '(none)')}", err=True)
    click.echo(f"revoked as   {plan.reason}: {effect}", err=True)


def _document(report: RevokeReport) -> dict[str, object]:
    return {
        "schema": as_json.SCHEMA,
        "fingerprint": str(report.certificate.fingerprint),
        "reason": report.revocation.reason_words,
        "revoked_at": rfc3339(report.revocation.created),
        "public_key": str(report.public_key),
        "revocation_certificate": str(report.revocation_certificate),
        "learnt": list(report.learnt),
    }


def _text(report: RevokeReport) -> str:
    one, revocation = report.certificate, report.revocation
    if revocation.hard:
        seen = "failed, whenever it was signed"
    else:
        seen = f"good if signed before {readable(revocation.created)} (it is noted), else failed"
    lines = [
        f"revoked: {one.fingerprint.grouped()}  {printable(one.user_id or '')}".rstrip(),
        f"  reason       {revocation.words}",
        f"  told         {', '.join(report.learnt) or 'nobody here who did not know'}",
        f"  public key   {printable(str(report.public_key))}",
        f"What readers see of an image signed with it, once they know: {seen}",
        "What to do next:",
        *publish_steps(one.fingerprint, "readers go on believing the key"),
    ]
    return "\n".join(lines)
