"""What `lint` found: as text for people, as JSON for programs, as SARIF for code review."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from repro_sign import __version__
from repro_sign.escaping import printable
from repro_sign.lint.finding import LintFinding, LintLevel
from repro_sign.lint.rules import RULES, Rule
from repro_sign.report.as_json import SCHEMA

Paint = Callable[[str, LintLevel], str]
"""Colours a text by a level; returns it as it is where there are no colours."""

SARIF_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_SARIF_LEVELS: Final = {LintLevel.PROBLEM: "error", LintLevel.ADVICE: "note"}


def plain(text: str, _: LintLevel) -> str:
    """Return a text without colour."""
    return text


def as_text(findings: Iterable[LintFinding], paint: Paint = plain) -> Iterator[str]:
    """Yield the lines for each finding: where it is and what, and below it what to do."""
    for one in findings:
        yield brief(one, paint)
        yield f"    fix: {one.fix}"


def brief(one: LintFinding, paint: Paint = plain) -> str:
    """Return a finding on one line, as compilers write it."""
    level = paint(one.level.value, one.level)
    return f"{printable(one.file)}:{one.line}: {level}: {one.message} [{one.code}]"


def summary(file: str, findings: Sequence[LintFinding]) -> str:
    """Return the line that counts what was found in a file."""
    problems = sum(one.level is LintLevel.PROBLEM for one in findings)
    advice = len(findings) - problems
    words = f"{problems} {'problem' if problems == 1 else 'problems'}, {advice} of advice"
    return f"{printable(file)}: {words if findings else 'nothing to say'}"


def document(findings: Iterable[LintFinding]) -> dict[str, Any]:
    """Return the document that `lint --json` prints."""
    return {
        "schema": SCHEMA,
        "findings": [
            {
                "code": one.code,
                "level": one.level.value,
                "file": one.file,
                "line": one.line,
                "message": one.message,
                "fix": one.fix,
            }
            for one in findings
        ],
    }


def sarif(findings: Sequence[LintFinding]) -> dict[str, Any]:
    """Return the findings as a log of SARIF 2.1.0 with one run (sections 3.13, 3.19, 3.27)."""
    codes = sorted({one.code for one in findings})
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "repro-sign lint",
                        "semanticVersion": __version__,
                        "rules": [_sarif_rule(RULES[code]) for code in codes],
                    }
                },
                "results": [_sarif_result(one, codes.index(one.code)) for one in findings],
            }
        ],
    }


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.reason},
        "help": {"text": f"What to do: {rule.fix}"},
        "defaultConfiguration": {"level": _SARIF_LEVELS[rule.level]},
    }


def _sarif_result(one: LintFinding, index: int) -> dict[str, Any]:
    return {
        "ruleId": one.code,
        "ruleIndex": index,
        "level": _SARIF_LEVELS[one.level],
        "message": {"text": f"{one.message}. What to do: {one.fix}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(one.file)},
                    "region": {"startLine": one.line},
                }
            }
        ],
    }


def _uri(file: str) -> str:
    """Return a path as SARIF wants it (3.4.3): relative to the folder that is reviewed, or file:///."""
    path = PurePath(file)
    shown = quote(path.as_posix().encode("utf-8", "surrogateescape"))
    return f"file://{shown}" if path.is_absolute() else shown
