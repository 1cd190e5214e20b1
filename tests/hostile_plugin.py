"""The fixture `world`: an account, keys and images that are full of hostile text."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Need
from tests.hostile_world import World


@pytest.fixture(scope="session")
def world(base_image: Path, need: Need) -> Iterator[World]:
    """Give the account; whoever uses it changes nothing in it."""
    need("apptainer", "gpg")
    with World.new(base_image) as one:
        yield one
