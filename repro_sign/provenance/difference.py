"""Hold this machine against the author's: what is the same, what differs, and why it can matter."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from repro_sign.provenance.machine_facts import (
    NONE_FOUND,
    MachineFacts,
    image_libc,
    two_numbers,
)
from repro_sign.values import dataclass

_ROUNDING: Final = "last digits of floating point may differ"
_NO_SUCH: Final[Mapping[str, Any]] = {}
_SINCE: Final = (2, 26)
_LEAST_KERNEL: Final = (3, 2)
"""The oldest Linux that a glibc since 2.26 can be built for, by its NEWS; some distributions build
theirs for newer ones only. What older versions want, every kernel in use has."""
_LEAST_KERNEL_OF: Final = {"aarch64": (3, 7), "riscv64": (4, 15), "loongarch64": (5, 19)}
"""The first Linux that glibc supports on an architecture: `arch_minimum_kernel` in its sources."""


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One line of the comparison; `matters` says why a difference can matter, else it is empty.

    `here` is this machine, `there` the one that a manifest describes; None where it is not known.
    `there` and what `matters` quotes are hostile text until escaped.
    """

    name: str
    here: str | None
    there: str | None
    matters: str = ""

    @property
    def same(self) -> bool:
        """Whether both are known and equal."""
        return self.here is not None and self.here == self.there

    @property
    def differs(self) -> bool:
        """Whether both are known and not equal."""
        return self.here is not None and self.there is not None and self.here != self.there


def compare_machines(
    here: Mapping[str, Any], there: Mapping[str, Any], recipe: Mapping[str, Any] = _NO_SUCH
) -> tuple[MachineRow, ...]:
    """Compare the `environment` parts of two manifests, this machine's and the author's.

    `recipe` is that part of the author's manifest: it names the C library in the image. The rows
    have the names and the order of `COMPARED`.
    """
    mine, theirs = MachineFacts(here), MachineFacts(there)
    return tuple(_rows(mine, theirs, image_libc(recipe)))


_Told = Callable[[MachineFacts, MachineFacts, str | None], str]
"""Says why a difference can matter; the text is the C library in the image."""


def _rows(mine: MachineFacts, theirs: MachineFacts, libc: str | None) -> Iterator[MachineRow]:
    for name, why in _WHY.items():
        here, there = _value(mine, name), _value(theirs, name)
        differs = here is not None and there is not None and here != there
        yield MachineRow(name, here, there, why(mine, theirs, libc) if differs else "")


def _value(facts: MachineFacts, name: str) -> str | None:
    value = getattr(facts, name)
    if isinstance(value, frozenset):
        return " ".join(sorted(value)) or "none of those that matter"
    return None if value is None else str(value)


def _kernel(mine: MachineFacts, theirs: MachineFacts, libc: str | None) -> str:
    if mine.system != theirs.system:
        return "containers run here in a virtual machine, whose kernel is another one again"
    least = _least_kernel(libc, mine.architecture)
    if least and mine.release and mine.release < least:
        oldest = ".".join(map(str, least))
        return f"older than Linux {oldest}, which {libc} in the image needs: nothing in it will run"
    if mine.release and theirs.release and mine.release < theirs.release:
        return "older than the author's: programs may use system calls that it lacks"
    return "newer, or of another maker: Linux keeps what programs rely on, so it seldom matters"


def _least_kernel(libc: str | None, architecture: str | None) -> tuple[int, int] | None:
    """Return the oldest kernel that a glibc runs on, as far as that is known."""
    name, _, text = (libc or "").partition(" ")
    version = two_numbers(text)
    if name != "glibc" or version is None or version < _SINCE:
        return None
    return _LEAST_KERNEL_OF.get(architecture or "", _LEAST_KERNEL)


def _architecture(*_: object) -> str:
    return "programs of the image do not run here, or only emulated"


def _os(*_: object) -> str:
    return "the image brings its own; from here come the kernel, drivers and what is bound into it"


def _libc(*_: object) -> str:
    return "the image brings its own; only what is bound into it from here uses this one"


def _cpu(mine: MachineFacts, theirs: MachineFacts, _: str | None) -> str:
    if mine.cpu_maker != theirs.cpu_maker:
        return f"another maker: libraries choose other code; {_ROUNDING}"
    return f"another model: libraries may choose other code; {_ROUNDING}"


def _instructions(mine: MachineFacts, theirs: MachineFacts, _: str | None) -> str:
    here, there = mine.instructions or frozenset(), theirs.instructions or frozenset()
    only = (("missing here", there - here), ("only here", here - there))
    parts = [f"{what}: {' '.join(sorted(flags))}" for what, flags in only if flags]
    return f"{'; '.join(parts)}; libraries choose other code; {_ROUNDING}"


def _cores(*_: object) -> str:
    return f"work split by cores is added up in another order; {_ROUNDING}"


def _memory(mine: MachineFacts, theirs: MachineFacts, _: str | None) -> str:
    if (mine.memory_bytes or 0) < (theirs.memory_bytes or 0):
        return "less than the author's: a run that needs all of theirs fails"
    return "more than the author's: it seldom matters"


def _gpu(mine: MachineFacts, theirs: MachineFacts, _: str | None) -> str:
    if mine.gpu == NONE_FOUND:
        return "no GPU was found here: what needs one fails, or computes on the CPU"
    if theirs.gpu == NONE_FOUND:
        return f"the author had none; programs that find one may use it; {_ROUNDING}"
    return f"other code is chosen, sums run in another order; {_ROUNDING}"


def _driver(mine: MachineFacts, theirs: MachineFacts, _: str | None) -> str:
    if NONE_FOUND in (mine.driver, theirs.driver):
        return "as there is no GPU"
    majors = [(one.driver or "").partition(".")[0] for one in (mine, theirs)]
    if majors[0] != majors[1]:
        return "another major version: CUDA or ROCm in the image may not run with it"
    return "another minor version: it seldom matters"


def _mpi(*_: object) -> str:
    return "if MPI here starts the container, the MPI in it may not speak with this one"


def _apptainer(*_: object) -> str:
    return "another version may set up the container in another way"


_WHY: Final[Mapping[str, _Told]] = {
    "kernel": _kernel,
    "architecture": _architecture,
    "os": _os,
    "libc": _libc,
    "cpu": _cpu,
    "instructions": _instructions,
    "cores": _cores,
    "memory": _memory,
    "gpu": _gpu,
    "driver": _driver,
    "mpi": _mpi,
    "apptainer": _apptainer,
}
COMPARED: Final = tuple(_WHY)
"""What is compared, and what `--require-same` can ask for."""
