"""The key that a command signs with, made ready: found, its passphrase asked for, unlocked."""

from pathlib import Path

import click

from repro_sign.cli.health import say_health
from repro_sign.cli.passphrases import key_passphrase
from repro_sign.cli.picking import pick
from repro_sign.escaping import printable
from repro_sign.pem.keys import MAX_KEY_BYTES, is_encrypted
from repro_sign.sealing import Sealer
from repro_sign.sealing.preparing import prepare, prepare_file
from repro_sign.stores.exposure import places_of
from repro_sign.system.files import demand_own, read_small
from repro_sign.system.locations import Locations

key_option = click.option(
    "--key",
    "selector",
    metavar="FINGERPRINT|EMAIL|FILE",
    help="The key to sign with: one of yours, or a PEM private key in a file.",
)


def ready_key(where: Locations, selector: str | None, option: Path | None) -> Sealer:
    """Make ready the key in a PEM file, or one from a store.

    `option` is the passphrase file that the caller names. Raises `UsageError` if the selector
    fits no key or several, `RefusedError` if the key is unfit, the passphrase wrong, or the key
    lies where others can put another in its place. What is wrong with a key that is fit is said
    on standard error.
    """
    if selector is not None and (selector.endswith(".pem") or Path(selector).is_file()):
        path = Path(selector)
        encrypted = is_encrypted(read_small(path, MAX_KEY_BYTES, "PEM key"))
        say_health(printable(selector), None, encrypted=encrypted, places=(path,))
        return prepare_file(path, key_passphrase(printable(selector), encrypted, option))
    key = pick(where, selector)
    places = places_of(where, key.store)
    for place in places:
        demand_own(place)
    say_health(
        key.name,
        key.certificate or key.public_key,
        secret_in=(key.store,),
        encrypted=key.encrypted,
        places=places,
    )
    return prepare(key, where, key_passphrase(key.name, key.encrypted, option))
