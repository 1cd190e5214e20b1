"""The outcome of a run: what was measured in each setting, and as tables for people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.contenders import ALONE, DEEP, FAST, START, UNIT
from benchmarks.limits import Speeds
from benchmarks.measuring import MIB, Sample


@dataclass(frozen=True)
class Setting:
    """One row of comparisons: an image, the cores, whether its content was cached before."""

    mebibytes: int
    signatures: int
    cores: int
    cold: bool

    @property
    def title(self) -> str:
        """The setting in words."""
        size = f"{self.mebibytes >> 10} GiB" if self.mebibytes >= 1024 else f"{self.mebibytes} MiB"
        people = "1 signature" if self.signatures == 1 else f"{self.signatures} signatures"
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{size}, {people}, {cores}, {'not cached' if self.cold else 'cached'}"


@dataclass
class Results:
    """All settings of one run."""

    machine: Mapping[str, str]
    speeds: Speeds
    rounds: int
    samples: dict[Setting, dict[str, Sample]] = field(default_factory=dict)
    sizes: dict[Setting, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    folder: tuple[int, dict[str, Sample]] | None = None
    """How many small images, and what a folder of them took."""


def table(results: Results, setting: Setting) -> Iterator[str]:
    """Yield the lines of a setting's table, in Markdown."""
    samples, size = results.samples[setting], results.sizes[setting]
    unit = samples.get(UNIT)
    yield f"| {setting.title} | ratio | seconds | processor s | peak MB | read |"
    yield "|---|---|---|---|---|---|"
    for name, one in samples.items():
        ratio = f"{one.seconds / unit.seconds:.2f}" if unit else "-"
        numbers = f"{ratio} | {one.seconds:.3f} | {one.cpu:.2f} | {one.peak / 1e6:.0f}"
        yield f"| `{name}` | {numbers} | {_read(one.read, size)} |"


def limits(results: Results) -> Iterator[str]:
    """Yield a table that holds the warm settings against the model."""
    yield "| Image | cores | check | model s | measured s |"
    yield "|---|---|---|---|---|"
    for setting, samples in results.samples.items():
        if setting.cold or setting.mebibytes < 100:
            continue
        start = _start(results, setting.cores)
        for name, feeds in _feeds(setting).items():
            if name in samples:
                size = results.sizes[setting]
                model = start + results.speeds.expected(size, setting.cores, **feeds)
                measured = samples[name].seconds
                title = f"{setting.mebibytes} MiB, {setting.signatures} signed"
                yield f"| {title} | {setting.cores} | `{name}` | {model:.2f} | {measured:.2f} |"


def _feeds(setting: Setting) -> dict[str, dict[str, int]]:
    """Say which digests each way computes of the large object and of the file."""
    feeds = {DEEP: {"sha256": 2, "blake3": 1}, ALONE: {"sha256": 2, "blake3": 0}}
    if setting.signatures == 1:
        feeds[FAST] = {"sha256": 0, "blake3": 1}
    return feeds


def _start(results: Results, cores: int) -> float:
    """Return the time of the smallest image with these cores: start-up and checking of keys."""
    smallest = [
        samples[FAST].seconds
        for setting, samples in results.samples.items()
        if setting.cores == cores and not setting.cold and FAST in samples
    ]
    return min(smallest, default=0.0)


def _read(count: int, size: int) -> str:
    """Say how often the image was read; of small ones what the program's own files are."""
    return f"{count / size:.1f} times" if size > 50 * MIB else f"{count / MIB:.1f} MiB"


def python_start(results: Results) -> Iterator[str]:
    """Yield what a small image costs beside a bare start of Python."""
    for setting, samples in results.samples.items():
        if setting.mebibytes == 1 and START in samples and FAST in samples and not setting.cold:
            ours, bare = samples[FAST].seconds, samples[START].seconds
            yield (
                f"With {setting.cores} core(s) a 1 MiB image takes {ours:.3f} s, a bare start of"
                f" Python {bare:.3f} s."
            )
