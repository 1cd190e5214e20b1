"""`repro-sign trust`: whom this user believes, a module a command."""

from typing import Final

import click

from repro_sign.cli.lazy_group import LazyGroup

_COMMANDS: Final = {
    "add": "Believe the owner of a key, by its full fingerprint, a public key file or a manifest.",
    "list": "List whom you believe.",
    "show": "Show all there is to know about somebody you believe.",
    "remove": "Believe the owner of a key no more.",
    "export": "Write the people you believe, with their keys, as one text.",
    "import": "Believe people from such a text, one by one.",
    "pins": "List whose images of which names are remembered.",
    "forget": "Forget what is remembered of an image's name.",
}


@click.group("trust", cls=LazyGroup, package=__name__, sentences=_COMMANDS)
def command() -> None:
    """Say whom you believe: repro-sign verify trusts these signers."""
