"""Authorities as fixtures: test modules name this module in `pytest_plugins`."""

from collections.abc import Iterator

import pytest

from tests.conftest import Need
from tests.tsa.authority import Authority, Tsa, serve


@pytest.fixture(scope="session")
def clock(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give an authority."""
    need("openssl")
    return Authority(tmp_path_factory.mktemp("clock") / "it", "Example Clock")


@pytest.fixture(scope="session")
def other_clock(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give another authority, which has the same name."""
    need("openssl")
    return Authority(tmp_path_factory.mktemp("clock") / "it", "Example Clock")


@pytest.fixture
def tsa(clock: Authority) -> Iterator[Tsa]:
    """Give that authority, ready to be asked."""
    with serve(clock) as one:
        yield one
