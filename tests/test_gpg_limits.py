"""gpg that waits for somebody: it is ended, and nothing is left of what was begun."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro_sign.errors import NoAnswerError
from repro_sign.sealing.preparing import prepare
from repro_sign.signing import SignRequest, sign_image
from repro_sign.stores import gnupg_process
from repro_sign.stores.key_choice import find_key
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now
from tests.account import Account
from tests.agents import PASSPHRASE, Pinentry, Vault, tree
from tests.conftest import Need

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def programs(need: Need) -> None:
    need("gpg", "gpg-agent", "gpgconf", "gpg-connect-agent")


@pytest.fixture
def unanswered(account: Account) -> Pinentry:
    return Pinentry.that_nobody_answers(account.home)


@pytest.fixture(params=["own agent", "agent elsewhere"])
def waiting(
    request: pytest.FixtureRequest, account: Account, unanswered: Pinentry
) -> Iterator[Vault]:
    """Give a key for whose passphrase gpg-agent asks, and nobody is there to type it."""
    with Vault.new(account, passphrase=PASSPHRASE, pinentry=unanswered) as one:
        own = request.param == "own agent"
        one.be_linked(socket="S.gpg-agent" if own else "S.gpg-agent.extra")
        yield one


def is_gpg(process: Path, home: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return words[0].endswith(b"/gpg") and str(home / ".gnupg").encode() in words


def gpg_runs(account: Account) -> bool:
    return any(is_gpg(one, account.home) for one in Path("/proc").glob("[0-9]*"))


def test_signing_ends_when_nobody_types_the_passphrase(
    account: Account, image: Path, waiting: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gnupg_process, "ASKING_SECONDS", 1.0)
    where = Locations(account.home / "ring", account.home / ".gnupg", account.home / "settings")
    key = find_key(where, None, utc_now())
    before = tree(image.parent), tree(account.home / ".gnupg")
    with pytest.raises(NoAnswerError, match="did not finish within 1 seconds: nothing was") as late:
        sign_image(image, prepare(key, where, None), SignRequest())
    assert "waits for somebody to type a PIN or a passphrase" in str(late.value.hint)
    assert (tree(image.parent), tree(account.home / ".gnupg")) == before
    assert not gpg_runs(account)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sign_ends_gpg_and_leaves_nothing(
    account: Account,
    image: Path,
    waiting: Vault,
    unanswered: Pinentry,
    number: signal.Signals,
) -> None:
    before = tree(image.parent), tree(account.home / ".gnupg")
    argv = account.argv("sign", image)
    with subprocess.Popen(
        argv, env=account.environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as signing:
        end = time.monotonic() + PATIENCE
        while not unanswered.questions and time.monotonic() < end:
            time.sleep(0.05)
        assert gpg_runs(account)
        os.kill(signing.pid, number)
        _, words = signing.communicate(timeout=PATIENCE)
    assert signing.returncode == 128 + number
    assert b"Traceback" not in words
    assert (tree(image.parent), tree(account.home / ".gnupg")) == before
    assert not gpg_runs(account)


class Interrupted:
    """Starts gpg as `subprocess.Popen` does; Ctrl-C is pressed as soon as it is to sign."""

    def __init__(self, argv: list[str], **options: object) -> None:
        self.started = subprocess.Popen(argv, **options)  # type: ignore[call-overload]
        if "--detach-sign" in argv:
            signal.raise_signal(signal.SIGINT)

    def __getattr__(self, name: str) -> object:
        return getattr(self.started, name)


def _interrupted(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("part", "instead"),
    [("Popen", Interrupted), ("_threaded_copy_data", _interrupted)],
    ids=["as it starts", "before it is awaited"],
)
def test_gpg_ends_wherever_the_interrupt_comes(
    account: Account,
    image: Path,
    waiting: Vault,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    instead: object,
) -> None:
    """A press that hits a window of microseconds: too short for one from outside."""
    where = Locations(account.home / "ring", account.home / ".gnupg", account.home / "settings")
    sealed = prepare(find_key(where, None, utc_now()), where, None)
    monkeypatch.setattr("gnupg." + part, instead)
    with pytest.raises(KeyboardInterrupt):
        sign_image(image, sealed, SignRequest())
    assert not gpg_runs(account)
