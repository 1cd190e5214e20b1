"""Start the command line: `python -m repro_sign`, and the program `repro-sign`."""

import gc
import signal
import sys
from contextlib import suppress

from repro_sign import __version__

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Imports make tens of thousands of objects that stay: to look for garbage among them every 700
objects, as Python does, takes a tenth of a short run."""


def main() -> None:
    """Run the command line and end the process with its status."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:  # needs nothing else, so nothing else is imported
        sys.stdout.write(f"repro-sign {__version__}\n")
        return
    for name in ("SIGTERM", "SIGHUP"):  # end as on Ctrl-C: nothing is left lying about
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    _leave_no_core()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        from repro_sign.cli.main import run

        sys.exit(run(arguments))
    except KeyboardInterrupt:
        sys.stderr.write("\nrepro-sign: interrupted\n")
        sys.exit(130)
    finally:
        gc.freeze()  # Python would look for garbage among everything once more, and then end


def _leave_no_core() -> None:
    """Let a crash of this process, or of a program that it starts, write no memory to a disk.

    It may hold a passphrase. The limit is 1 and not 0, since Linux hands a core to a program that
    collects them (`core_pattern`) whatever the limit is, save for this one.
    """
    with suppress(ImportError):  # Windows writes none unasked
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        least = 1 if most == resource.RLIM_INFINITY else min(1, most)
        resource.setrlimit(resource.RLIMIT_CORE, (least, least))


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
