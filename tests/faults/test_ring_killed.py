"""`key remove`, `renew`, `revoke` and `restore` are killed, or the disk is full, at any call.

The ring has five keys. Whatever happens, the four others are there byte for byte, and the one
that the command is about is as it was, or as it is to be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.account import Result
from tests.conftest import Need
from tests.faults import Call, calls_of, run_with_fault
from tests.rings import PUBLIC, SECRET, Ring

NAMES = ("write", "rename", "link", "linkat", "unlink")
"""Between any two of these calls nothing changes that others can see."""
KIND = "ours, encrypted"
WHOLE = {"pgp-public", "pgp-secret"}


@dataclass(frozen=True)
class Work:
    """A command at a ring, and the key that it is about."""

    ring: Ring
    argv: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.ring.keys[KIND]

    @property
    def folders(self) -> tuple[Path, ...]:
        home = self.ring.account.home
        return (home / SECRET.parent, home / ".config" / "repro-sign", home / "public")

    def calls(self, names: tuple[str, ...] = NAMES) -> list[Call]:
        return calls_of(self.ring.account, self.folders, *self.argv, names=names)

    def fail(self, call: Call, fault: str) -> Result:
        return run_with_fault(self.ring.account, call, fault, self.folders, *self.argv)


@contextmanager
def work(saved: Ring, command: str) -> Iterator[Work]:
    with saved.copy() as ring:
        home, name = ring.account.home, ring.keys[KIND]
        opening = ("--passphrase-file", str(ring.passphrase))
        out = ("--out", str(home / "public"))
        backup = str(home / "backup.asc")
        argv = {
            "remove": ("remove", name, "--yes", "--backup", backup, *opening),
            "renew": ("renew", name, "--expires", "7y", *opening, *out),
            "revoke": ("revoke", name, "--reason", "retired", "--yes", *opening, *out),
            "restore": ("restore", backup, *opening),
        }[command]
        if command == "restore":
            ring.account.ok("key", "remove", name, "--yes", "--backup", backup, *opening)
        yield Work(ring, ("key", *argv))


@pytest.fixture(scope="module")
def saved(full_ring: Ring, need: Need) -> Iterator[Ring]:
    """Give the ring, with a backup of the key beside it."""
    need("strace")
    with full_ring.copy() as ring:
        opening = ("--passphrase-file", ring.passphrase)
        file = ring.account.home / "backup.asc"
        ring.account.ok("key", "backup", ring.keys[KIND], "-o", file, *opening)
        yield ring


def others_are_whole(one: Work, before: dict[str, bytes]) -> None:
    """The four others are as they were; the key itself is there as it was, or not there."""
    after = one.ring.secrets()
    own = after.pop(one.name, None)
    assert own in (None, before.get(one.name))
    if one.argv[1] in ("renew", "revoke"):
        assert own is not None
    assert after == {name: key for name, key in before.items() if name != one.name}
    public = one.ring.account.program("gpg", "--show-keys", one.ring.account.home / PUBLIC).out
    assert all(name in public for name in after)


@pytest.mark.parametrize("command", ["remove", "renew", "revoke", "restore"])
def test_killed_at_any_call_it_loses_no_key_and_the_next_run_completes_it(
    saved: Ring, command: str
) -> None:
    before = saved.secrets()
    with work(saved, command) as one:
        calls = one.calls()
        done = one.ring.secrets()
    ringed = [call for call in calls if "/keys/" in call.shown]
    assert {"write", "rename", "unlink"} <= {call.name for call in ringed}
    for call in calls:
        with work(saved, command) as one:
            result = one.fail(call, "signal=KILL")
            assert result.status == -9, call
            others_are_whole(one, before)
            again = one.ring.account.run(*one.argv)
            gone = command == "remove" and "is in no store" in again.err
            assert again.status == 0 or gone, (call, again)
            assert one.ring.secrets() == done, call
            assert one.ring.files() == WHOLE, call


@pytest.mark.parametrize("command", ["remove", "renew", "revoke", "restore"])
def test_on_a_full_disk_it_says_so_and_loses_no_key(saved: Ring, command: str) -> None:
    before = saved.secrets()
    with work(saved, command) as one:
        calls = one.calls(("write", "link"))
        done = one.ring.secrets()
    assert calls
    for call in calls:
        with work(saved, command) as one:
            result = one.fail(call, "error=ENOSPC")
            assert (result.status, result.out) == (1, ""), call
            assert "No space left on device" in result.err, call
            assert "repro-sign: hint: " in result.err, call
            assert "Traceback" not in result.err, call
            others_are_whole(one, before)
            assert one.ring.files() == WHOLE, call
            one.ring.account.ok(*one.argv)
            assert one.ring.secrets() == done, call


def test_a_ring_that_does_not_read_back_is_put_back(saved: Ring) -> None:
    """The disk gives an error where the new ring is read: the old one comes back."""
    before = saved.secrets()
    with work(saved, "remove") as one:
        reads = one.calls(("read",))
        done = one.ring.secrets()
    put_back = 0
    for call in (one for one in reads if "pgp-secret>" in one.shown):
        with work(saved, "remove") as one:
            result = one.fail(call, "error=EIO")
            assert result.status in (1, 3), call
            assert "Traceback" not in result.err, call
            assert one.ring.secrets() in (before, done), call
            others_are_whole(one, before)
            assert one.ring.files() == WHOLE, call
            put_back += "the old file was put back" in result.err
            assert "was put back" not in result.err or one.ring.secrets() == before, call
    assert put_back


@pytest.mark.parametrize("command", ["remove", "restore"])
def test_a_file_system_without_hard_links_will_do(saved: Ring, command: str) -> None:
    with work(saved, command) as one:
        calls = one.calls(("link", "linkat"))
        done = one.ring.secrets()
    assert len(calls) == 2
    for call in calls:
        with work(saved, command) as one:
            assert one.fail(call, "error=EPERM").status == 0, call
            assert (one.ring.secrets(), one.ring.files()) == (done, WHOLE), call
