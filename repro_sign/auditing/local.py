"""Examine an audit's images on this machine."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from repro_sign.auditing.examined import Examined, ToExamine, examined
from repro_sign.values import dataclass
from repro_sign.verifying import VerifyRequest
from repro_sign.verifying_many import Together, verify_and


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Examines up to `jobs` images at a time, each within a `guard`. It is an `Executor`."""

    jobs: int = 1
    guard: Callable[[], AbstractContextManager[None]] = nullcontext

    def examine(
        self, images: Sequence[ToExamine], request: VerifyRequest
    ) -> Iterator[tuple[int, Examined]]:
        """Yield what was found of each image, in order."""
        together = Together(examined, self.jobs, guard=self.guard)
        yield from enumerate(verify_and((one.path for one in images), request, together))
