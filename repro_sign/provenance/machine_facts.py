"""What the `environment` part of a manifest says of a machine, one text for each thing compared.

Each is None where it is not stated, or not stated rightly. Texts are hostile until escaped.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from repro_sign.provenance.members import number_at, object_at, objects_at, text_at, texts_at

NONE_FOUND: Final = "none found"
"""Of accelerators, on a machine where there was a look for them."""
_GIBIBYTE: Final = 1 << 30


class MachineFacts:
    """A machine, as an `environment` part describes it."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    @property
    def system(self) -> str | None:
        """The kernel's name: `Linux`."""
        return text_at(self._members, "kernel", "name")

    @property
    def release(self) -> tuple[int, int] | None:
        """The first two numbers of the kernel's release."""
        return two_numbers(text_at(self._members, "kernel", "release"))

    @property
    def kernel(self) -> str | None:
        """Name and release, both or none."""
        release = text_at(self._members, "kernel", "release")
        return f"{self.system} {release}" if self.system and release else None

    @property
    def architecture(self) -> str | None:
        """As uname names it: `x86_64`."""
        return text_at(self._members, "kernel", "architecture")

    @property
    def os(self) -> str | None:
        """Name and version, as os-release states them."""
        name, version = (text_at(self._members, "os", one) for one in ("name", "version"))
        return f"{name} {version}" if name and version else name

    @property
    def libc(self) -> str | None:
        """Name and version."""
        return text_at(self._members, "libc")

    @property
    def cpu_maker(self) -> str | None:
        """As Linux names it: `GenuineIntel`; on ARM a number."""
        return text_at(self._members, "cpu", "vendor")

    @property
    def cpu(self) -> str | None:
        """The model, and the numbers of family and model: clouds give several CPUs one name."""
        maker, model, family, number = (
            text_at(self._members, "cpu", one)
            for one in ("vendor", "model", "family", "model_number")
        )
        name = model or maker
        numbers = "/".join(filter(None, (family, number)))
        if name is None or not (model or number):
            return None
        return f"{name} ({numbers})" if numbers else name

    @property
    def instructions(self) -> frozenset[str] | None:
        """The instruction sets that change floating-point results."""
        flags = texts_at(self._members, "cpu", "flags")
        return None if flags is None else frozenset(flags)

    @property
    def cores(self) -> str | None:
        """How many processors the system counts."""
        cores = number_at(self._members, "cpu", "cores")
        return None if cores is None else str(cores)

    @property
    def memory_bytes(self) -> int | None:
        """Main memory, as the kernel counts it."""
        return number_at(self._members, "memory_bytes")

    @property
    def memory(self) -> str | None:
        """The same in GiB, rounded: kernels keep differing amounts for themselves."""
        size = self.memory_bytes
        return None if size is None else f"{(size + _GIBIBYTE // 2) // _GIBIBYTE} GiB"

    @property
    def gpu(self) -> str | None:
        """The names of the accelerators, each with its count."""
        return self._of_gpus("name")

    @property
    def driver(self) -> str | None:
        """The version of their driver."""
        return self._of_gpus("driver")

    @property
    def mpi(self) -> str | None:
        """What mpirun says of itself."""
        return text_at(self._members, "mpi")

    @property
    def apptainer(self) -> str | None:
        """The version of Apptainer."""
        return text_at(self._members, "apptainer")

    def _of_gpus(self, member: str) -> str | None:
        gpus = objects_at(self._members, "gpus")
        if gpus is None:
            return None
        texts = [text_at(one, member) for one in gpus]
        if any(text is None for text in texts):
            return None
        if member == "driver":
            return ", ".join(sorted({*filter(None, texts)})) or NONE_FOUND
        counted = {one: texts.count(one) for one in sorted(filter(None, texts))}
        names = [f"{count} x {one}" if count > 1 else one for one, count in counted.items()]
        return ", ".join(names) or NONE_FOUND


def image_libc(recipe: Mapping[str, Any]) -> str | None:
    """Return the C library in an image, as the `recipe` part names it: `glibc 2.36`."""
    libc = object_at(recipe, "libc")
    name, version = text_at(libc, "name"), text_at(libc, "version")
    return f"{name} {version}" if name and version else name


def two_numbers(text: str | None) -> tuple[int, int] | None:
    """Return the first two numbers of a version."""
    found = re.match(r"([0-9]{1,6})\.([0-9]{1,6})(?![0-9])", text or "")
    return (int(found[1]), int(found[2])) if found else None
