"""A simple command of a shell script, what it runs in the end, and the script it hands on."""

import re
from typing import Final

from repro_sign.lint.word_list import words
from repro_sign.values import dataclass

MAX_NESTING: Final = 5
"""Scripts within scripts deeper than this are left as words."""

ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*\+?=")
"""The beginning of a word that sets a variable."""


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A simple command: its words without their quotes, and the line on which it begins.

    `stdin` is the text that a here-document or here-string hands it, `output` the file that its
    output goes to. Commands with the same `pipeline` are joined by `|`; `nested` ones stand in
    `$(…)`, back-ticks or `<(…)`.
    """

    words: tuple[str, ...]
    line: int
    pipeline: int
    assignments: tuple[str, ...] = ()
    stdin: str = ""
    output: str = ""
    nested: bool = False

    @property
    def program(self) -> str:
        """The name of the program, without its folder; empty if there is none."""
        return program_of(self.words)


SHELLS: Final = words("sh bash dash ash zsh ksh")


def program_of(words: tuple[str, ...]) -> str:
    """Return the name of the program that words start, without its folder; empty if none."""
    return words[0].rpartition("/")[2] if words else ""


def script_of(command: ShellCommand) -> str:
    """Return the script that a command hands to a shell: `sh -c "…"`, `eval …`, `bash <<EOF`."""
    words = unwrapped(command.words)
    if not words:
        # In a Dockerfile, RUN <<EOF alone runs the document as a script.
        return "" if command.assignments else command.stdin
    program = program_of(words)
    if program == "eval":
        return " ".join(words[1:])
    if program not in SHELLS and program != "su":
        return ""
    for at, word in enumerate(words[1:], 1):
        if word == "--command" or re.fullmatch(r"-[a-z]*c", word):
            script = words[at + 1] if at + 1 < len(words) else ""
            # What stands in $(…) was read already; what it prints is not known.
            return "" if script.startswith(("$(", "`")) else script
    return command.stdin if len(words) == 1 or words[-1] in ("-s", "-e", "-x", "-ex", "-") else ""


_WRAPPERS: Final = {
    "sudo": ("-u", "-g", "-h", "-p", "-C"),
    "exec": ("-a",),
    "env": ("-u", "--unset", "-C", "--chdir"),
    "command": (),
    "builtin": (),
    "nice": ("-n",),
    "ionice": ("-c", "-n"),
    "nohup": (),
    "time": ("-f", "-o"),
    "stdbuf": ("-i", "-o", "-e"),
    "eatmydata": (),
    "tini": ("-e", "-p"),
    "dumb-init": ("-r",),
    "xargs": ("-n", "-P", "-I", "-L", "-d", "-a", "-s", "-E"),
}
"""Programs that run the command after them, and their options that take a value."""
_WITH_A_WORD: Final = frozenset({"gosu", "su-exec", "timeout", "chroot"})
"""Programs that take one word before the command."""
_RUNNERS: Final = words("conda mamba micromamba poetry pipenv pixi uv rye")
"""Programs that run a command in an environment: `conda run -n paper python run.py`."""


def unwrapped(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command without what merely starts it: `sudo`, `env A=b`, `exec`, `conda run`."""
    for _ in range(MAX_NESTING):
        program = program_of(words)
        if program in _WRAPPERS:
            words = _after_options(words[1:], _WRAPPERS[program])
            while program == "env" and words and ASSIGNMENT.match(words[0]):
                words = words[1:]
        elif program in _WITH_A_WORD:
            words = _after_options(words[1:], ("-s", "-k", "--signal", "--kill-after"))[1:]
        elif program in _RUNNERS and words[1:2] == ("run",):
            words = _after_options(words[2:], ("-n", "-p", "--name", "--prefix", "--with", "--cwd"))
        else:
            break
    return words


def _after_options(words: tuple[str, ...], valued: tuple[str, ...]) -> tuple[str, ...]:
    at = 0
    while at < len(words) and words[at].startswith("-") and len(words[at]) > 1:
        ended = words[at] == "--"
        at += 2 if words[at] in valued else 1
        if ended:
            break
    return words[at:]
