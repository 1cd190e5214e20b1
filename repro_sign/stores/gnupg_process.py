"""gpg as python-gnupg runs it, with an end: past a time limit, and when this process is stopped.

This is the one module that uses python-gnupg, which starts gpg itself and waits for it for ever.
gpg in turn waits for its agent, and the agent for a person or a card that may be gone.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import gnupg

from repro_sign.errors import NoAnswerError
from repro_sign.escaping import printable
from repro_sign.system.process import end, fresh_environment, interrupts_held, require_program

INSTALL_HINT: Final = "install GnuPG (gnupg.org)"
ASKING_HINT: Final = (
    "is the passphrase right, and can gpg-agent ask for it?"
    " (--passphrase-file gives it without asking)"
)
LOOKING_SECONDS: Final = 30.0
"""For what asks nobody: listing and exporting, with a large key ring on a slow disk."""
ASKING_SECONDS: Final = 120.0
"""For what may ask a person to find a card, put it in and type its PIN."""
_READERS_SECONDS: Final = 2.0
"""For a thread that reads from gpg to see that gpg has ended."""
READ_ONLY: Final = ("--no-auto-check-trustdb", "--lock-never")
"""For what changes no file in the home: so that gpg, if it is ended, leaves no lock files there."""
PINENTRY_NEEDS: Final = (
    "HOME",
    "APPDATA",
    "TERM",
    "GPG_TTY",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
)
"""What gpg-agent hands to the program that asks for a passphrase."""

# python-gnupg logs failures it also raises; a library of ours prints nothing.
logging.getLogger("gnupg").setLevel(logging.CRITICAL + 1)


_IS_IT_REAL: Final = "is the first gpg on the PATH the real one? gpg --version says which it is"


class TimedGPG(gnupg.GPG):  # type: ignore[misc]  # python-gnupg has no types
    """A gnupg.GPG whose children end: it overrides the methods that start and await all of them.

    Its calls raise `NoAnswerError` past `seconds`, or if gpg says what makes no sense; so does
    making one, if gpg does not say its version. What is still there when `ending` is closed,
    because of Ctrl-C above all, is ended.
    """

    def __init__(self, seconds: float, ending: ExitStack, **options: Any) -> None:
        self._seconds = seconds
        self._ending = ending
        self._nonsense = False
        self._readers: list[threading.Thread] = []
        super().__init__(**options)
        if self.version is None:
            raise NoAnswerError("gpg does not say which version it is", hint=_IS_IT_REAL)

    def _open_subprocess(self, args: Any, passphrase: Any = False) -> Any:
        with interrupts_held():
            process = super()._open_subprocess(args, passphrase)
            self._ending.callback(self._end, process)
        return process

    def _end(self, process: Any) -> None:
        """End gpg, and close its pipes: not under a thread's hands, which Python would report."""
        end(process)
        for reader in self._readers:
            reader.join(_READERS_SECONDS)
        if any(reader.is_alive() for reader in self._readers):
            return
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):  # what gpg did not read stays unwritten
                pipe.close()

    def _read_data(self, *arguments: Any) -> None:
        self._readers.append(threading.current_thread())
        super()._read_data(*arguments)

    def _read_response(self, stream: Any, result: Any) -> None:
        self._readers.append(threading.current_thread())
        try:
            super()._read_response(stream, result)
        except (AttributeError, LookupError, ValueError):  # in a thread, where nobody catches it
            self._nonsense = True
            result.stderr = ""
            stream.stream.read()  # so that gpg can say the rest, and end

    def _collect_output(
        self, process: Any, result: Any, writer: Any = None, stdin: Any = None
    ) -> Any:
        late = []

        def give_up() -> None:
            late.append(True)
            end(process)

        timer = threading.Timer(self._seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            status = super()._collect_output(process, result, writer, stdin)
        finally:
            timer.cancel()
        if late:
            raise NoAnswerError(
                f"gpg did not finish within {self._seconds:.0f} seconds",
                hint="does gpg-agent hang? gpgconf --kill gpg-agent ends it, gpg starts another",
            )
        if self._nonsense:
            raise NoAnswerError(
                "gpg speaks of its status in a way that is not understood here",
                hint=_IS_IT_REAL,
            )
        return status


@contextmanager
def open_gpg(folder: Path, seconds: float, options: tuple[str, ...] = ()) -> Iterator[TimedGPG]:
    """Make gpg ready for a home folder. Raises `NoAnswerError` where it does not run.

    The user's own options file is left aside: it could change what is signed and how.
    """
    program = require_program("gpg", hint=INSTALL_HINT)
    with ExitStack() as ending:
        try:
            gpg = TimedGPG(
                seconds,
                ending,
                gpgbinary=str(program),
                gnupghome=str(folder),
                options=["--no-options", *options],
                env=fresh_environment(*PINENTRY_NEEDS),
                encoding="utf-8",
            )
        except (OSError, ValueError) as error:
            shown = printable(str(folder))
            message = f"gpg does not work with {shown}: {printable(str(error))}"
            raise NoAnswerError(message) from error
        yield gpg


def words_of(stderr: str | None) -> str:
    """Return gpg's own words without its status lines."""
    lines = [line for line in (stderr or "").splitlines() if line.startswith("gpg: ")]
    words = "; ".join(line.removeprefix("gpg: ") for line in lines[-3:])
    return printable(words) or "no reason given"
