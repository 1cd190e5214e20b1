"""Start the command line: `python -m repro_sign`, and the program `repro-sign`."""

import signal
import sys

from repro_sign import __version__


def main() -> None:
    """Run the command line and end the process with its status."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:  # needs nothing else, so nothing else is imported
        sys.stdout.write(f"repro-sign {__version__}\n")
        return
    for name in ("SIGTERM", "SIGHUP"):  # end as on Ctrl-C: nothing is left lying about
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    try:
        from repro_sign.cli.main import run

        sys.exit(run(arguments))
    except KeyboardInterrupt:
        sys.stderr.write("\nrepro-sign: interrupted\n")
        sys.exit(130)


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
