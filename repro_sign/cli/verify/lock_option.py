"""The option that holds what `verify` finds against a lock file."""

from collections.abc import Callable, Generator, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from repro_sign.cli.options import EXISTING_FILE
from repro_sign.cli.verify.believing import Belief
from repro_sign.errors import NoAnswerError
from repro_sign.image_search import Unfound, find_all
from repro_sign.trust.policy import TrustPolicy
from repro_sign.values import dataclass
from repro_sign.verifying import VerifyRequest
from repro_sign.verifying_many import Together, not_examined, verify_and

if TYPE_CHECKING:
    from repro_sign.locking.lock_file import LockFile

_Result = TypeVar("_Result")
_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images a path stands for, and what they are held against besides the policy.

    `lock` is the lock file that the caller names, `alone` whether it alone says who is believed.
    """

    lock: "LockFile | None" = None
    alone: bool = False

    def default_paths(self) -> tuple[Path, ...]:
        """Return what is verified where no path is given: this folder, or the lock file's."""
        return (self.lock.folder if self.lock else Path(),)

    def verify(
        self, paths: Iterable[Path | Unfound], request: VerifyRequest, together: Together[_Told]
    ) -> Generator[_Told, None, None]:
        """Verify what the paths stand for; where that can't be found, there is no answer."""
        if self.lock is None:
            yield from verify_and(find_all(paths), request, together)
            return
        from repro_sign.pinning.checking import verify_locked_and

        for path in paths:
            if isinstance(path, Unfound):
                yield together.then(not_examined(path.path, request, path.why))
                continue
            try:
                yield from verify_locked_and(self.lock, request, together, path, alone=self.alone)
            except NoAnswerError as error:
                yield together.then(not_examined(path, request, str(error)))


def lock_option(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """Add the option below `belief_options`, and hand what it comes to over as `selection`.

    Where the lock file alone says who is believed, `belief` becomes empty.
    """

    @wraps(command)
    def with_lock(
        *arguments: Any, belief: Belief, lock_path: Path | None, **others: Any
    ) -> _Result:
        if lock_path is None:
            return command(*arguments, belief=belief, selection=Selection(), **others)
        from repro_sign.locking.text import read_lock  # most runs name none

        lock = read_lock(lock_path)
        alone = not belief.named
        believed = Belief(TrustPolicy()) if alone else belief
        selection = Selection(lock, alone)
        return command(*arguments, belief=believed, selection=selection, **others)

    option = click.option(
        "--lock",
        "lock_path",
        type=EXISTING_FILE,
        metavar="FILE",
        help="Hold a folder against this lock file: missing, extra, changed, other signer.",
    )
    decorated: Callable[..., _Result] = option(with_lock)
    return decorated
