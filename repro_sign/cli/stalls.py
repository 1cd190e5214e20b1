"""End the program where a file system gives no answer, as one whose server is gone does not.

Such a read or look-up waits in the kernel, where no signal but SIGKILL comes through, and so for
ever. Another thread notices that the main one has not moved for long, says so and ends the process.
Only on Linux: elsewhere nothing is noticed.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from repro_sign.cli.exit_codes import ExitCode

LIMIT_SECONDS: Final = 600.0
"""Longer than a tape library takes as a rule to bring back a file that was moved out to it."""
LOOK_SECONDS: Final = 5.0
_TASKS: Final = Path("/proc/self/task")


@contextmanager
def bounded() -> Iterator[None]:
    """End this process with status 3 if its main thread does not move for `LIMIT_SECONDS`.

    A thread that waits for a program is not meant: programs have time limits of their own.
    """
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(over,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(over: threading.Event) -> None:
    before, looks = None, 0  # looks, and not a clock: a stopped process does not look
    while not over.wait(LOOK_SECONDS):
        now = _moves()
        if now is None or now != before or _has_children():
            before, looks = now, 0
        looks += 1
        if looks * LOOK_SECONDS > LIMIT_SECONDS:
            _give_up()


def _moves() -> bytes | None:
    """Return how often the main thread gave up the processor; None where that is not told."""
    try:
        status = (_TASKS / str(os.getpid()) / "status").read_bytes()
    except OSError:
        return None
    return b"".join(line for line in status.splitlines() if b"ctxt_switches" in line) or None


def _has_children() -> bool:
    """Whether programs are running; where that is not told, they may be."""
    try:
        return any((task / "children").read_bytes().strip() for task in _TASKS.iterdir())
    except OSError:
        return True


def _give_up() -> None:
    """Say so and end, without what an ordinary end would wait for."""
    minutes = f"{LIMIT_SECONDS / 60:g}"
    message = (
        f"repro-sign: error: a file system has given no answer for {minutes} minutes\n"
        "repro-sign: hint: is the server there from which it is mounted? verify a copy elsewhere\n"
    )
    os.write(2, message.encode())
    os._exit(ExitCode.UNKNOWN)
