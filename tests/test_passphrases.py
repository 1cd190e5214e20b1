"""Passphrases: from a private file, a pipe or a hidden prompt, exactly as they were written."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from repro_sign.cli.passphrases import (
    FILE_VARIABLE,
    ask_passphrase,
    passphrase_file,
    read_passphrase,
)
from repro_sign.errors import RefusedError, UnreadableError, UsageError
from tests.account import Account
from tests.programs import PROJECT

ASK = """
import sys
from repro_sign.cli.passphrases import ask_passphrase
print("got", ask_passphrase("Passphrase", twice=sys.argv[1] == "twice"))
"""


def private(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "passphrase"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "passphrase"),
    [
        pytest.param(b"correct horse", "correct horse", id="no line end"),
        pytest.param(b"correct horse\n", "correct horse", id="a line end, as editors write it"),
        pytest.param(b"correct horse\r\n", "correct horse", id="a line end of Windows"),
        pytest.param(b"  blanks count\t \n", "  blanks count\t ", id="blanks around it"),
        pytest.param("Žluťoučký\n".encode(), "Žluťoučký", id="letters beyond ASCII"),
        pytest.param(b"x" * 4096, "x" * 4096, id="as long as it may be"),
    ],
)
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_read_less_one_final_line_end(
    tmp_path: Path, content: bytes, passphrase: str, mode: int
) -> None:
    assert read_passphrase(private(tmp_path, content, mode)) == passphrase


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"one\ntwo\n", id="two lines"),
        pytest.param(b"one\n\n", id="an empty second line"),
        pytest.param(b"x" * 4097, id="far too long"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
    ],
)
def test_what_is_no_passphrase_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        read_passphrase(private(tmp_path, content))
    assert "one" not in str(caught.value).replace("more than one line", "")
    assert "xx" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777], ids=oct)
def test_a_file_that_others_can_reach_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path, b"secret\n", mode)
    with pytest.raises(RefusedError, match="others can read") as caught:
        read_passphrase(path)
    assert caught.value.hint == f"chmod 600 {path}"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_is_none_is_unreadable(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableError, match="directory"):
        read_passphrase(tmp_path / name)


def test_a_device_is_refused() -> None:
    with pytest.raises(RefusedError, match="neither a file nor a pipe"):
        read_passphrase(Path("/dev/zero"))


def test_a_pipe_works_as_with_process_substitution(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"from a pipe\n",))
    writer.start()
    assert read_passphrase(pipe) == "from a pipe"
    writer.join()


@pytest.mark.parametrize(
    ("option", "named", "expected"),
    [
        pytest.param(None, None, None, id="neither"),
        pytest.param(None, "", None, id="an empty variable"),
        pytest.param(None, "/run/secret", Path("/run/secret"), id="the variable"),
        pytest.param(Path("mine"), None, Path("mine"), id="the option"),
        pytest.param(Path("mine"), "/run/secret", Path("mine"), id="the option comes first"),
    ],
)
def test_the_file_is_named_by_the_option_or_the_variable(
    monkeypatch: pytest.MonkeyPatch, option: Path | None, named: str | None, expected: Path | None
) -> None:
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    if named is not None:
        monkeypatch.setenv(FILE_VARIABLE, named)
    assert passphrase_file(option) == expected


def test_without_a_terminal_nobody_is_asked(account: Account) -> None:
    with pytest.raises(UsageError, match="no terminal") as caught:
        ask_passphrase("Passphrase")
    assert FILE_VARIABLE in str(caught.value.hint)
    refused = account.run("keygen", "--name", "Ada", "--email", "ada@uni.example")
    assert refused.status == 2
    assert FILE_VARIABLE in refused.err


@pytest.mark.parametrize(
    ("answers", "how"),
    [
        pytest.param(["s3cret"], "once", id="once"),
        pytest.param(["s3cret", "s3cret"], "twice", id="twice"),
        pytest.param(["s3cret", "s3crte", "s3cret", "s3cret"], "twice", id="mistyped first"),
    ],
)
def test_what_is_typed_is_never_shown(answers: list[str], how: str) -> None:
    ours, theirs = os.openpty()
    asking = subprocess.Popen(
        [sys.executable, "-c", ASK, how],
        env={"PYTHONPATH": str(PROJECT)},
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    shown = b""
    for answer in answers:
        prompt = b""
        while not prompt.rstrip().endswith(b":"):
            prompt += os.read(ours, 1000)
        shown += prompt
        os.write(ours, answer.encode() + b"\n")
    out, _ = asking.communicate(timeout=60)
    shown += os.read(ours, 10_000)
    os.close(ours)
    os.close(theirs)
    assert out == b"got s3cret\n"
    assert b"s3cr" not in shown
