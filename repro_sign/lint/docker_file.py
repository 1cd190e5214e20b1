"""Read a Dockerfile with BuildKit's own parser, by the library `dockerfile`.

That library tells instructions, flags and line numbers. It drops comments and joins lines, so the
commands of RUN are taken from the text itself, to know their lines.
"""

import re
from typing import Any, Final

from repro_sign.errors import NoAnswerError
from repro_sign.escaping import printable
from repro_sign.lint import shell
from repro_sign.lint.recipe import Addition, Base, Recipe, Setting, Stage, Step
from repro_sign.lint.shell_command import ShellCommand
from repro_sign.values import dataclass

MAX_BYTES: Final = 128 << 10
"""BuildKit's parser needs time that grows with the square of a long instruction's size."""
MAX_STAGES: Final = 500
_INSTRUCTION: Final = re.compile(r"\s*(?:ONBUILD\s+)?(?:RUN|CMD|ENTRYPOINT)\b", re.IGNORECASE)
_FLAG: Final = re.compile(r"(?:\s|\\\n)*--[a-z][^\s\\]*", re.IGNORECASE)
_CONTINUED: Final = re.compile(r"\\[ \t]*$")
_MAX_VALUE: Final = 2000
"""Characters of a value that variables are replaced in."""
_MAX_LINES: Final = 200
"""Lines of an instruction in which a name is looked for."""
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")


def read(text: str, shown: str) -> Recipe:
    """Read a Dockerfile; `shown` names it in errors.

    Raises `NoAnswerError` if the parser is not installed, or can't make sense of the file.
    """
    try:
        import dockerfile
    except ImportError as error:
        hint = (
            "pip install 'repro-sign[lint]'; where that brings no parser (Linux on ARM, Alpine),"
            " install Go, then pip install dockerfile"
        )
        raise NoAnswerError(
            f"{shown}: the parser of Dockerfiles is not installed", hint=hint
        ) from error
    try:
        instructions = dockerfile.parse_string(text)
    except (dockerfile.GoParseError, ValueError) as error:
        raise NoAnswerError(f"{shown}: not a Dockerfile: {printable(str(error))}") from error
    reader = _Reader(text.split("\n"))
    for instruction in instructions:
        reader.take(instruction)
        if len(reader.stages) > MAX_STAGES:
            break
    if not 0 < len(reader.stages) <= MAX_STAGES:
        what = "it has no FROM" if not reader.stages else f"more than {MAX_STAGES} stages"
        raise NoAnswerError(f"{shown}: not a Dockerfile: {what}")
    return Recipe(reader.finished(), layered=True)


@dataclass(frozen=True, slots=True)
class _Started:
    """What ENTRYPOINT or CMD says; `ready` if it comes as a list of words."""

    commands: list[ShellCommand]
    ready: bool


class _Reader:
    """Takes the instructions in order, and keeps what later ones refer to."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._arguments: dict[str, str] = {}
        self._entrypoints: dict[int, _Started] = {}
        self._commands: dict[int, _Started] = {}
        self.stages: list[Stage] = []

    def take(self, one: Any) -> None:
        """Take in one instruction."""
        kind = one.sub_cmd if one.cmd == "ONBUILD" and one.sub_cmd else one.cmd or ""
        take = {
            "FROM": self._from,
            "ARG": self._argument,
            "RUN": self._run,
            "ENV": self._environment,
            "LABEL": self._label,
            "ADD": self._add,
            "COPY": self._copy,
            "ENTRYPOINT": self._entrypoint,
            "CMD": self._command,
        }.get(kind.upper())
        if take is not None and (self.stages or kind.upper() in ("FROM", "ARG")):
            take(one)

    def finished(self) -> list[Stage]:
        """Return the stages, each with the command that its image runs."""
        for stage in self.stages:
            entry = command = None
            for one in stage.lineage():
                command = command or self._commands.get(id(one))
                entry = self._entrypoints.get(id(one))
                if entry is not None:
                    break  # it undoes the CMD of stages before it
            stage.main = [Step(one, one.line, one.line) for one in _joined(entry, command)]
            stage.arguments_given = bool(entry and command)
            stage.runs = list(stage.main)
        return self.stages

    def _from(self, one: Any) -> None:
        text = self._expanded(one.value[0]) if one.value else ""
        words = [word.lower() for word in one.value]
        name = one.value[2] if len(words) > 2 and words[1] == "as" else ""
        parent = self._stage_called(text)
        base = Base("stage" if parent else "docker", text, one.start_line, one.start_line)
        self.stages.append(Stage(base, name.lower(), parent))

    def _stage_called(self, name: str) -> Stage | None:
        if name.isdigit():
            return (
                self.stages[int(name)] if len(name) < 5 and int(name) < len(self.stages) else None
            )
        return next((stage for stage in reversed(self.stages) if stage.name == name.lower()), None)

    def _argument(self, one: Any) -> None:
        for word in one.value:
            name, equals, value = word.partition("=")
            if equals:
                self._arguments[name] = value.strip("\"'")
                if self.stages:
                    setting = Setting(name, self._arguments[name], one.start_line, one.start_line)
                    self.stages[-1].build_variables.append(setting)

    def _environment(self, one: Any) -> None:
        for name, value in zip(one.value[::2], one.value[1::2], strict=False):
            known = self._expanded(value.strip("\"'"))
            self._arguments[name] = known
            line = self._line_with(one, name)
            self.stages[-1].environment.append(Setting(name, known, line, one.start_line))

    def _label(self, one: Any) -> None:
        self.stages[-1].labels += one.value[::2]

    def _run(self, one: Any) -> None:
        stage = self.stages[-1]
        for flag in one.flags:
            self._image_of_flag(flag, "--mount=", one)
        commands = self._commands_of(one)
        if one.json:
            commands = [found for each in commands for found in shell.with_handed_script(each)]
        stage.steps += [Step(command, one.start_line, one.start_line) for command in commands]

    def _add(self, one: Any) -> None:
        checked = any(flag.startswith("--checksum=") for flag in one.flags)
        for source in map(self._expanded, one.value[:-1]):
            if re.match(r"(?:https?|ftp|git|ssh)://|git@", source):
                line = self._line_with(one, source)
                self.stages[-1].additions.append(Addition(source, checked, line, one.start_line))
        self._copy(one)

    def _copy(self, one: Any) -> None:
        for flag in one.flags:
            self._image_of_flag(flag, "--from=", one)

    def _image_of_flag(self, flag: str, option: str, one: Any) -> None:
        if not flag.startswith(option):
            return
        values = [value.partition("=") for value in flag.removeprefix(option).split(",")]
        name = values[0][0] if option == "--from=" else ""
        name = name or next((value for key, _, value in values if key == "from"), "")
        name = self._expanded(name)
        if name and not name.isdigit() and self._stage_called(name) is None:
            base = Base("docker", name, self._line_with(one, name), one.start_line)
            self.stages[-1].images.append(base)

    def _entrypoint(self, one: Any) -> None:
        self._entrypoints[id(self.stages[-1])] = _Started(self._commands_of(one), one.json)

    def _command(self, one: Any) -> None:
        self._commands[id(self.stages[-1])] = _Started(self._commands_of(one), one.json)

    def _commands_of(self, one: Any) -> list[ShellCommand]:
        """Return the commands of RUN, CMD or ENTRYPOINT, in either form."""
        if one.json:
            return [ShellCommand(tuple(one.value), one.start_line, 0)] if one.value else []
        lines = [line.rstrip("\r") for line in self._lines[one.start_line - 1 : one.end_line]]
        if not one.heredocs:
            # Docker leaves comments and empty lines between continued lines out.
            lines = [
                "\\" if at and (not line.strip() or line.lstrip().startswith("#")) else
                _CONTINUED.sub(r"\\", line)
                for at, line in enumerate(lines)
            ]  # fmt: skip
        text = "\n".join(lines)
        begin = _INSTRUCTION.match(text)
        end = begin.end() if begin else 0
        while flag := _FLAG.match(text, end):
            end = flag.end()
        return list(shell.split(text[end:], one.start_line + text.count("\n", 0, end)))

    def _line_with(self, one: Any, text: str) -> int:
        """Return the line of an instruction on which a text stands, else its first."""
        start: int = one.start_line
        lines = self._lines[start - 1 : min(one.end_line, start + _MAX_LINES)]
        return next((start + at for at, line in enumerate(lines) if text in line), start)

    def _expanded(self, text: str) -> str:
        """Put the values that ARG and ENV give in the place of variables."""

        def value(found: re.Match[str]) -> str:
            default = found[3] if found[3] is not None else found[0]
            known = self._arguments.get(found[1] or found[2])
            return known if known and len(known) < _MAX_VALUE // 4 else default

        return _VARIABLE.sub(value, text[:_MAX_VALUE])[:_MAX_VALUE]


def _joined(entry: _Started | None, command: _Started | None) -> tuple[ShellCommand, ...]:
    """Return what is run: what CMD says is handed to an ENTRYPOINT that is ready split."""
    first = entry or command
    if first is None or not first.commands:
        return tuple(command.commands) if command else ()
    if not first.ready:
        return tuple(first.commands)
    words = first.commands[0].words
    if entry and command and command.commands:
        words += command.commands[0].words
    return shell.with_handed_script(ShellCommand(words, first.commands[0].line, 0))
