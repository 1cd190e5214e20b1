"""`repro-sign trust pins`."""

import click

from repro_sign.cli.options import json_option, output_options
from repro_sign.cli.tables import table
from repro_sign.report import as_json
from repro_sign.stores.memory import RememberedImage, remembered_images
from repro_sign.system.locations import find_locations
from repro_sign.times import readable, rfc3339
from repro_sign.trust.evidence import Memory


@click.command("pins")
@json_option
@output_options
def command(*, json_: bool) -> None:
    """List whose images of which names are remembered.

    verify --remember pins the signer to the image's name at first sight. That makes nobody
    trusted.
    """
    images = remembered_images(find_locations())
    if json_:
        rows = [_members(one) for one in images]
        click.echo(as_json.to_text({"schema": as_json.SCHEMA, "images": rows}))
    elif not images:
        click.echo("nothing is remembered yet; repro-sign verify --remember IMAGE")
    else:
        cells = [
            (one.name, signer.grouped(), _newest(one.memory))
            for one in images
            for signer in sorted(one.memory.signers, key=str)
        ]
        table(("image", "signer", "newest"), cells)


def _newest(memory: Memory) -> str:
    date = max((seen.at for seen in memory.newest.values()), default=None)
    return readable(date) if date else "no date stated"


def _members(one: RememberedImage) -> dict[str, object]:
    newest = sorted(one.memory.newest.items(), key=lambda pair: str(pair[0]))
    return {
        "name": one.name,
        "since": one.since,
        "signers": sorted(map(str, one.memory.signers)),
        "newest": [
            {
                "fingerprint": str(signer),
                "signed_at": rfc3339(seen.at),
                "identity": str(seen.identity),
            }
            for signer, seen in newest
        ],
    }
