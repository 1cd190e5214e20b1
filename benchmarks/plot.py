"""Draw how the cost grows with the size of the image, as SVG."""

from pathlib import Path

from benchmarks.contenders import START, UNIT
from benchmarks.result import Results


def draw(results: Results, path: Path) -> None:
    """Draw seconds over size for every tool, with the file cached and all cores that were used.

    Raises `ImportError` where matplotlib is missing (the extra `bench`).
    """
    import matplotlib as mpl  # 100 MB, for one picture

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "repro-sign"  # the same picture twice is the same file
    from matplotlib import pyplot as plt

    cores = max(setting.cores for setting in results.samples)
    lines: dict[str, list[tuple[int, float]]] = {}
    for setting, samples in results.samples.items():
        if setting.cold or setting.signatures != 1 or setting.cores != cores:
            continue
        for name, one in samples.items():
            if name != START:
                lines.setdefault(name, []).append((setting.mebibytes, one.seconds))
    figure, axes = plt.subplots(figsize=(8, 5))
    for name, points in lines.items():
        ours = name.startswith("repro-sign")
        style = "-" if ours else "--"
        width = 2.5 if ours or name == UNIT else 1.2
        sizes, seconds = zip(*sorted(points), strict=True)
        axes.plot(sizes, seconds, style, marker="o", markersize=4, linewidth=width, label=name)
    axes.set(xscale="log", yscale="log", xlabel="image, MiB", ylabel="seconds")
    axes.set_title(f"One signature, in the cache, {cores} cores (lower is better)")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
