"""Packages that are installed while the image is built: whether each is one version."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from repro_sign.lint.base_image import parse
from repro_sign.lint.checks.bases import SNAPSHOT
from repro_sign.lint.checks.quoting import listed
from repro_sign.lint.finding import Remark
from repro_sign.lint.installs import installs_of, passes_over_lock, refreshes_lists, upgrades
from repro_sign.lint.known_images import product_of
from repro_sign.lint.packages import Install, Pin
from repro_sign.lint.recipe import Recipe, Stage, Step

_SAID: Final = {
    Pin.NONE: ("package-not-pinned", "without a version"),
    Pin.RANGE: ("package-range", "by a range of versions"),
    Pin.UNSEEN: ("packages-unseen", "by names that do not stand here"),
    Pin.URL: ("download-unchecked", "from an address, without a digest"),
    Pin.GIT_MOVING: ("git-not-pinned", "from a repository, without tag or commit"),
    Pin.GIT_TAG: ("git-tag-only", "from a repository, without a commit"),
}


def check_installs(recipe: Recipe) -> Iterator[Remark]:
    """Judge the commands that install packages, stage by stage."""
    for stage in recipe.stages:
        dated = _from_snapshot(stage)
        r_dated = _r_mirror_of_one_day(stage)
        for step in stage.steps:
            command = step.command
            for install in installs_of(command):
                from_one_day = r_dated if install.manager == "R" else dated and install.system
                yield from install_remarks(install, command.line, step.start, dated=from_one_day)
            if upgrades(command) and not dated:
                message = f"{command.program} replaces all packages by the newest ones"
                yield Remark("system-upgrade", command.line, message, step.start)
            if passes_over_lock(command):
                message = f"{' '.join(command.words[:2])} may pass over the lock file"
                yield Remark("lock-not-enforced", command.line, message, step.start)
        if recipe.layered:
            yield from _updates_alone(stage.steps)


def install_remarks(
    install: Install, line: int, start: int, *, dated: bool = False
) -> Iterator[Remark]:
    """Say of each kind of package in one command how it should be named."""
    found: dict[Pin, list[str]] = defaultdict(list)
    for package in install.packages:
        found[package.pin].append(package.text)
    for pin, (code, how) in _SAID.items():
        if not found[pin] or (dated and pin in (Pin.NONE, Pin.RANGE)):
            continue
        named = "system-package-not-pinned" if install.system and pin is Pin.NONE else code
        yield Remark(named, line, f"{install.manager} installs {listed(found[pin])} {how}", start)


def _from_snapshot(stage: Stage) -> bool:
    """Whether packages come from an archive of one day: then each has one version."""
    for one in stage.lineage():
        if SNAPSHOT.search(one.base.headers.get("mirrorurl", "")):
            return True
        texts = (text for step in one.steps for text in (*step.command.words, step.command.stdin))
        if any(SNAPSHOT.search(text) for text in texts):
            return True
    return False


def _r_mirror_of_one_day(stage: Stage) -> bool:
    """Whether the base brings R with a mirror of CRAN of one day (rocker's versions)."""
    first = list(stage.lineage())[-1]
    reference = parse(first.base.text)
    product = product_of(reference.repository)
    return bool(product and product.dated and reference.tag.count(".") == product.parts - 1)


def _updates_alone(steps: Iterable[Step]) -> Iterator[Remark]:
    layers: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        layers[step.layer].append(step)
    for layer in layers.values():
        updates = [step for step in layer if refreshes_lists(step.command)]
        installs = any(one.system for step in layer for one in installs_of(step.command))
        if updates and not installs:
            message = "apt-get update is cached apart from what is installed by it"
            yield Remark("apt-update-alone", updates[0].command.line, message, updates[0].start)
