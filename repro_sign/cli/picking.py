"""Which key did the user mean? Ask, where there is somebody to ask."""

import sys

import click

from repro_sign.stores.key_choice import AmbiguousKeyError, find_key
from repro_sign.stores.secret_keys import SigningKey
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now


def pick(where: Locations, selector: str | None) -> SigningKey:
    """Return the key that is named, the only one, or the one chosen on the terminal."""
    try:
        return find_key(where, selector, utc_now())
    except AmbiguousKeyError as error:
        if not sys.stdin.isatty():
            raise
        return _choose(error.candidates)


def _choose(candidates: tuple[SigningKey, ...]) -> SigningKey:
    click.echo("Which key?", err=True)
    for number, key in enumerate(candidates, start=1):
        click.echo(f"  {number}  {key.name}  {key.fingerprint.grouped()}  ({key.store})", err=True)
    chosen = click.prompt("Number", type=click.IntRange(1, len(candidates)), err=True)
    return candidates[int(chosen) - 1]
