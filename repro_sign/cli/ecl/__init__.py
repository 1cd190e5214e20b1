"""`repro-sign ecl`: Apptainer's Execution Control List, for administrators."""

import click

from repro_sign.cli.lazy_group import LazyGroup

_COMMANDS = {
    "generate": "Write a control list and its key ring from whom you believe, or a lock file.",
    "lint": "Say what in a control list does not do what its writer wants.",
    "check": "Say which images it would refuse, and why, without running anything.",
}


@click.group("ecl", cls=LazyGroup, package="repro_sign.cli.ecl", sentences=_COMMANDS)
def command() -> None:
    """Use Apptainer's own gate: the list of signers whose images may run."""
