"""Compare `repro-sign verify` with `apptainer verify` and plain digests, on images made here.

    python -m benchmarks [MEBIBYTES ...]

Every tool is run in turn, several rounds; the best round of each counts. What is printed is the
ratio to `apptainer verify`: below 1 is faster. Needs the programs that `scripts/tools` installs.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ROUNDS = 5
SIZES_MIB = (1, 100)


def main(arguments: Sequence[str]) -> None:
    """Measure for each size in MiB that is named, or for the usual ones."""
    sizes = [int(one) for one in arguments] or SIZES_MIB
    with tempfile.TemporaryDirectory(prefix="rs-bench-") as name:
        bench = Bench(Path(name))
        print(f"{'image':>10}  {'tool':<34} {'ratio':>6} {'seconds':>8} {'peak MiB':>8}")
        for size in sizes:
            bench.compare(size)


class Bench:
    """A scratch home with one key, and images of the sizes asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {**os.environ, "HOME": str(folder), "PYTHONPATH": str(PROJECT)}
        for name in ("GNUPGHOME", "APPTAINER_KEYSDIR", "XDG_CONFIG_HOME"):
            self._environment.pop(name, None)
        options = ("--name", "Bench Mark", "--email", "bench@uni.example", "--no-passphrase")
        self._run([*_repro_sign("keygen"), *options, "--store", "apptainer", "--out", str(folder)])
        (self._key,) = folder.glob("*.asc")

    def compare(self, mebibytes: int) -> None:
        """Print a row for each tool on an image of this size."""
        image = self._image(mebibytes)
        verify = _repro_sign("verify", "--key", str(self._key), str(image))
        tools = {
            "apptainer verify --local": ["apptainer", "verify", "--local", str(image)],
            "repro-sign verify --engine native": [*verify, "--engine", "native"],
            "repro-sign verify (auto)": verify,
            "sha256sum": ["sha256sum", str(image)],
            "python -c pass": [sys.executable, "-c", "pass"],
        }
        best = {name: self._best(argv) for name, argv in tools.items()}
        unit = best["apptainer verify --local"][0]
        for name, (seconds, peak) in best.items():
            ratio = seconds / unit
            print(f"{mebibytes:>6} MiB  {name:<34} {ratio:>6.2f} {seconds:>8.3f} {peak:>8}")

    def _image(self, mebibytes: int) -> Path:
        """Build an image with a partition of about this size, and sign it."""
        image = self._folder / f"{mebibytes}.sif"
        self._run([str(PROJECT / "scripts" / "make-image"), str(image)])
        if mebibytes > 1:
            payload = self._folder / "payload"
            payload.write_bytes(os.urandom(1 << 20) * mebibytes)
            add = ["siftool", "add", str(image), str(payload), "--datatype", "7", "--groupid", "1"]
            self._run(add)
            payload.unlink()
        self._run([*_repro_sign("sign"), str(image)])
        return image

    def _best(self, argv: Sequence[str]) -> tuple[float, int]:
        """Return the best time of several rounds, and the peak memory of this and earlier ones."""
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            self._run(argv)
            times.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
        return min(times), peak

    def _run(self, argv: Sequence[str]) -> None:
        subprocess.run(argv, check=True, capture_output=True, env=self._environment)


def _repro_sign(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "repro_sign", *arguments]


if __name__ == "__main__":
    if missing := [one for one in ("apptainer", "siftool") if not shutil.which(one)]:
        sys.exit(f"missing: {', '.join(missing)} (scripts/tools installs them)")
    main(sys.argv[1:])
