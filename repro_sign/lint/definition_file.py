"""Read an Apptainer definition file: stages, header lines, sections.

The grammar is that of Apptainer 1.4 (pkg/build/types/parser): a line `Bootstrap:` begins a stage, a
line whose first word begins with `%` a section, and header lines are `key: value`.
"""

import re
from dataclasses import field
from typing import Final

from repro_sign.escaping import printable
from repro_sign.lint import shell
from repro_sign.lint.finding import Remark
from repro_sign.lint.recipe import Base, Recipe, Setting, Stage, Step
from repro_sign.lint.shell_command import ASSIGNMENT, ShellCommand
from repro_sign.lint.word_list import words
from repro_sign.values import dataclass

_BOOTSTRAP: Final = re.compile(r"bootstrap:", re.IGNORECASE)
_TEMPLATE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_MAX_TEMPLATE_VALUE: Final = 200
"""Characters of a template's value: a longer one is left as it stands."""
_SECTIONS: Final = words(
    "help setup files labels environment pre post runscript test startscript "
    "arguments appinstall applabels appfiles appenv apptest apphelp apprun "
    "appstart"
)
_BUILD: Final = ("pre", "setup", "post", "appinstall")
_MAIN: Final = ("runscript", "startscript", "apprun", "appstart")
_ENVIRONMENT: Final = ("environment", "appenv")


@dataclass(slots=True)
class _Section:
    """A section: its name and arguments, the number of its first line, and its lines."""

    name: str
    arguments: str
    line: int
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _RawStage:
    """A stage before its sections are understood."""

    line: int
    header: dict[str, tuple[str, int]] = field(default_factory=dict)
    sections: list[_Section] = field(default_factory=list)


def read(text: str) -> Recipe:
    """Read a definition file. Any text has a result, whose remarks say what is wrong."""
    recipe = Recipe(stages=[], layered=False)
    for raw in _raw_stages(_filled_in(text).split("\n")):
        recipe.stages.append(_stage(raw))
        for section in raw.sections:
            if section.name not in _SECTIONS:
                message = f"there is no section %{printable(section.name, limit=40)}"
                recipe.remarks.append(
                    Remark("unknown-section", section.line, message, section.line)
                )
    return recipe


def _filled_in(text: str) -> str:
    """Put the values that `%arguments` gives in the place of `{{ names }}`."""
    values: dict[str, str] = {}
    for raw in _raw_stages(text.split("\n")):
        for section in raw.sections:
            if section.name == "arguments":
                for line in section.lines:
                    name, equals, value = line.strip().partition("=")
                    if equals and len(value) <= _MAX_TEMPLATE_VALUE:
                        values[name.strip()] = value.strip().strip("\"'")
    # What has no value stays one word, without the blanks in it.
    filled = _TEMPLATE.sub(lambda found: values.get(found[1], f"{{{{{found[1]}}}}}"), text)
    return filled if len(filled) <= 2 * len(text) + _MAX_TEMPLATE_VALUE else text


def _raw_stages(lines: list[str]) -> list[_RawStage]:
    stages: list[_RawStage] = []
    section: _Section | None = None
    continued = ""
    for number, line in enumerate(lines, 1):
        if _BOOTSTRAP.match(line):
            stages.append(_RawStage(number))
            section, continued = None, ""
        if not stages:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            stages.append(_RawStage(number))
        word = line.split(maxsplit=1)[:1]
        if word and word[0].startswith("%"):
            name, _, arguments = line.strip().lstrip("%").partition(" ")
            section = _Section(name.strip().lower(), arguments.strip(), number)
            stages[-1].sections.append(section)
        elif section is not None:
            section.lines.append(line)
        else:
            continued = _header_line(stages[-1], line, number, continued)
    return stages


def _header_line(stage: _RawStage, line: str, number: int, continued: str) -> str:
    """Take in a header line; return the key that the next line goes on with, if it does."""
    content = line.partition("#")[0].strip()
    if not content:
        return ""
    if continued:
        key, value, number = (
            continued,
            stage.header[continued][0] + content,
            stage.header[continued][1],
        )
    else:
        key, _, value = content.partition(":")
        key, value = key.strip().lower(), value.strip()
    stage.header[key] = (value.removesuffix("\\"), number)
    return key if value.endswith("\\") else ""


def _stage(raw: _RawStage) -> Stage:
    agent, line = raw.header.get("bootstrap", ("", raw.line))
    text, base_line = raw.header.get("from", ("", line))
    headers = {key: value for key, (value, _) in raw.header.items()}
    name = headers.get("stage", "")
    stage = Stage(Base(agent.lower(), text, base_line, line, headers), name)
    for section in raw.sections:
        _take(stage, section)
    return stage


def _take(stage: Stage, section: _Section) -> None:
    """Put what a section says where it belongs."""
    if section.name == "labels":
        stage.labels += [
            line.split()[0] for line in section.lines if line.strip()[:1] not in ("", "#")
        ]
    elif section.name in (*_BUILD, *_MAIN, *_ENVIRONMENT) and not _other_language(section):
        commands = shell.split("\n".join(section.lines), section.line + 1)
        steps = [Step(one, one.line, section.line) for one in commands]
        if section.name in _BUILD:
            stage.steps += steps
        else:
            stage.runs += steps
        if section.name in _MAIN:
            stage.main += steps
        if section.name in _ENVIRONMENT:
            stage.environment += [one for step in steps for one in settings(step.command)]


def _other_language(section: _Section) -> bool:
    """Whether a section is handed to something else than a shell: `%post -c /usr/bin/python3`."""
    words = section.arguments.split()
    program = words[words.index("-c") + 1 : words.index("-c") + 2] if "-c" in words else []
    return bool(program) and not program[0].endswith("sh")


def settings(command: ShellCommand) -> list[Setting]:
    """Return the variables that a command sets: `A=b`, `export A=b`."""
    words = list(command.assignments) if not command.words else []
    if command.program in ("export", "declare", "typeset", "readonly"):
        words += [word for word in command.words[1:] if ASSIGNMENT.match(word)]
    found = []
    for word in words:
        name, _, value = word.partition("=")
        found.append(Setting(name.removesuffix("+"), value, command.line, command.line))
    return found
