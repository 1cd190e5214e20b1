"""`repro-sign trust forget`."""

from pathlib import PurePath

import click

from repro_sign.cli.options import output_options, say
from repro_sign.errors import UsageError
from repro_sign.escaping import printable
from repro_sign.stores.memory import forget_image
from repro_sign.system.locations import find_locations


@click.command("forget")
@click.argument("name", metavar="NAME")
@output_options
def command(*, name: str) -> None:
    """Forget what is remembered of an image's name.

    NAME is the file's name, without folders. The next verify --remember sees it for the first
    time.
    """
    if name != PurePath(name).name:
        raise UsageError(
            f"{printable(name)} is a path; images are remembered by their file's name",
            hint="repro-sign trust pins lists the names",
        )
    forget_image(find_locations(), name)
    say(f"repro-sign: nothing is remembered of {printable(name)} any more")
