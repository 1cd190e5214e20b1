"""Hundreds of commands, cheaply: each in a fork of one process that has imported everything.

Each fork runs the real command line under limits of its own: of memory, of processor time (which
a busy machine does not use up) and, against waiting for ever, of time. Run as a program it is
that process: it reads requests, one JSON object a line, and answers each with another.
"""

import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, NoReturn

from tests.account import Account, Result

ADDRESS_SPACE: Final = 900 << 20
MAX_RESIDENT: Final = 256 << 20
PROCESSOR_SECONDS: Final = 5
WAITING_SECONDS: Final = 60
STATUSES: Final = frozenset({0, 1, 2, 3, 4, 5})
"""What the README promises of all commands together."""
KIB: Final = 1 if sys.platform == "darwin" else 1024
"""Linux counts in kibibytes."""


@dataclass(frozen=True)
class Commands:
    """That process, ready to be asked, for one account."""

    account: Account
    process: "subprocess.Popen[str]"

    @classmethod
    @contextmanager
    def of(cls, account: Account) -> Iterator["Commands"]:
        """Start it; end it afterwards."""
        with subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=account.environment,
            cwd=account.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            yield cls(account, process)
            process.communicate()

    def run(self, *arguments: str | Path, cwd: Path | None = None, **variables: str) -> Result:
        """Run a command that has to stay in bounds and end with a status that is documented."""
        place = str(cwd or self.account.home)
        request = {"arguments": [*map(str, arguments)], "cwd": place, "variables": variables}
        asked, answers = self.process.stdin, self.process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(json.dumps(request) + "\n")
        asked.flush()
        answer = json.loads(answers.readline())
        result = Result(answer["status"], answer["out"], answer["err"])
        assert "Traceback" not in result.err, result.err[-3000:]
        assert "panicked" not in result.err, result.err[-3000:]
        assert result.status in STATUSES, f"{result.status}\n{result.err[-3000:]}"
        assert answer["resident"] < MAX_RESIDENT, f"{answer['resident'] >> 20} MiB"
        return result


def _serve() -> None:
    """Answer requests until there are no more."""
    _import_everything()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def _import_everything() -> None:
    import repro_sign

    for module in pkgutil.walk_packages(repro_sign.__path__, "repro_sign."):
        importlib.import_module(module.name)
    for name in ("tomlkit", "rich.table", "rich.progress", "cryptography.x509"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    with TemporaryFile() as out, TemporaryFile() as err:
        child = os.fork()
        if not child:
            _become(request, out, err)
        _, ended, used = os.wait4(child, 0)
        return {
            "status": os.waitstatus_to_exitcode(ended),
            "out": _text(out),
            "err": _text(err),
            "resident": used.ru_maxrss * KIB,
        }


def _become(request: Mapping[str, Any], out: IO[bytes], err: IO[bytes]) -> NoReturn:
    """Be the command, to the end."""
    status = 70
    try:
        with open(os.devnull, "rb") as nothing:
            for file, number in ((nothing, 0), (out, 1), (err, 2)):
                os.dup2(file.fileno(), number)
        os.chdir(request["cwd"])
        os.environ.update(request["variables"])
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
        signal.alarm(WAITING_SECONDS)
        sys.argv[1:] = request["arguments"]
        from repro_sign.__main__ import main

        main()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - a bug: to be seen as the real program shows it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


if __name__ == "__main__":
    _serve()
