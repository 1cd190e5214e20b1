"""Fixtures: the real programs, accounts with homes of their own, keys and images made by them.

Nothing here imitates a program. A test that needs one that is missing is skipped, unless
`--require-tools` says that every program has to be there (as CI does).
"""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from repro_sign.hashing import available_cores
from tests.account import Account, Signer
from tests.described import Describer
from tests.forge import Forge, siftool, signed_text
from tests.programs import PROJECT, tools_path
from tests.rings import Ring, make_ring
from tests.versions import Versions

os.environ["PATH"] = tools_path()

# A shell has Ctrl-C ignored by what it starts in the background, and by all that this starts.
# Tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine fails no property. CI tries the same examples each time: what it says is about the
# change. Everybody else's runs look further.
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tests")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: for a third of their time tests wait for others."""
    return available_cores() + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-tools",
        action="store_true",
        help="fail instead of skipping where a program is missing",
    )


@pytest.fixture(scope="session")
def need(request: pytest.FixtureRequest) -> "Need":
    """Ask for programs: `need("apptainer")`."""
    return Need(required=bool(request.config.getoption("--require-tools")))


class Need:
    """Skips a test whose programs are missing, or fails it where they have to be there."""

    def __init__(self, *, required: bool) -> None:
        self._required = required

    def __call__(self, *programs: str) -> None:
        missing = [name for name in programs if shutil.which(name) is None]
        if missing and self._required:
            pytest.fail(f"missing: {', '.join(missing)} (scripts/tools installs them)")
        if missing:
            pytest.skip(f"missing: {', '.join(missing)} (scripts/tools installs them)")

    def file(self, path: Path) -> Path:
        """Ask for a file that scripts/tools fetches."""
        if not path.exists() and self._required:
            pytest.fail(f"missing: {path} (scripts/tools fetches it)")
        if not path.exists():
            pytest.skip(f"missing: {path} (scripts/tools fetches it)")
        return path


@pytest.fixture(scope="session")
def base_image(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an unsigned image, built by the real Apptainer. Copy it before changing it."""
    need("apptainer", "mksquashfs", "busybox")
    image = tmp_path_factory.mktemp("image") / "base.sif"
    Account.run_program([str(PROJECT / "scripts" / "make-image"), str(image)])
    return image


@pytest.fixture
def image(base_image: Path, tmp_path: Path) -> Path:
    """Give a fresh unsigned image, `climate.sif`, in a folder of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Path(shutil.copy(base_image, folder / "climate.sif"))


@pytest.fixture(scope="session")
def newer_image(base_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give another unsigned image than `base_image`."""
    image = tmp_path_factory.mktemp("newer") / "newer.sif"
    Account.run_program([str(PROJECT / "scripts" / "make-image"), str(image), "newer"])
    return image


@pytest.fixture
def versions(base_image: Path, newer_image: Path, tmp_path: Path) -> Versions:
    """Give fresh unsigned copies of both."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    return Versions(
        Path(shutil.copy(base_image, tmp_path / "old" / "climate.sif")),
        Path(shutil.copy(newer_image, tmp_path / "new" / "climate.sif")),
    )


@pytest.fixture
def account() -> Iterator[Account]:
    """Give an account with an empty home."""
    with Account.new() as one:
        yield one


@pytest.fixture(scope="session")
def ada(need: Need) -> Iterator[Signer]:
    """Give an author whose key, without passphrase, is in Apptainer's ring."""
    need("apptainer", "gpg")
    with Account.new() as one:
        yield one.make_signer("Ada Author", "ada@uni.example", "apptainer")


@pytest.fixture(scope="session")
def grace(need: Need) -> Iterator[Signer]:
    """Give an author whose key, without passphrase, is in GnuPG."""
    need("gpg")
    with Account.new() as one:
        yield one.make_signer("Grace Writer", "grace@lab.example", "gnupg")


@pytest.fixture(scope="session")
def mallory(need: Need) -> Iterator[Signer]:
    """Give a stranger, who has a key in GnuPG."""
    need("gpg")
    with Account.new() as one:
        yield one.make_signer("Mallory Stranger", "mallory@evil.example", "gnupg")


@pytest.fixture(params=["apptainer", "gnupg"])
def author(request: pytest.FixtureRequest) -> Signer:
    """Give each of the two authors in turn: a key in Apptainer's ring, one in GnuPG."""
    name = {"apptainer": "ada", "gnupg": "grace"}[request.param]
    signer = request.getfixturevalue(name)
    assert isinstance(signer, Signer)
    return signer


@pytest.fixture(scope="session")
def author_of_manifests() -> Iterator[Describer]:
    """Give an author with a PEM key, who writes manifests that say what an image was made from."""
    with Describer.new() as one:
        yield one


@pytest.fixture(scope="session")
def full_ring(need: Need) -> Iterator[Ring]:
    """Give a ring with five keys of all kinds. Copy it before changing it: see `ring`."""
    need("apptainer", "gpg")
    with Account.new() as one:
        yield make_ring(one)


@pytest.fixture
def ring(full_ring: Ring) -> Iterator[Ring]:
    """Give a ring with five keys of all kinds, in an account of its own."""
    with full_ring.copy() as one:
        yield one


@pytest.fixture
def forge(need: Need) -> Iterator[Forge]:
    need("gpg", "siftool")
    with Account.new() as one:
        yield Forge(one)


@pytest.fixture
def text(grace: Signer, base_image: Path, tmp_path: Path) -> bytes:
    """Give the text that everybody signs who signs the image."""
    (folder := tmp_path / "text").mkdir()
    copy = Path(shutil.copy(base_image, folder / "climate.sif"))
    (number,) = grace.sign(copy, "--no-manifest").json["images"][0]["added"]
    return signed_text(siftool("dump", str(number), copy))
