"""The one door to other programs (gpg aside, which python-gnupg starts in `stores.gnupg_process`).

No shell, no inherited terminal input, an environment made afresh, a time limit, both pipes read
together. A program that is not where an absolute entry of PATH says is not run.
"""

import logging
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from repro_sign.errors import NoAnswerError, ToolNotFoundError
from repro_sign.values import dataclass

_logger = logging.getLogger(__name__)
_GRACE_SECONDS = 2.0
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
    try:
        done = subprocess.run(
            list(argv),
            env=dict(env),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            pass_fds=tuple(pass_fds),
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolNotFoundError(argv[0]) from error
    except OSError as error:
        raise NoAnswerError(f"{argv[0]} could not be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(f"{argv[0]} gave no answer within {timeout:.0f} seconds") from error
    _logger.debug("%s ended with status %d", argv[0], done.returncode)
    return Completed(done.returncode, done.stdout or b"", done.stderr)


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
