"""The option that names the global key ring."""

from pathlib import Path

import click

from repro_sign.cli.options import EXISTING_FILE
from repro_sign.ecl import global_ring
from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.openpgp.certificate import Certificate

keyring_option = click.option(
    "--keyring",
    type=EXISTING_FILE,
    metavar="FILE",
    help="The global key ring (default: global-pgp-public beside the list, if there is one).",
)


def ring_for(ecl: Path, keyring: Path | None) -> tuple[Certificate, ...] | None:
    """Read the key ring that is named, or lies beside the list; None if there is none.

    Raises `NoAnswerError` if it can't be read.
    """
    path = keyring or ecl.with_name(global_ring.FILE_NAME)
    if keyring is None and not path.exists():
        return None
    try:
        return global_ring.read_global_ring(path)
    except MalformedError as error:
        raise NoAnswerError(str(error), hint=error.hint) from error
