"""Start the command line: `python -m repro_sign`, and the program `repro-sign`."""

import sys

from repro_sign import __version__


def main() -> None:
    """Run the command line and end the process with its status."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:  # needs nothing else, so nothing else is imported
        sys.stdout.write(f"repro-sign {__version__}\n")
        return
    try:
        from repro_sign.cli.main import run

        sys.exit(run(arguments))
    except KeyboardInterrupt:
        sys.stderr.write("\nrepro-sign: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
