"""The one door to other programs (gpg aside, which python-gnupg starts in `stores.gnupg_process`).

No shell, no inherited terminal input, an environment made afresh, a time limit, both pipes read
together. A program that is not where an absolute entry of PATH says is not run.
"""

import logging
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from repro_sign.errors import NoAnswerError, ToolNotFoundError
from repro_sign.values import dataclass

_logger = logging.getLogger(__name__)
_GRACE_SECONDS = 2.0
_ENDING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)
)
_ALWAYS_PASSED = ("SYSTEMROOT", "SYSTEMDRIVE", "TMPDIR", "TEMP", "TMP")
"""Variables without which programs do not start on some system, or fill the wrong disk."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that has ended. `status` is negative for the signal that killed it."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def words(self) -> str:
        """The last lines of standard error, for a person; hostile text until escaped."""
        lines = [line.strip() for line in self.stderr.decode("utf-8", "replace").splitlines()]
        return "; ".join([line for line in lines if line][-3:])


def search_path() -> str:
    """Return PATH without its relative entries: a program in the current folder is never meant."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if os.path.isabs(entry))


def find_program(name: str) -> Path | None:
    """Return the program's absolute path, or None if it is not installed."""
    found = shutil.which(name, path=search_path())
    return Path(found).absolute() if found else None


def require_program(name: str, *, hint: str | None = None) -> Path:
    """Return the program's absolute path. Raises `ToolNotFoundError`."""
    found = find_program(name)
    if found is None:
        raise ToolNotFoundError(name, hint=hint)
    return found


def fresh_environment(*passed: str, **values: str) -> dict[str, str]:
    """Make a child's environment: PATH, the C locale, the variables named, the values given."""
    names = (*_ALWAYS_PASSED, *passed)
    environment = {name: os.environ[name] for name in names if name in os.environ}
    return {**environment, "PATH": search_path(), "LC_ALL": "C.UTF-8", **values}


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    pass_fds: Sequence[int] = (),
    timeout: float = 60.0,
) -> Completed:
    """Run `argv`; a non-zero status is returned, not raised: only the caller knows its meaning.

    `stdin` is an open descriptor, and so is `stdout` where the output is not to be returned.

    Raises `ToolNotFoundError` or, past `timeout` seconds, `NoAnswerError`.
    """
    _logger.debug("running %s", " ".join(argv))
    with ExitStack() as ending:
        try:
            with interrupts_held():
                child = subprocess.Popen(
                    list(argv),
                    env=dict(env),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=subprocess.PIPE,
                    pass_fds=tuple(pass_fds),
                )
                ending.enter_context(child)  # which closes its pipes and waits for it
                ending.callback(child.kill)  # before that; nothing where it has ended
            out, err = child.communicate(timeout=timeout)
        except FileNotFoundError as error:
            raise ToolNotFoundError(argv[0]) from error
        except OSError as error:
            raise NoAnswerError(f"{argv[0]} could not be started: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise NoAnswerError(f"{argv[0]} gave no answer within {timeout:.0f} seconds") from error
    _logger.debug("%s ended with status %d", argv[0], child.returncode)
    return Completed(child.returncode, out or b"", err)


def end(child: "subprocess.Popen[bytes]") -> None:
    """End a child that is still there: it is asked to at first, then made to."""
    if child.poll() is not None:
        return
    with suppress(OSError):
        child.terminate()
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C, and what else would end this process by an exception, wait until this is done.

    So that a child, once it is started, is known to somebody who ends it.
    """
    if threading.current_thread() is not threading.main_thread():  # no signal disturbs others
        yield
        return
    came: list[int] = []
    before = {}
    try:
        for number in _ENDING_SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                before[number] = handler
                signal.signal(number, lambda one, _: came.append(one))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for one in came:
            signal.raise_signal(one)
