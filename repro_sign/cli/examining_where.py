"""Options that say where `audit` has its images examined: on this machine, or on a site's nodes."""

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from repro_sign.auditing.examined import Executor
from repro_sign.auditing.local import LocalExecutor
from repro_sign.cli.options import add_options
from repro_sign.cli.stalls import bounded
from repro_sign.errors import UsageError
from repro_sign.hashing import available_cores
from repro_sign.values import dataclass
from repro_sign.verifying import VerifyRequest

_Result = TypeVar("_Result")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_OURS: Final = frozenset(
    {
        *("array", "output", "error", "open-mode", "signal", "job-name", "wrap", "input"),
        *("ntasks", "ntasks-per-node", "nodes", "export", "export-file", "chdir", "parsable"),
    }
)
"""Options of sbatch without whose right values no result would come."""
_DEFAULT_JOBS: Final = 16


@dataclass(frozen=True, slots=True)
class Where:
    """Where, as the command line says it."""

    slurm: bool
    jobs: int | None
    settings: tuple[str, ...]
    hours: float

    def executor(self, make_request: Callable[[], VerifyRequest], database: Path) -> Executor:
        """Return who examines. Raises `UsageError`, and `NoAnswerError` where there is no Slurm."""
        if not self.slurm:
            if self.settings:
                raise UsageError("--slurm is for audits with --executor slurm")
            return LocalExecutor(self.jobs or available_cores(), bounded)
        from repro_sign.auditing.slurm.executor import SlurmExecutor  # few audits need it

        options = dict(map(_setting, self.settings))
        found = SlurmExecutor(
            make_request,
            database,
            jobs=self.jobs or _DEFAULT_JOBS,
            minutes=_number(options, "time", 240),
            cores=_number(options, "cpus-per-task", 1),
            options=options,
            give_up_seconds=self.hours * 3600,
        )
        found.check()
        return found


def _setting(text: str) -> tuple[str, str | bool]:
    name, equals, value = text.partition("=")
    name = name.removeprefix("--")
    if not _NAME.fullmatch(name):
        raise UsageError(f"--slurm {text!r} is no option of sbatch", hint="--slurm partition=short")
    if name in _OURS:
        raise UsageError(f"--slurm {name}: repro-sign sets that itself")
    if not value.isprintable():
        raise UsageError(f"--slurm {name}: its value has characters that can't be printed")
    return name, value if equals else True


def _number(options: dict[str, str | bool], name: str, default: int) -> int:
    """Take a number out of the options."""
    value = options.pop(name, default)
    text = str(value)
    if not text.isdecimal() or not 0 < int(text) < 1_000_000:
        raise UsageError(f"--slurm {name}={text}: a whole number is needed (of minutes, of cores)")
    return int(text)


def executor_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """Add the options, and hand what they come to over as `where_to`."""

    @wraps(command)
    def with_place(
        *arguments: Any,
        executor: str,
        jobs: int | None,
        slurm: tuple[str, ...],
        give_up_after: float,
        **others: Any,
    ) -> _Result:
        where_to = Where(executor == "slurm", jobs, slurm, give_up_after)
        return command(*arguments, where_to=where_to, **others)

    return add_options(with_place, _OPTIONS)


_OPTIONS = (
    click.option(
        "--executor",
        type=click.Choice(["local", "slurm"]),
        default="local",
        show_default=True,
        help="Who reads the images: this machine, or jobs on the nodes of its Slurm.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Read up to N images at the same time (as many as there are processors to use); "
        f"with Slurm run up to N jobs ({_DEFAULT_JOBS}).",
    ),
    click.option(
        "--slurm",
        multiple=True,
        metavar="NAME=VALUE",
        help="An option of sbatch for each job: partition=short, time=MINUTES, cpus-per-task=4.",
    ),
    click.option(
        "--give-up-after",
        type=click.FloatRange(min=0, min_open=True),
        default=24,
        show_default=True,
        metavar="HOURS",
        help="Do not wait longer for Slurm's jobs: what they did not read is unknown.",
    ),
)
