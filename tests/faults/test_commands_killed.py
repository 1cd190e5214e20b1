"""Every other command that changes what is kept is killed, or the disk is full, at each change.

Whatever happens, what was there before is there or what is to be, and running it again completes
it. `sign`, `keygen`, rings, memories and deposits have files of their own.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.faults import calls_of, run_with_fault
from tests.rings import PUBLIC

NAMES = ("write", "pwrite64", "rename", "link", "linkat", "unlink", "fsync", "fdatasync")
SETTINGS = Path(".config/repro-sign")
LOCK, KEYS = Path("work/repro-sign.lock"), Path("keys")


@dataclass(frozen=True)
class Stage:
    """A reader who trusts Grace, her two signed images, and the public keys of both authors."""

    account: Account
    ada: Signer
    grace: Signer

    @property
    def home(self) -> Path:
        return self.account.home

    @property
    def images(self) -> tuple[Path, Path]:
        return self.home / "work/climate.sif", self.home / "work/ocean.sif"

    def trusted(self) -> set[str]:
        rows = self.account.ok("trust", "list", "--json").json["signers"]
        return {str(row["name"]) for row in rows}

    def ring(self) -> str:
        return self.account.program("gpg", "--show-keys", self.home / PUBLIC).out

    def verdict(self, image: Path) -> str:
        return str(self.account.verify(image, "--engine", "native").image["verdict"])


Words = tuple[str | Path, ...]


@dataclass(frozen=True)
class Case:
    """A command, and the folder it changes; `before` makes it ready.

    `sound` has to hold whatever happened, `done` when the command has been run again.
    """

    folder: Path
    argv: Callable[[Stage], Words]
    sound: Callable[[Stage], bool]
    done: Callable[[Stage], bool]
    before: Callable[[Stage], object] = lambda _stage: None


def is_lock_whole(one: Stage) -> bool:
    """The lock file pins the first image, whether or not it pins the second."""
    return bool(one.account.run("verify", "--lock", one.home / LOCK, one.images[0]).status == 0)


def published(one: Stage) -> str:
    """Give the folder's table, with fingerprints in one piece."""
    return "".join((one.home / KEYS / "README.md").read_text().split())


def keys_are_whole(one: Stage) -> bool:
    """Each file is a whole key, and the table names Grace's."""
    for path in (one.home / KEYS).glob("*.asc"):
        one.account.program("gpg", "--show-keys", path)
    return one.grace.fingerprint in published(one)


def export_people(one: Stage) -> None:
    with Account.new() as other:
        other.ok("trust", "add", one.ada.public_key, "--yes", "--as", "Ada")
        text = other.ok("trust", "export").out
    (one.home / "people.toml").write_text(text)


def publish_grace(one: Stage) -> None:
    for who in (one.ada, one.grace):
        one.account.ok("key", "import", who.public_key, "--store", "apptainer")
    one.account.ok("key", "publish", one.grace.fingerprint, "--to", one.home / KEYS)


CASES = {
    "trust add": Case(
        SETTINGS,
        lambda one: ("trust", "add", one.ada.public_key, "--yes", "--as", "Ada"),
        lambda one: {"Grace"} <= one.trusted() <= {"Grace", "Ada"},
        lambda one: one.trusted() == {"Grace", "Ada"},
    ),
    "trust remove": Case(
        SETTINGS,
        lambda one: ("trust", "remove", one.ada.fingerprint),
        lambda one: {"Grace"} <= one.trusted() <= {"Grace", "Ada"},
        lambda one: one.trusted() == {"Grace"},
        lambda one: one.account.ok("trust", "add", one.ada.public_key, "--yes", "--as", "Ada"),
    ),
    "trust import": Case(
        SETTINGS,
        lambda one: ("trust", "import", one.home / "people.toml", "--yes"),
        lambda one: {"Grace"} <= one.trusted() <= {"Grace", "Ada"},
        lambda one: one.trusted() == {"Grace", "Ada"},
        export_people,
    ),
    "key import": Case(
        PUBLIC.parent,
        lambda one: ("key", "import", one.grace.public_key, "--store", "apptainer"),
        lambda one: one.ada.fingerprint in one.ring(),
        lambda one: {one.ada.fingerprint, one.grace.fingerprint} <= set(one.ring().split()),
        lambda one: one.account.ok("key", "import", one.ada.public_key, "--store", "apptainer"),
    ),
    "lock": Case(
        LOCK.parent,
        lambda one: ("lock", "--update", "--yes", "--out", one.home / LOCK),
        is_lock_whole,
        lambda one: one.account.run("verify", "--lock", one.home / LOCK).status == 0,
        lambda one: one.account.ok("lock", "--out", one.home / LOCK, one.images[0]),
    ),
    "key publish": Case(
        KEYS,
        lambda one: ("key", "publish", one.ada.fingerprint, "--to", one.home / KEYS),
        keys_are_whole,
        lambda one: all(who.fingerprint in published(one) for who in (one.ada, one.grace)),
        publish_grace,
    ),
    "audit": Case(
        SETTINGS,
        lambda one: ("audit", one.home / "work", "--jobs", "1"),
        lambda one: one.trusted() == {"Grace"},
        lambda one: one.account.run("audit", one.home / "work").status == 0,
    ),
}


@pytest.fixture
def stage(
    account: Account, ada: Signer, grace: Signer, image: Path, newer_image: Path, need: Need
) -> Stage:
    need("strace", "apptainer", "gpg")
    one = Stage(account, ada, grace)
    one.images[0].parent.mkdir()
    for source, place in zip((image, newer_image), one.images, strict=True):
        grace.sign(Path(shutil.copy(source, place)))
    account.ok("trust", "add", grace.public_key, "--yes", "--as", "Grace")
    return one


def fresh(one: Stage, folder: Path) -> Iterator[None]:
    """Put the folder back as it was, again and again."""
    place, saved = one.home / folder, one.home / "saved"
    place.mkdir(parents=True, exist_ok=True)
    shutil.copytree(place, saved)
    while True:
        shutil.rmtree(place)
        shutil.copytree(saved, place)
        yield


@pytest.mark.parametrize("name", CASES)
def test_killed_or_on_a_full_disk_it_loses_nothing_and_the_next_run_completes_it(
    stage: Stage, name: str
) -> None:
    case = CASES[name]
    case.before(stage)
    folders, argv = (stage.home / case.folder,), case.argv(stage)
    states = fresh(stage, case.folder)
    next(states)
    calls = calls_of(stage.account, folders, *argv, names=NAMES)
    assert case.done(stage)
    assert {"write", "pwrite64"} & {one.name for one in calls}
    for call in calls:
        for fault in ("signal=KILL", "error=ENOSPC"):
            if fault != "signal=KILL" and call.name == "unlink":
                continue
            next(states)
            result = run_with_fault(stage.account, call, fault, folders, *argv)
            assert "Traceback" not in result.err, (call, result.err)
            if fault == "signal=KILL":
                assert result.status == -9, call
            elif "write" in call.name:
                assert result.status in (1, 3), (call, result)
                assert "repro-sign: hint: " in result.err, (call, result.err)
            assert case.sound(stage), (call, fault)
            again = stage.account.run(*argv)
            assert again.status == 0 or "remove" in argv, (call, fault, again.err)
            assert case.done(stage), (call, fault)


def test_a_withdrawal_that_is_killed_is_there_or_not_and_the_next_run_completes_it(
    grace: Signer, image: Path, account: Account, need: Need
) -> None:
    need("strace", "gpg")
    grace.sign(image)
    account.ok("trust", "add", grace.public_key, "--yes")
    argv = ("withdraw", image, "--reason", "the seed was wrong", "--yes")
    folder = image.parent

    def notices() -> list[Path]:
        return list(folder.glob("*.withdrawn.asc"))

    calls = calls_of(grace.account, (folder,), *argv, names=NAMES)
    for call in calls:
        for fault in ("signal=KILL", "error=ENOSPC"):
            for one in notices():
                one.unlink()
            result = run_with_fault(grace.account, call, fault, (folder,), *argv)
            assert "Traceback" not in result.err
            assert account.verify(image).status == (1 if notices() else 0), (call, fault)
            grace.account.ok(*argv)
            assert account.verify(image).status == 1
            left = {one.name for one in folder.iterdir()} - {one.name for one in notices()}
            assert left == {image.name, f"{image.name}.manifest.asc"}, (call, fault)
