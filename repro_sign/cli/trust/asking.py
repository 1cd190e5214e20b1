"""Show somebody to the person at the terminal, and ask whether that is who they mean."""

import click

from repro_sign.cli.confirming import require_terminal
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys
from repro_sign.times import readable

_QUESTION = "Did you compare this fingerprint with one you had from its owner?"


def show_signer(fingerprint: SignerId, keys: Keys, name: str = "", note: str = "") -> None:
    """Show on standard error whom it is about, as far as their key tells."""
    certificate = keys.certificates[0] if keys.certificates else None
    user_id = printable(certificate.user_id) if certificate and certificate.user_id else ""
    lines = [("fingerprint", fingerprint.grouped())]
    lines += [("name", printable(name))] if name else []
    lines += [("note", printable(note))] if note else []
    lines += [("user id", user_id or "(none, or no certificate at hand)")]
    if certificate and certificate.expires:
        lines += [("expires", readable(certificate.expires))]
    if certificate and certificate.revoked:
        lines += [("state", "REVOKED")]
    for label, text in lines:
        click.echo(f"{label:<11}  {text}", err=True)


def needs_terminal() -> None:
    """Raise `UsageError` if there is nobody to ask."""
    require_terminal("whether the fingerprint is right", "compare it yourself, then say --yes")


def confirmed() -> bool:
    """Ask whether the fingerprint that is shown was compared."""
    return click.confirm(_QUESTION, err=True)
