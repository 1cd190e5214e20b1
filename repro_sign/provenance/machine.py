"""The machine that results are produced on, as far as it changes results (design, section 5).

Kernel, operating system, processor and the instructions that change the last digits, memory,
accelerators, MPI, scheduler, Apptainer. No name of a user or a host.
"""

import os
import platform
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from repro_sign import apptainer
from repro_sign.errors import NoAnswerError
from repro_sign.system.process import find_program, fresh_environment, run

NUMERIC_FLAGS: Final = (
    *("sse2", "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512dq", "avx512bw"),
    *("avx512vl", "avx512_bf16", "avx512_fp16", "avx512_vnni", "amx_bf16", "amx_tile"),
    *("asimd", "asimdhp", "asimdfhm", "bf16", "sve", "sve2", "svebf16", "vsx", "v"),
)
"""Instruction sets that compilers and libraries choose code by: the order of additions, fused
operations and reduced precision differ between them (names as in /proc/cpuinfo)."""
_SCHEDULERS: Final = {"sbatch": "Slurm", "qsub": "PBS or Grid Engine", "bsub": "LSF"}
_MAX_FILE_BYTES: Final = 1 << 20
_SECONDS: Final = 10.0
_MAX_GPUS: Final = 64


def describe_machine(members: Collection[str] | None = None) -> dict[str, Any]:
    """Return the `environment` part of a manifest. What can't be found out is left out.

    Where there was a look for accelerators and none was found, `gpus` is an empty list.
    `members` limits it to these: for `gpus`, `mpi` and `apptainer` programs have to be run.
    """
    wanted = (
        _MEMBERS
        if members is None
        else {name: _MEMBERS[name] for name in _MEMBERS if name in members}
    )
    found = {name: look() for name, look in wanted.items()}
    return {name: value for name, value in found.items() if value not in (None, {})}


def _kernel() -> dict[str, str]:
    return {
        "name": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
    }


def _operating_system() -> dict[str, str]:
    """Return name and version as os-release states them; elsewhere what Python knows."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return {"name": platform.system(), "version": platform.version()}
    named = {"name": release.get("NAME", ""), "version": release.get("VERSION_ID", "")}
    return {name: value for name, value in named.items() if value}


def _libc() -> str | None:
    try:
        if name := os.confstr("CS_GNU_LIBC_VERSION"):
            return name
    except (AttributeError, ValueError, OSError):
        pass
    return "musl" if any(Path("/lib").glob("ld-musl-*.so.1")) else None


def _processor() -> dict[str, Any]:
    info = _cpuinfo()
    flags = (info.get("flags") or info.get("Features") or info.get("isa") or "").split()
    model = info.get("model name") or info.get("cpu") or platform.processor()
    found = {
        "vendor": info.get("vendor_id") or info.get("CPU implementer"),
        "model": model,
        "family": info.get("cpu family"),
        "model_number": info.get("model") if "model name" in info else info.get("CPU part"),
        "cores": os.cpu_count(),
        "flags": [name for name in NUMERIC_FLAGS if name in flags],
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _cpuinfo() -> dict[str, str]:
    """Return the first processor's lines of /proc/cpuinfo."""
    text = _read("/proc/cpuinfo").partition("\n\n")[0]
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _memory() -> int | None:
    found = re.search(r"^MemTotal:\s+([0-9]{1,15}) kB$", _read("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _numa_nodes() -> int | None:
    folder = Path("/sys/devices/system/node")
    return len(list(folder.glob("node[0-9]*"))) or None


def _gpus() -> Iterator[dict[str, str]]:
    """Yield each accelerator with its driver, as NVIDIA's or AMD's own program names it."""
    lines = _ask(
        "nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"
    )
    cuda = re.search(r"CUDA Version:\s*([0-9.]+)", _ask("nvidia-smi")) if lines else None
    for line in lines.splitlines()[:_MAX_GPUS]:
        name, driver, memory = [*line.split(", "), "", "", ""][:3]
        gpu = {"name": name, "driver": driver, "memory": memory, "cuda": cuda[1] if cuda else ""}
        yield {key: value for key, value in gpu.items() if value}
    rocm = _ask("rocm-smi", "--showproductname", "--csv")
    version = _ask("rocm-smi", "--showdriverversion", "--csv").strip().rpartition(",")[2]
    for line in rocm.splitlines()[1 : _MAX_GPUS + 1]:
        if line.strip():
            name = line.split(",")[1] if "," in line else line
            yield {"name": name.strip(), **({"driver": version} if version else {})}


def _mpi() -> str | None:
    """Return the first line that mpirun says of itself."""
    for program in ("mpirun", "mpiexec"):
        if lines := _ask(program, "--version").strip().splitlines():
            return lines[0].strip()[:200]
    return None


def _ask(program: str, *arguments: str) -> str:
    """Return what a program prints; nothing where it is missing, fails or takes too long."""
    found = find_program(program)
    if found is None:
        return ""
    try:
        done = run([str(found), *arguments], env=fresh_environment(), timeout=_SECONDS)
    except NoAnswerError:
        return ""
    return done.stdout.decode("utf-8", "replace") if done.status == 0 else ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_FILE_BYTES)
    except OSError:
        return ""


def _scheduler() -> str | None:
    return next((name for one, name in _SCHEDULERS.items() if find_program(one)), None)


def _apptainer() -> str | None:
    return apptainer.version() if find_program("apptainer") else None


_MEMBERS: Final[Mapping[str, Callable[[], Any]]] = {
    "kernel": _kernel,
    "os": _operating_system,
    "libc": _libc,
    "cpu": _processor,
    "memory_bytes": _memory,
    "numa_nodes": _numa_nodes,
    "gpus": lambda: list(_gpus()),
    "mpi": _mpi,
    "scheduler": _scheduler,
    "apptainer": _apptainer,
}
