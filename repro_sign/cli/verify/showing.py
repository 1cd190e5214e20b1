"""How `verify` prints results: each as it comes, so that none has to be kept."""

import sys
from abc import ABC, abstractmethod
from textwrap import indent
from typing import Final

import click

from repro_sign.cli.options import explain, is_quiet, is_verbose, say
from repro_sign.cli.painting import paint
from repro_sign.cli.verify.run_progress import RunProgress
from repro_sign.errors import ReproSignError
from repro_sign.report import as_json, as_text
from repro_sign.report.tally import Counted, Tally
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport

_INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Told:
    """What is printed and counted of one image.

    `problem` is why it could not be remembered; `report` is all of it, where that is wanted.
    """

    text: str
    counted: Counted
    problem: ReproSignError | None = None
    report: ImageReport | None = None


class Output(ABC):
    """Prints results on standard output. `reports` are kept if that is asked for.

    `problems` says whether an image could not be remembered.
    """

    def __init__(self, progress: RunProgress, *, keeps: bool) -> None:
        self.tally = Tally()
        self.reports: list[ImageReport] = []
        self.problems = False
        self._progress = progress
        self._keeps = keeps

    def told(self, report: ImageReport) -> Told:
        """Return what is to be printed and counted of a report, where it was made."""
        problem = report.remembering.problem if report.remembering else None
        kept = report if self._keeps else None
        return Told(self._text(report), Counted.of(report, paint), problem, kept)

    def show(self, told: Told) -> None:
        """Print one result, whole."""
        self._progress.erase()
        click.echo(self._joined(told.text), nl=False)
        if told.problem:
            explain(told.problem)
            self.problems = True
        if told.report is not None:  # a report is false where its image is not verified
            self.reports.append(told.report)
        self.tally.add(told.counted)
        self._progress.add(told.counted.size)

    def end(self, *, interrupted: bool) -> None:
        """Print what follows the last result; after Ctrl-C say that it was not the last."""
        self._progress.erase()
        click.echo(self._end(interrupted=interrupted), nl=False)
        sys.stdout.flush()
        if interrupted:
            images = "1 image was" if self.tally.images == 1 else f"{self.tally.images} images were"
            say(f"repro-sign: interrupted: {images} looked at, the others were not")

    @abstractmethod
    def _text(self, report: ImageReport) -> str: ...

    def _joined(self, text: str) -> str:
        return text

    def _end(self, *, interrupted: bool) -> str:
        del interrupted
        return ""


class TextOutput(Output):
    """Prints texts, and a summary of several."""

    def _text(self, report: ImageReport) -> str:
        if is_quiet():
            return as_text.brief(report, paint)
        return as_text.image(report, paint, all_of_it=is_verbose())

    def _end(self, *, interrupted: bool) -> str:
        if self.tally.images < 2:
            return ""
        rest = "interrupted: the others were not looked at\n" if interrupted else ""
        table = "" if is_quiet() else self.tally.table(paint)
        return table + self.tally.line(paint) + rest


class LineOutput(Output):
    """Prints a JSON object a line, at once."""

    def show(self, told: Told) -> None:
        """Print one result, and let nobody wait for it."""
        super().show(told)
        sys.stdout.flush()

    def _text(self, report: ImageReport) -> str:
        return as_json.to_line(as_json.image(report)) + "\n"


class DocumentOutput(Output):
    """Prints one JSON document, as `as_json.to_text` writes it, a member of its list at a time."""

    def _text(self, report: ImageReport) -> str:
        return indent(as_json.to_text(as_json.image(report)), _INDENT)

    def _joined(self, text: str) -> str:
        return (",\n" if self.tally.images else '{\n  "images": [\n') + text

    def _end(self, *, interrupted: bool) -> str:
        before = "\n  ]" if self.tally.images else '{\n  "images": []'
        rest = ',\n  "interrupted": true' if interrupted else ""
        return f'{before}{rest},\n  "schema": {as_json.SCHEMA}\n}}\n'
