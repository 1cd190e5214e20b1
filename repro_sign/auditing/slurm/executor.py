"""Have an audit's images examined by jobs of Slurm, and believe only what fits this machine.

Jobs find the images, the keys and the rules by the same paths, on file systems that the site
shares. Where a node sees another file, other keys or another time, its word does not count.
"""

import glob
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import Any, Final

from repro_sign.auditing.examined import Examined, ToExamine, not_examined
from repro_sign.auditing.rules import Rules
from repro_sign.auditing.slurm.jobs import Jobs, Submission, last_line
from repro_sign.auditing.slurm.shard import (
    FoundElsewhere,
    MakeRequest,
    ShardResult,
    examine_shard,
    split,
)
from repro_sign.auditing.state import state_of
from repro_sign.errors import NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.system.files import demand_own
from repro_sign.system.process import require_program
from repro_sign.values import dataclass
from repro_sign.verifying import VerifyRequest

SHARDS_EACH: Final = 4
"""So many shards for each job that may run at a time: a lost one costs a part of the work."""
_MAX_SHARDS: Final = 1000
"""Slurm's own limit of an array of jobs, unless a site sets another."""
_CLOCK_SECONDS: Final = 300.0
"""By how much two honest clocks may differ."""


@dataclass(frozen=True, slots=True)
class SlurmExecutor:
    """Sends the images to nodes, up to `jobs` jobs at a time. It is an `Executor`.

    `database` is the audit's: in its folder, which the nodes have to see, jobs and results lie
    while they are needed. `minutes` and `cores` are what each job may take; `options` are further
    ones of `sbatch`, by name. What has not come after `give_up_seconds` is not waited for.
    """

    make_request: MakeRequest
    database: Path
    jobs: int = 16
    minutes: int = 240
    cores: int = 1
    options: Mapping[str, str | bool] = field(default_factory=dict)
    give_up_seconds: float = 24 * 3600.0

    def check(self) -> None:
        """Raise `NoAnswerError` if Slurm, or the library that speaks to it, is not here."""
        _library()
        for name in ("sbatch", "srun", "squeue"):
            found = require_program(name, hint=f"run it where Slurm is: {name} is a part of it")
            if shutil.which(name) != str(found):
                raise RefusedError(
                    f"{name} would be started from a relative folder of PATH",
                    hint="take relative folders out of PATH",
                )

    def examine(
        self, images: Sequence[ToExamine], request: VerifyRequest
    ) -> Iterator[tuple[int, Examined]]:
        """Yield what the nodes found of each image, as it comes.

        Raises `NoAnswerError` if Slurm takes no job.
        """
        if not images:
            return
        self.check()
        rules, begin = Rules(request, anywhere=True), time.time()
        shards = split(
            [one.state.size for one in images], min(self.jobs * SHARDS_EACH, _MAX_SHARDS)
        )
        with _folder_beside(self.database) as folder:
            submission = self._submission(folder)
            paths = [[os.path.abspath(images[one].path) for one in shard] for shard in shards]
            try:
                for number, result in Jobs(submission, self.give_up_seconds).results(paths):
                    here = [images[one] for one in shards[number]]
                    found = _believed(result, here, rules, begin)
                    yield from zip(shards[number], found, strict=True)
            except submission.errors as error:
                raise NoAnswerError(
                    f"Slurm took no job: {printable(last_line(str(error)))}",
                    hint="look at --slurm NAME=VALUE, and whether sbatch works here",
                ) from error

    def _submission(self, folder: Path) -> Submission:
        submitit = _library()
        executor = submitit.SlurmExecutor(folder=folder)
        executor.update_parameters(
            job_name="repro-sign",
            time=self.minutes,
            cpus_per_task=self.cores,
            array_parallelism=self.jobs,
            use_srun=False,
            wckey=None,
            setup=["export PYTHONSAFEPATH=1"],  # Python would find modules in the current folder
            additional_parameters=dict(self.options),
        )
        work = partial(examine_shard, self.make_request, self.cores)
        return Submission(
            folder,
            send_all=lambda shards: list(executor.map_array(work, shards)),
            send=lambda shard: executor.submit(work, shard),
            errors=(
                submitit.core.utils.UncompletedJobError,
                submitit.core.utils.FailedSubmissionError,
            ),
        )


def _believed(
    result: ShardResult | str, images: Sequence[ToExamine], rules: Rules, begin: float
) -> list[Examined]:
    """Return what is to be kept of a shard: of each image what was found, or why not."""
    if isinstance(result, str):
        return [not_examined(result)] * len(images)
    if not begin - _CLOCK_SECONDS < result.began <= result.ended < time.time() + _CLOCK_SECONDS:
        return [not_examined(f"the clock of {result.machine} is wrong")] * len(images)
    if len(result.found) != len(images):
        return [not_examined(f"{result.machine} gave no whole answer")] * len(images)
    return [
        _fitting(found, image, rules, result.machine)
        for found, image in zip(result.found, images, strict=True)
    ]


def _fitting(found: FoundElsewhere, image: ToExamine, rules: Rules, machine: str) -> Examined:
    """Return what was found if it was of the file, and by the rules, that this machine sees."""
    if found.rules != rules.digest(image.path.name):
        return not_examined(
            f"{machine} goes by other keys or rules than this machine: is this account's home "
            "the same there, and the program?"
        )
    if found.state not in (image.state.anywhere, state_of(image.path).anywhere):
        return not_examined(
            f"{machine} sees another file at this path: is the file system mounted there?"
        )
    return found.examined


@contextmanager
def _folder_beside(database: Path) -> Iterator[Path]:
    """Make a folder for jobs and results, and remove it at the end; and what a killed run left.

    Nobody else has the database open meanwhile. Raises `RefusedError` if others could put another
    folder in its place: what lies in it is run.
    """
    parent, prefix = database.absolute().parent, f"{database.name}.slurm-"
    demand_own(parent)
    try:
        for left in parent.glob(f"{glob.escape(prefix)}*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as error:
        raise NoAnswerError(f"{printable(str(parent))}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _library() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise NoAnswerError(
            "audits by Slurm need the Python package submitit, which is not installed",
            hint="install it: pip install 'repro-sign[slurm]'",
        ) from error
    return submitit
