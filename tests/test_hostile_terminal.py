"""On a terminal, too, nothing of a hostile text is active: not in results, nor in questions."""

import re
from pathlib import Path

import pytest

from tests.account import Account
from tests.hostile import SHOWN, active
from tests.hostile_world import World
from tests.terminal import Terminal
from tests.test_hostile_text import AUDIT, VERIFY
from tests.test_trust_exchange import at_a_terminal

pytest_plugins = ["tests.hostile_plugin"]

TERMINAL = (VERIFY, "verify {odd} --color always", AUDIT, "key list", "trust list", "doctor")
OURS = re.compile(r"\x1b\[(?:[0-9]{1,2}(?:;[0-9]{1,2})*)?m|\x1b\[\?25[lh]|\x1b\[1?A|\r\x1b\[2?K|\r")


@pytest.mark.parametrize("command", TERMINAL)
def test_nothing_on_a_terminal_is_active(world: World, tmp_path: Path, command: str) -> None:
    argv = world.account.argv(*world.words(command, out=tmp_path))
    with Terminal.running_in(argv, world.account.environment) as terminal:
        terminal.end()
        said = OURS.sub("", terminal.shown.decode())
    assert SHOWN.search(said)
    assert active(said) == []
    assert b"\x1b[8m" not in terminal.shown


QUESTIONS = (
    "trust add {stranger}.manifest.asc",
    "withdraw {image} --key {loud} --reason {LOUD}",
    "key revoke {loud} --reason retired",
)


@pytest.mark.parametrize("command", QUESTIONS)
def test_no_question_is_active(world: World, command: str) -> None:
    asked(world.account, *world.words(command))


def test_no_question_about_somebody_who_is_imported_is_active(
    world: World, account: Account, tmp_path: Path
) -> None:
    exported = tmp_path / "trust.toml"
    assert world.run("trust export -o {exported}", exported=exported).status == 0
    asked(account, "trust", "import", exported)


def asked(account: Account, *command: str | Path) -> None:
    """Run a command on a terminal and say no to what it asks, which is to be inert."""
    said = OURS.sub("", at_a_terminal(account, "n\n", *command).out)
    assert "[y/N]" in said
    assert SHOWN.search(said)
    assert active(said) == []


def test_no_choice_of_keys_is_active(world: World) -> None:
    argv = world.account.argv(*world.words("sign {newer}"))
    with Terminal.running_in(argv, world.account.environment) as terminal:
        terminal.read_until(b"Number")
        terminal.end_by_ctrl_c()
        said = OURS.sub("", terminal.shown.decode())
    assert "Which key?" in said
    assert SHOWN.search(said)
    assert active(said) == []
