"""Shell scripts split into simple commands, well enough to tell which programs they start.

This is no shell: nothing is expanded and nothing is run. It knows quotes, continued lines,
comments, operators, here-documents, and scripts inside scripts (`$(…)`, `sh -c "…"`); what it can't
make sense of becomes words. Every character is looked at a bounded number of times.
"""

import re
from collections.abc import Iterator
from dataclasses import field
from itertools import count
from typing import Final

from repro_sign.lint.shell_command import ASSIGNMENT, MAX_NESTING, ShellCommand, script_of
from repro_sign.lint.word_list import words
from repro_sign.values import dataclass

_KEYWORDS: Final = words("if then else elif fi do done while until esac { } ! time")
"""Words that stand before a command and are none."""
_HEADS: Final = words("for case select function")
"""Words whose command runs nothing itself."""
_PLAIN: Final = re.compile(r"[^ \t\r\n\\'\"`$#;&|()<>]+")
_OPERATOR: Final = re.compile(r"[;&|()]+")
_DESCRIPTOR: Final = re.compile(r"\d+$")


@dataclass(slots=True)
class _Draft:
    """A command that is being read."""

    line: int
    pipeline: int
    words: list[str] = field(default_factory=list)
    assignments: list[str] = field(default_factory=list)
    stdin: str = ""
    output: str = ""
    inner: list[ShellCommand] = field(default_factory=list)
    """What its words hold in `$(…)` and the like, which is run before it."""


@dataclass(slots=True)
class _HereDocument:
    """A here-document that begins after the present line."""

    end: str
    stripped: bool
    owner: _Draft


def split(text: str, line: int = 1) -> tuple[ShellCommand, ...]:
    """Return the simple commands of a script whose first line has the number `line`."""
    return tuple(_Reader(text, line, count(), 0, nested=False).commands())


def matching(text: str, start: int, close: str) -> int:
    """Return the index of the bracket that closes what begins at `start`, or the text's end."""
    opened = {")": "(", "}": "{"}[close]
    depth, position = 1, start
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "'":
            end = text.find("'", position + 1)
            position = end if end >= 0 else len(text)
        elif character == opened:
            depth += 1
        elif character == close:
            depth -= 1
            if not depth:
                return position
        position += 1
    return len(text)


class _Reader:
    """Reads one script, and the scripts in it."""

    def __init__(
        self, text: str, line: int, pipelines: "count[int]", depth: int, *, nested: bool
    ) -> None:
        self._text = text
        self._line = line
        self._pipelines = pipelines
        self._depth = depth
        self._nested = nested
        self._position = 0
        self._here: list[_HereDocument] = []
        self._inner: list[ShellCommand] = []  # where scripts inside the present word go

    def commands(self) -> Iterator[ShellCommand]:
        """Yield the commands, those inside a command's words before it."""
        draft = self._new(next(self._pipelines))
        waiting: list[_Draft] = []
        text = self._text
        while self._position < len(text):
            character = text[self._position]
            if character == "\n":
                self._position += 1
                self._line += 1
                waiting.append(draft)
                self._read_here_documents()
                yield from self._finish(waiting)
                draft = self._new(next(self._pipelines))
            elif character in " \t\r":
                self._position += 1
            elif text.startswith("\\\n", self._position):
                self._position += 2
                self._line += 1
            elif character == "#":
                end = text.find("\n", self._position)
                self._position = end if end >= 0 else len(text)
            elif text.startswith("&>", self._position):
                self._position += 1
                self._redirect(draft)
            elif operator := _OPERATOR.match(text, self._position):
                self._position = operator.end()
                waiting.append(draft)
                joined = "|" in operator[0] and "||" not in operator[0]
                draft = self._new(draft.pipeline if joined else next(self._pipelines))
            elif character in "<>" and not text.startswith(("<(", ">("), self._position):
                self._redirect(draft)
            else:
                self._take_word(draft)
        waiting.append(draft)
        yield from self._finish(waiting)

    def _new(self, pipeline: int) -> _Draft:
        return _Draft(self._line, pipeline)

    def _finish(self, drafts: list[_Draft]) -> Iterator[ShellCommand]:
        for draft in drafts:
            yield from draft.inner
            if draft.words or draft.assignments or draft.stdin:
                yield from self.unfolded(
                    ShellCommand(
                        tuple(draft.words),
                        draft.line,
                        draft.pipeline,
                        tuple(draft.assignments),
                        draft.stdin,
                        draft.output,
                        self._nested,
                    )
                )
        drafts.clear()

    def unfolded(self, command: ShellCommand) -> Iterator[ShellCommand]:
        """Yield a command, and those of the script that it hands to a shell."""
        yield command
        script = script_of(command)
        if script and self._depth < MAX_NESTING:
            # A here-document begins on the line after its command.
            line = command.line + (script is command.stdin)
            inner = _Reader(script, line, self._pipelines, self._depth + 1, nested=self._nested)
            yield from inner.commands()

    def _take_word(self, draft: _Draft) -> None:
        if not draft.words and not draft.assignments:
            draft.line = self._line
        start = self._position
        self._inner = draft.inner
        word = self._word()
        quoted = self._text[start : start + 1] in ("'", '"')
        if draft.words:
            draft.words.append(word)
        elif not quoted and word in _KEYWORDS:
            pass
        elif not quoted and ASSIGNMENT.match(word):
            draft.assignments.append(word)
        else:
            draft.words.append(word)
            if word in _HEADS:
                draft.words[0] = ":"

    def _word(self) -> str:
        """Read a word; what it holds in `$(…)` and the like is read as a script, too."""
        text, parts = self._text, []
        while self._position < len(text):
            character = text[self._position]
            if character == "\\":
                if text.startswith("\\\n", self._position):
                    self._line += 1
                else:
                    parts.append(text[self._position + 1 : self._position + 2])
                self._position += 2
            elif character == "'":
                end = text.find("'", self._position + 1)
                end = end if end >= 0 else len(text)
                parts.append(text[self._position + 1 : end])
                self._line += text.count("\n", self._position, end)
                self._position = end + 1
            elif character == '"':
                self._position += 1
                parts.append(self._double_quoted())
            elif character in "$`" or text.startswith(("<(", ">("), self._position):
                parts.append(self._expansion())
            elif plain := _PLAIN.match(text, self._position):
                parts.append(plain[0])
                self._position = plain.end()
            elif character == "#":
                parts.append("#")  # only a word's first one begins a comment
                self._position += 1
            else:
                break
        return "".join(parts)

    def _double_quoted(self) -> str:
        text, parts = self._text, []
        while self._position < len(text) and text[self._position] != '"':
            character = text[self._position]
            if character == "\\":
                follows = text[self._position + 1 : self._position + 2]
                if follows == "\n":
                    self._line += 1
                else:
                    parts.append(follows if follows in ("$", "`", '"', "\\") else f"\\{follows}")
                self._position += 2
            elif character in "$`":
                parts.append(self._expansion())
            else:
                end = _until(text, self._position + 1, '"\\$`')
                parts.append(text[self._position : end])
                self._line += text.count("\n", self._position, end)
                self._position = end
        self._position += 1
        return "".join(parts)

    def _expansion(self) -> str:
        """Read `$…`, back-ticks or `<(…)` as it stands."""
        text, start = self._text, self._position
        begins = text[start : start + 2]
        if begins in ("$(", "<(", ">("):
            end = matching(text, start + 2, ")")
            self._script_inside(text[start + 2 : end])
        elif text[start] == "`":
            end = text.find("`", start + 1)
            end = end if end >= 0 else len(text)
            self._script_inside(text[start + 1 : end])
        elif begins == "${":
            end = matching(text, start + 2, "}")
        else:
            end = start  # a bare dollar; the name after it is plain text
        self._line += text.count("\n", start, end)
        self._position = end + 1
        return text[start : end + 1]

    def _script_inside(self, script: str) -> None:
        if self._depth < MAX_NESTING:
            inner = _Reader(script, self._line, self._pipelines, self._depth + 1, nested=True)
            self._inner += inner.commands()

    def _redirect(self, draft: _Draft) -> None:
        """Read a redirection and the word that it leads to."""
        text = self._text
        touching = text[self._position - 1 : self._position].isdigit()
        if touching and draft.words and _DESCRIPTOR.fullmatch(draft.words[-1]):
            draft.words.pop()  # the "2" of "2>"
        start = self._position
        while self._position < len(text) and text[self._position] in "<>":
            self._position += 1
        operator = text[start : self._position]
        if self._position < len(text) and text[self._position] in "-&|":
            operator += text[self._position]
            self._position += 1
        while self._position < len(text) and text[self._position] in " \t":
            self._position += 1
        self._inner = draft.inner
        target = self._word()
        if operator in ("<<", "<<-"):
            self._here.append(_HereDocument(target, operator == "<<-", draft))
        elif operator == "<<<":
            draft.stdin = target
        elif operator == "<":
            draft.stdin = f"# {target}"  # it reads something; as a script this says nothing
        elif operator.startswith(">") and not operator.endswith("&"):
            draft.output = target

    def _read_here_documents(self) -> None:
        """Take the lines of the here-documents that the line just ended announced."""
        for here in self._here:
            lines = []
            while self._position < len(self._text):
                end = self._text.find("\n", self._position)
                end = end if end >= 0 else len(self._text)
                line = self._text[self._position : end]
                self._position = end + 1
                self._line += 1
                if (line.lstrip("\t") if here.stripped else line).rstrip("\r") == here.end:
                    break
                lines.append(line)
            here.owner.stdin = "\n".join(lines)
        self._here.clear()


def _until(text: str, start: int, stops: str) -> int:
    """Return the index of the first of some characters, or the text's end."""
    position = start
    while position < len(text) and text[position] not in stops:
        position += 1
    return position


def with_handed_script(command: ShellCommand) -> tuple[ShellCommand, ...]:
    """Return a command that came ready split, and those of the script it hands to a shell."""
    reader = _Reader("", command.line, count(command.pipeline + 1), 0, nested=False)
    return tuple(reader.unfolded(command))
