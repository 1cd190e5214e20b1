"""Compare `repro-sign verify` with other tools that check a file, on images made here.

    python -m benchmarks [--sizes MIB ...] [--cores N ...] [--rounds N] [--no-cold]
                         [--images N] [--record]

What is printed is the ratio to `apptainer verify`: below 1 is faster. Needs the programs that
`scripts/tools` installs, and room for three times the largest image in the folder for temporary
files; what is missing of the others is left out.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import limits, machine, record, result
from benchmarks.contenders import contenders
from benchmarks.measuring import MIB, Runner, Sample, best
from benchmarks.result import Results, Setting
from benchmarks.workshop import SignedImage, Workshop, repro_sign

SIZES_MIB = (1, 100, 2048)
SIGNATURES = (1, 4)
FOLDER_IMAGES = 1000


def main(arguments: Sequence[str]) -> None:
    """Measure what is asked for and print it; with --record put it into the documentation."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="rs-bench-") as name:
        room = shutil.disk_usage(name).free
        if room < 3 * max(options.sizes) * MIB:
            sys.exit(f"{name} has {room >> 20} MiB left: too few for images of that size")
        workshop = Workshop(Path(name))
        try:
            results = _measure(workshop, options)
        finally:
            workshop.close()
    for name, why in results.failed.items():
        print(f"left out: {name}: {why}", file=sys.stderr)
    if options.record:
        record.record(results)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES_MIB, metavar="MIB")
    parser.add_argument("--cores", type=int, nargs="+", default=(1, 2), metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--no-cold", action="store_true", help="only with the image in the cache")
    parser.add_argument("--images", type=int, default=FOLDER_IMAGES, metavar="N")
    parser.add_argument("--record", action="store_true", help="write docs/performance.md")
    return parser.parse_args(arguments)


def _measure(workshop: Workshop, options: argparse.Namespace) -> Results:
    there = sorted(os.sched_getaffinity(0))
    cores = sorted({min(count, len(there)) for count in options.cores})
    told = machine.describe()
    results: Results | None = None
    for size in options.sizes:
        path = workshop.image(size)
        speeds = limits.measure(path)
        results = results or Results(told, speeds, options.rounds)
        for people in SIGNATURES:
            image = workshop.sign(path, people)
            if people == 1:
                workshop.sign_with_others(image)
            settings = [Setting(size, people, count, cold=False) for count in cores]
            if size > 1 and not options.no_cold:  # the disk limits, whatever the cores
                settings.append(Setting(size, people, cores[-1], cold=True))
            for setting in settings:
                runner = Runner(workshop.environment, there[: setting.cores], setting.cold)
                _compare(workshop, image, runner, setting, results)
                speeds = speeds.or_faster(limits.measure(path))
        results.speeds = speeds
        workshop.remove(image)
    if results is None:
        sys.exit("no size to measure")
    results.folder = _folder(workshop, there, options.images, options.rounds)
    return results


def _compare(
    workshop: Workshop, image: SignedImage, runner: Runner, setting: Setting, results: Results
) -> None:
    files = (image.path,)
    runs: dict[str, Callable[[], Sample]] = {
        name: partial(runner.run, argv, files) for name, argv in contenders(workshop, image).items()
    }
    samples, failed = best(runs, results.rounds)
    results.samples[setting] = samples
    results.sizes[setting] = image.size
    results.failed |= failed
    print("\n".join(result.table(results, setting)), end="\n\n", flush=True)


def _folder(
    workshop: Workshop, cores: Sequence[int], images: int, rounds: int
) -> tuple[int, dict[str, Sample]]:
    """Measure a folder of small images: one run of ours, and a loop that runs Apptainer on each."""
    first = workshop.sign(workshop.image(1), 1)
    (folder := workshop.folder / "many").mkdir()
    manifest = Path(f"{first.path}.manifest.asc")
    for number in range(images):
        shutil.copy(first.path, folder / f"{number}.sif")
        shutil.copy(manifest, folder / f"{number}.sif.manifest.asc")
    runner = Runner(workshop.environment, cores)
    loop = f'for one in {folder}/*.sif; do apptainer verify --local "$one" || exit; done'
    key = str(workshop.keys["Ada"])
    runs: dict[str, Callable[[], Sample]] = {"loop": partial(runner.run, ["sh", "-c", loop])}
    for options in ("--engine native --jobs 1", "--engine native --jobs 2", "--jobs 2"):
        argv = repro_sign("verify", *options.split(), "--key", key, str(folder))
        runs[f"repro-sign verify FOLDER {options}"] = partial(runner.run, argv)
    samples, failed = best(runs, min(rounds, 3))
    if failed:
        sys.exit(f"the folder could not be verified: {failed}")
    for name, one in samples.items():
        ratio = one.seconds / samples["loop"].seconds
        print(f"a folder of {images} images: {ratio:.3f} of a loop over apptainer verify: {name}")
    return images, samples


if __name__ == "__main__":
    if missing := [one for one in ("apptainer", "siftool", "taskset") if not shutil.which(one)]:
        sys.exit(f"missing: {', '.join(missing)} (scripts/tools installs them)")
    main(sys.argv[1:])
