"""The real Apptainer with settings of its own, as a fixture (for `pytest_plugins`)."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.conftest import Need
from tests.ecl_gate import Gate
from tests.programs import TOOLS

_PACKAGE = TOOLS.parent / "root" / "apptainer"


@pytest.fixture(scope="session")
def gate(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Give an installation of the real Apptainer; files that are not settings are hard links."""
    need("apptainer")
    source = need.file(_PACKAGE)
    root = tmp_path_factory.mktemp("gate") / "apptainer"

    def copy(file: str, target: str) -> str:
        if "/etc/" in file.removeprefix(str(source)):
            return str(shutil.copy2(file, target))
        try:
            os.link(file, target, follow_symlinks=False)
        except OSError:
            return str(shutil.copy2(file, target))
        return target

    shutil.copytree(source, root, copy_function=copy, symlinks=True)
    yield Gate(root)
    shutil.rmtree(root)
