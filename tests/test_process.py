"""The one door to other programs: absolute paths, a clean environment, no waiting for ever."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from repro_sign import apptainer
from repro_sign.errors import NoAnswerError, ToolNotFoundError
from repro_sign.system.process import (
    Completed,
    find_program,
    fresh_environment,
    require_program,
    run,
    search_path,
)
from tests.programs import PROJECT

HOSTILE = {
    "APPTAINER_KEYSDIR": "/evil",
    "APPTAINER_BIND": "/",
    "APPTAINERENV_LD_PRELOAD": "/evil.so",
    "SINGULARITY_BIND": "/",
    "GNUPGHOME": "/evil",
    "LD_PRELOAD": "",
    "LD_LIBRARY_PATH": "/evil",
    "HOME": "/evil",
    "LANG": "cs_CZ.UTF-8",
    "LC_MESSAGES": "cs_CZ.UTF-8",
    "REPRO_SIGN_PASSPHRASE_FILE": "/evil",
    "http_proxy": "http://evil",
}


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def make_program(folder: Path, name: str, text: str = "#!/bin/sh\necho ran\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("entry", ["", ".", "bin", "./bin", "../here/bin", "~/bin"])
def test_a_program_at_a_relative_entry_of_the_path_is_never_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    here = tmp_path / "here"
    make_program(here, "gpg")
    make_program(here / "bin", "gpg")
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", f"{entry}:{tmp_path}:{entry}")
    assert find_program("gpg") is None
    assert search_path() == str(tmp_path)


def test_the_first_absolute_entry_that_has_it_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_program(tmp_path / "a", "gpg"), make_program(tmp_path / "b", "gpg")
    monkeypatch.setenv("PATH", os.pathsep.join(["", str(first.parent), str(second.parent)]))
    assert require_program("gpg") == first
    first.chmod(0o644)
    assert require_program("gpg") == second


def test_a_missing_program_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolNotFoundError, match="apptainer is not on the PATH") as caught:
        require_program("apptainer", hint="see apptainer.org")
    assert (caught.value.tool, caught.value.hint) == ("apptainer", "see apptainer.org")
    with pytest.raises(ToolNotFoundError):
        run([str(tmp_path / "apptainer")], env={})


def test_a_child_sees_nothing_of_the_callers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}:bin")
    done = run([str(require_program("env"))], env=fresh_environment(HOME="/nowhere"))
    seen = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    assert seen == {
        "PATH": search_path(),
        "LC_ALL": "C.UTF-8",
        "TMPDIR": "/var/tmp",
        "HOME": "/nowhere",
    }


def test_variables_are_passed_on_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPG_TTY", "/dev/pts/7")
    assert fresh_environment("GPG_TTY", "NOT_SET")["GPG_TTY"] == "/dev/pts/7"
    assert "NOT_SET" not in fresh_environment("GPG_TTY", "NOT_SET")
    assert "GPG_TTY" not in fresh_environment()


@pytest.mark.parametrize("status", [0, 1, 255])
def test_a_status_is_an_answer_and_no_error(status: int) -> None:
    done = run(python("import sys; sys.exit(int(sys.argv[1]))", str(status)), env={})
    assert done.status == status


def test_the_signal_that_ended_a_program_is_told() -> None:
    assert run(["/bin/sh", "-c", "kill -9 $$"], env={}).status == -9


def test_past_its_time_there_is_no_answer_and_the_program_is_ended(tmp_path: Path) -> None:
    program = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    note = tmp_path / "pid"
    with pytest.raises(NoAnswerError, match="no answer within 2 seconds"):
        run(python(program, str(note)), env={}, timeout=2)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_a_program_ends_with_an_interrupt_that_comes_as_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(python("import time; time.sleep(60)"), env={})
    assert [one.returncode for one in started] == [-signal.SIGKILL]
    with pytest.raises(KeyboardInterrupt):  # and the next one is heard at once, as before
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    "text", [pytest.param("no program", id="a text"), pytest.param("", id="an empty file")]
)
def test_a_file_that_cannot_be_started_gives_no_answer(tmp_path: Path, text: str) -> None:
    program = make_program(tmp_path, "broken", text)
    with pytest.raises(NoAnswerError, match="could not be started"):
        run([str(program)], env={})
    program.chmod(0o644)
    with pytest.raises(NoAnswerError, match="could not be started"):
        run([str(program)], env={})


def test_much_on_both_pipes_does_not_block() -> None:
    program = "import sys; [one.write('x' * 3_000_000) for one in (sys.stderr, sys.stdout)]"
    done = run(python(program), env={})
    assert (len(done.stdout), len(done.stderr)) == (3_000_000, 3_000_000)


def test_a_child_reads_no_input_but_what_it_is_given(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from repro_sign.system import process\n"
        "print(process.run(sys.argv[1:], env={}))\n"
    )
    cat = str(require_program("cat"))
    ours = subprocess.run(
        python(program, cat), input=b"typed", cwd=PROJECT, capture_output=True, check=True
    )
    assert b"stdout=b''" in ours.stdout
    text = tmp_path / "text"
    text.write_bytes(b"given")
    with text.open("rb") as file:
        assert run([cat], env={}, stdin=file.fileno()).stdout == b"given"


def test_no_open_file_reaches_a_child_but_those_that_are_passed(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as kept, (tmp_path / "b").open("w") as passed:
        os.set_inheritable(kept.fileno(), True)
        program = "import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"
        done = run(python(program), env={}, pass_fds=(passed.fileno(),))
        seen = done.stdout.decode()
        assert f"'{passed.fileno()}'" in seen
        assert f"'{kept.fileno()}'" not in seen


def test_nothing_in_an_argument_is_taken_for_a_shell_command(tmp_path: Path) -> None:
    word = f"$(touch {tmp_path}/x); `touch {tmp_path}/x` * \n"
    done = run(python("import sys; print(sys.argv[1], end='')", word), env={})
    assert done.stdout.decode() == word
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        pytest.param(b"", "", id="nothing"),
        pytest.param(b"one\n", "one", id="a line"),
        pytest.param(b"a\nb\n\n c \nd\n", "b; c; d", id="the last three"),
        pytest.param(b"\xffx", "\ufffdx", id="not UTF-8"),
    ],
)
def test_the_last_lines_of_complaint_are_kept_for_people(stderr: bytes, words: str) -> None:
    program = "import os, sys; os.write(2, bytes.fromhex(sys.argv[1]))"
    assert run(python(program, stderr.hex()), env={}).words == words


@pytest.mark.parametrize(
    ("status", "stderr", "accepted"),
    [
        pytest.param(0, b"INFO:    Verified signature(s) from image 'x'\n", True, id="accepts"),
        pytest.param(
            255,
            b"FATAL:   Failed to verify container: integrity: header integrity compromised\n",
            False,
            id="refuses",
        ),
        pytest.param(
            255,
            b"FATAL:   While initializing: couldn't parse configuration file"
            b" /etc/apptainer/apptainer.conf: no such file or directory\n",
            None,
            id="can't start",
        ),
        pytest.param(2, b"panic: runtime error\n", None, id="crashes"),
    ],
)
def test_only_an_apptainer_that_looked_at_the_image_refuses_it(
    status: int, stderr: bytes, accepted: bool | None
) -> None:
    answer = apptainer.answer_of(Completed(status, b"", stderr))
    assert answer.accepted is accepted
    assert accepted or answer.words
