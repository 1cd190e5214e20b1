"""What was measured on: without it numbers say nothing."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

_TOLD = ("sha_ni", "avx2", "avx512f")
"""Instructions that decide how fast SHA-256 and BLAKE3 are."""


def describe() -> dict[str, str]:
    """Describe the machine and the versions of the programs."""
    processor = Path("/proc/cpuinfo").read_text()
    rows = (line.partition(":") for line in processor.splitlines())
    fields = {name.strip(): value.strip() for name, _, value in rows}
    flags = fields.get("flags", "").split()
    memory = next(
        line.split()[1]
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal")
    )
    return {
        "processor": fields.get("model name", platform.machine()),
        "instructions": ", ".join(one for one in _TOLD if one in flags) or "none of note",
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory) >> 20} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "blake3": version("blake3"),
        **{name: _version(name) for name in ("apptainer", "gpg", "openssl") if shutil.which(name)},
        "load before": f"{os.getloadavg()[0]:.1f} (other work on the machine)",
    }


def _version(program: str) -> str:
    flag = "version" if program == "openssl" else "--version"
    done = subprocess.run([program, flag], capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["unknown"])[0]
