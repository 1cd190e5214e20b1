"""`repro-sign key`: keys in Apptainer's ring, in GnuPG and in PEM files, a module a command."""

from typing import Final

import click

from repro_sign.cli.lazy_group import LazyGroup

_COMMANDS: Final = {
    "list": "List the keys in Apptainer's ring, in GnuPG and in PEM files made here.",
    "show": "Show all there is to know about one key.",
    "export": "Write a public key, armored, to standard output or to a file.",
    "import": "Import public keys. That makes nobody trusted: see repro-sign trust add.",
    "publish": "Put a public key where its readers find it.",
    "fetch": "Ask for a public key, and merge what is new about it.",
    "delegate": "Sign that other people's keys may sign for a project until a day.",
    "rotate": "Sign, with your old key, that another key is yours from now on.",
    "renew": "Give a key a new end, and write its public key anew.",
    "revoke": "End the use of a key for good, and write the public key that says so.",
    "backup": "Save a secret key and its revocation certificate in one encrypted file.",
    "remove": "Take a key out of a store; the last copy of a secret key stays.",
    "restore": "Put a secret key back from its backup. That makes nobody trusted.",
}


@click.group("key", cls=LazyGroup, package=__name__, sentences=_COMMANDS)
def command() -> None:
    """List, show and look after keys, wherever they live."""
