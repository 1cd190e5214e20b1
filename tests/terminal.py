"""A terminal in which a program runs in the foreground: what it shows, and Ctrl-C."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_SILENCE_SECONDS = 120
"""No program that is tested here says nothing for so long."""


@dataclass
class Terminal:
    """A program and the other end of its terminal. `shown` is all that it wrote so far."""

    running: "subprocess.Popen[bytes]"
    master: int
    shown: bytes = field(default=b"")

    @classmethod
    @contextmanager
    def running_in(
        cls, argv: Sequence[str], environment: Mapping[str, str]
    ) -> Iterator["Terminal"]:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        running = subprocess.Popen(
            argv,
            env={**environment, "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads
        )
        os.close(slave)
        try:
            yield cls(running, master)
        finally:
            running.kill()
            running.wait()
            os.close(master)

    def read_until(self, text: bytes) -> None:
        """Read until the program has shown a text, or has ended."""
        while text not in self.shown and self._read():
            pass

    def press_ctrl_c(self) -> None:
        os.write(self.master, b"\x03")

    def end_by_ctrl_c(self) -> int:
        """Press it until the program ends: one that comes just before it begins to wait is lost."""
        reading = True
        while reading:
            self.press_ctrl_c()
            while reading and select.select([self.master], [], [], 1.0)[0]:
                reading = self._read()
        return self.running.wait(60)

    def end(self) -> int:
        """Read the rest, and return the status with which the program ends."""
        while self._read():
            pass
        return self.running.wait(60)

    def _read(self) -> bool:
        if not select.select([self.master], [], [], _SILENCE_SECONDS)[0]:
            raise TimeoutError(f"nothing comes after {self.shown[-200:]!r}")
        data = b""
        with suppress(OSError):  # Linux's answer once the other end is closed
            data = os.read(self.master, 65536)
        self.shown += data
        return bool(data)
