"""The corpus as a fixture: test modules name this module in `pytest_plugins`."""

from collections.abc import Iterator

import pytest

from tests.conftest import Need
from tests.corpus.workshop import Workshop, open_workshop


@pytest.fixture(scope="session")
def workshop(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Give the corpus. All workers of one test run share it."""
    need("apptainer", "siftool", "mksquashfs", "gpg", "openssl")
    folder = tmp_path_factory.getbasetemp()
    if folder.name.startswith("popen-"):  # a worker's own folder lies in one that all share
        folder = folder.parent
    with open_workshop(folder / "corpus") as one:
        yield one
