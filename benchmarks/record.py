"""Put the results of a run into docs/performance.md, between its two markers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import plot, result
from benchmarks.result import Results
from benchmarks.workshop import PROJECT

PAGE: Final = PROJECT / "docs" / "performance.md"
PICTURE: Final = PROJECT / "docs" / "performance.svg"
_BEGIN: Final = "<!-- results: python -m benchmarks --record -->\n"
_END: Final = "<!-- end of results -->\n"


def record(results: Results) -> None:
    """Write tables and picture."""
    plot.draw(results, PICTURE)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    text = "\n".join(_lines(results))
    PAGE.write_text(f"{before}{_BEGIN}\n{text}\n\n{_END}{after}", encoding="utf-8")


def _lines(results: Results) -> Iterator[str]:
    yield f"The best of {results.rounds} rounds, in which the tools took turns."
    yield ""
    yield "| Machine | |"
    yield "|---|---|"
    yield from (f"| {name} | {value} |" for name, value in results.machine.items())
    speeds = results.speeds
    yield f"| reading from the cache, one core | {speeds.reading / 1e9:.1f} GB/s |"
    yield f"| SHA-256, one core | {speeds.sha256 / 1e9:.2f} GB/s |"
    yield f"| BLAKE3, one core | {speeds.blake3 / 1e9:.1f} GB/s |"
    for setting in results.samples:
        yield ""
        yield from result.table(results, setting)
    if results.folder:
        count, samples = results.folder
        loop = samples["loop"].seconds
        yield ""
        yield f"| {count} images of 1 MiB, 1 signature | ratio | seconds |"
        yield "|---|---|---|"
        for name, one in samples.items():
            words = "a shell loop over apptainer verify" if name == "loop" else f"`{name}`"
            yield f"| {words} | {one.seconds / loop:.3f} | {one.seconds:.2f} |"
    yield ""
    yield from result.python_start(results)
    yield ""
    yield "What the model below expects, and what was measured:"
    yield ""
    yield from result.limits(results)
    for name, why in results.failed.items():
        yield ""
        yield f"Not compared: {name} ({Path(why).name if '/' in why else why})."
