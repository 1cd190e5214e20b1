"""Ask Slurm's controller how jobs are.

submitit asks the accounting (`sacct`) alone, and waits for ever where a site keeps none: there a
job that was cancelled, or whose node died, stays "unknown". The controller itself knows every job
that waits or runs, and for some minutes each that ended.
"""

import logging
from collections.abc import Collection
from typing import Final

from repro_sign.errors import NoAnswerError
from repro_sign.system.process import find_program, fresh_environment, run

_SECONDS: Final = 60.0
_PASSED: Final = ("SLURM_CONF", "HOME", "USER", "LOGNAME")
_GOING_ON: Final = frozenset(
    {
        *("PENDING", "CONFIGURING", "RUNNING", "STAGE_OUT", "SUSPENDED", "STOPPED"),
        *("SIGNALING", "RESIZING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"),
        *("RESV_DEL_HOLD", "PREEMPTED"),  # a preempted job that is not requeued soon is gone
    }
)
GONE: Final = "GONE"
"""The controller does not know the job (any more)."""
_ENDED_SOMEHOW: Final = frozenset({"COMPLETED", "COMPLETING", GONE})
_logger = logging.getLogger(__name__)


def goes_on(state: str) -> bool:
    """Whether a job in this state may still come to a result."""
    return state in _GOING_ON


def may_have_worked(state: str) -> bool:
    """Whether a job that ended in this state may have left a result that is on its way.

    A job can be "completing" for ever: its node does not get rid of it.
    """
    return state in _ENDED_SOMEHOW


def ask() -> dict[str, str] | None:
    """Return the states of this user's jobs by their numbers; None if there is no answer now."""
    squeue = find_program("squeue")
    if squeue is None:
        return None
    argv = [str(squeue), "--me", "--array", "--noheader", "--states=all", "--format=%i|%T"]
    try:
        done = run(argv, env=fresh_environment(*_PASSED), timeout=_SECONDS)
    except NoAnswerError:
        return None
    if done.status:
        return None
    rows = (line.partition("|") for line in done.stdout.decode("utf-8", "replace").splitlines())
    return {number.strip(): state.strip() for number, _, state in rows}


def cancel(jobs: Collection[str]) -> None:
    """Have jobs ended. One that can't be reached ends at its time limit: nothing waits for it."""
    scancel = find_program("scancel")
    if scancel is None or not jobs:
        return
    try:
        run(
            [str(scancel), "--quiet", *sorted(jobs)],
            env=fresh_environment(*_PASSED),
            timeout=_SECONDS,
        )
    except NoAnswerError as error:
        _logger.debug("jobs could not be cancelled: %s", error)
