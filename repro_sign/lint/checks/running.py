"""What happens when the image is run: whether it is said, in the image, and repeatable."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from repro_sign.lint.base_image import parse
from repro_sign.lint.checks.quoting import quoted
from repro_sign.lint.fetching import fetches
from repro_sign.lint.finding import Remark
from repro_sign.lint.installs import installs_of, upgrades
from repro_sign.lint.known_images import product_of
from repro_sign.lint.recipe import Recipe, Stage
from repro_sign.lint.shell_command import ShellCommand, program_of, unwrapped
from repro_sign.lint.word_list import words

_PREPARING: Final = words(
    "cd export set unset source . echo printf mkdir test [ [[ : true false ulimit umask "
    "shift trap module conda mamba micromamba return exit alias local declare readonly "
    "typeset cat shopt eval touch ln"
)
"""Commands that only prepare for the one that matters."""
_INTERPRETERS: Final = re.compile(
    r"(?:ba|da|z|k|a|fi)?sh|python[\d.]*|pypy[\d.]*|ipython[\d.]*|R|Rscript|julia|octave|matlab|perl|ruby|node|ghci"
)
_COMPUTING: Final = re.compile(
    r"python[\d.]*|pypy[\d.]*|ipython[\d.]*|R|Rscript|julia|octave|matlab|jupyter.*"
)
"""Languages in which people compute, with random numbers as often as not."""
_DRAWING: Final = re.compile(
    r"(?:numpy|scipy|torch|pytorch|tensorflow|jax|keras|scikit-learn|xgboost|lightgbm|catboost|pymc\d*|pystan"
    r"|cmdstanpy|numpyro|emcee|dynesty|stable-baselines\d*|gym|gymnasium|transformers|networkx|openmm|mcmc.*"
    r"|gromacs|lammps|namd|geant4|openmc|r-base(?:-core)?|julia|octave|rstan|brms|lme4|Turing|Flux)"
    r"(?![\w-])",
    re.IGNORECASE,
)
_ALL_ARGUMENTS: Final = frozenset({"$@", "$*", "${@}", "${*}"})
_MAX_WORD: Final = 500
_SEED_ARGUMENT: Final = re.compile(r"(?i)seed\w{0,20}[\"'\s=:,()!]{1,6}(?:\d|\$\{\w+:-\d)")
_SEED_OPTION: Final = re.compile(r"(?i)-{1,2}[-\w]*seed")
_NO_VALUE: Final = re.compile(
    r"(?i)^$|\$\(|`|\$RANDOM|^\$\w+$|^\$\{\w+\}$|^(?:none|null|random|time)$"
)
_IDENTIFYING: Final = re.compile(
    r"(?i)author|maintainer|version|vendor|source|revision|contact|name"
)


def check_running(recipe: Recipe) -> Iterator[Remark]:
    """Judge what the last stage's image does when it is run."""
    if not recipe.stages:
        return
    stage = recipe.stages[-1]
    yield from _fetched(stage)
    yield from _command(stage)
    yield from _seed(stage)
    base = stage.base
    lineage = list(stage.lineage())
    if not any(one.environment for one in lineage):
        message = "no variable is set for the run"
        yield Remark("no-environment", base.start, message, base.start)
    if not any(_IDENTIFYING.search(label) for one in lineage for label in one.labels):
        yield Remark("no-labels", base.start, "neither author nor version is named", base.start)


def _fetched(stage: Stage) -> Iterator[Remark]:
    for step in stage.runs:
        command = step.command
        if fetches(command) or upgrades(command) or any(True for _ in installs_of(command)):
            shown = quoted(" ".join(unwrapped(command.words)[:4]))
            message = f"{shown} … is run each time the image is"
            yield Remark("fetched-at-run-time", command.line, message, step.start)


def main_command(stage: Stage) -> ShellCommand | None:
    """Return the command that an image is there for: the last one that does not merely prepare."""
    found = None
    for step in stage.main:
        words = unwrapped(step.command.words)
        if words and not step.command.nested and program_of(words) not in _PREPARING:
            found = step.command
    return found


def _command(stage: Stage) -> Iterator[Remark]:
    base = stage.base
    command = main_command(stage)
    if command is None:
        line = stage.main[0].command.line if stage.main else base.start
        yield Remark("no-command", line, "nothing says what the image runs", base.start)
        return
    program, given = _taken_apart(command)
    bare = _INTERPRETERS.fullmatch(program.rpartition("/")[2]) or program in _ALL_ARGUMENTS
    if bare and not command.stdin and not any(map(_names_a_script, given)):
        message = f"{quoted(program)} alone does not say what the image runs"
        yield Remark("no-command", command.line, message, command.line)
    elif not stage.arguments_given and not _own_arguments(program, given):
        message = f"{quoted(program)} is given no arguments"
        if _ALL_ARGUMENTS.intersection(given):
            message = f"{quoted(program)} is given the caller's arguments, and none of its own"
        yield Remark("no-arguments", command.line, message, command.line)


def _names_a_script(word: str) -> bool:
    """Whether a word after an interpreter is neither an option nor the caller's arguments."""
    return word not in _ALL_ARGUMENTS and (not word.startswith("-") or word.startswith("--file="))


def _taken_apart(command: ShellCommand) -> tuple[str, tuple[str, ...]]:
    words = unwrapped(command.words)
    return words[0], words[1:]


def _own_arguments(program: str, given: Sequence[str]) -> bool:
    """Whether a command has arguments that stand in the recipe; a script's own name is none."""
    words = [word for word in given if word not in _ALL_ARGUMENTS]
    if _INTERPRETERS.fullmatch(program.rpartition("/")[2]):
        while words and words[0].startswith("-") and words[0] not in ("-m", "-c", "-e"):
            words = words[1:]
        if words and words[0] in ("-c", "-e"):
            return True  # what it works on stands in the code
        words = words[2:] if words[:1] == ["-m"] else words[1:]
    return bool(words)


def _seed(stage: Stage) -> Iterator[Remark]:
    lineage = list(stage.lineage())
    settings = [one for part in lineage for one in part.environment]
    if any("SEED" in one.name.upper() and not _NO_VALUE.search(one.value) for one in settings):
        return
    if any(_sets_seed(step.command) for step in stage.runs):
        return
    command = main_command(stage)
    line = command.line if command else stage.base.start
    what = _drawing(lineage, command)
    if what:
        message = f"no seed is set, and {quoted(what)} commonly draws random numbers"
        yield Remark("seed-not-set", line, message, stage.base.start)
    else:
        yield Remark("no-seed", line, "no seed is set", stage.base.start)


def _sets_seed(command: ShellCommand) -> bool:
    words = (*command.assignments, *command.words)
    for at, word in enumerate(words):
        if _SEED_ARGUMENT.search(word[:_MAX_WORD]):
            return True
        value = words[at + 1] if at + 1 < len(words) else ""
        if _SEED_OPTION.fullmatch(word) and value and not _NO_VALUE.search(value):
            return True
    return False


def _drawing(lineage: Sequence[Stage], command: ShellCommand | None) -> str:
    """Return what is likely to draw random numbers: a package, a language, the base."""
    for stage in lineage:
        for step in stage.steps:
            for install in installs_of(step.command):
                for package in install.packages:
                    name = package.text.rpartition("::")[2].rpartition("/")[2]
                    if found := _DRAWING.match(name):
                        return found[0]
    if command is not None:
        program = _taken_apart(command)[0].rpartition("/")[2]
        if _COMPUTING.fullmatch(program):
            return f"a program in {program}"
    reference = parse(lineage[-1].base.text)
    product = product_of(reference.repository)
    return f"what runs in {lineage[-1].base.text}" if product and product.draws else ""
