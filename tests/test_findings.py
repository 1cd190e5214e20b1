"""Every word that a report can use occurs in the corpus, or is named here with its own test."""

import ast
from typing import Final

import pytest

from repro_sign.finding import Finding
from repro_sign.sif import reader
from repro_sign.trust import against, first_use, judge, notes
from repro_sign.verifying import Engine
from tests.corpus.asking import ask, codes
from tests.corpus.cases import CASES
from tests.corpus.workshop import Workshop

pytest_plugins = ["tests.corpus.plugin"]

MODULES: Final = (against, first_use, judge, notes)
"""Where verdicts get their reasons from."""
ELSEWHERE: Final = {
    "engines-disagree": "needs an Apptainer that errs: tests/truth_table.toml",
    "no-second-opinion": "needs an Apptainer that crashes: tests/test_verify.py",
    "delegation-ended": "needs a policy: tests/truth_table.toml",
    "policy-note": "needs a policy: tests/test_policy.py",
    "key-server": "needs a key server: tests/test_verify_keyserver.py",
    "key-server-unanswered": "needs a key server: tests/test_verify_keyserver.py",
    "not-read": "needs notices that can't be read: tests/test_notices.py",
    "signature-missing": "needs a memory: tests/truth_table.toml",
    "time-contradicted": "needs a timestamp: tests/test_proven_time.py",
    "timestamp-not-used": "needs a timestamp: tests/test_timestamps.py",
    "no-timestamp": "needs a policy: tests/truth_table.toml",
    "notice-without-force": "needs a notice: tests/truth_table.toml",
    "rollback": "needs a memory: tests/truth_table.toml",
    "rule-met": "needs a policy: tests/truth_table.toml",
    "rule-not-met": "needs a policy: tests/truth_table.toml",
    "signer-changed": "needs a memory: tests/truth_table.toml",
    "superseded": "needs a notice: tests/truth_table.toml",
    "time-proven": "needs a timestamp: tests/truth_table.toml",
    "too-old": "needs a date: tests/truth_table.toml",
    "withdrawn": "needs a notice: tests/truth_table.toml",
}
"""Codes that no image brings about by itself, as far as is known."""


def codes_in(module: object, name: str, argument: int) -> set[str]:
    """Return the codes that a module's source gives to `name(...)`, as text."""
    path = getattr(module, "__file__", "")
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            named = [one.value for one in node.keywords if one.arg == "code"]
            for value in [*node.args[argument : argument + 1], *named]:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found.add(value.value)
    return found


@pytest.fixture(scope="module")
def said(workshop: Workshop) -> set[str]:
    """Give every code and every finding in the whole corpus."""
    found: set[str] = set()
    for case in CASES:
        report = ask(workshop, case, Engine.NATIVE)
        found |= codes(report)
        found |= {f"finding {one.finding}" for one in report.evidence.signatures}
    return found


def test_every_finding_occurs(said: set[str]) -> None:
    assert {f"finding {one}" for one in Finding} <= said


def test_every_reason_occurs(said: set[str]) -> None:
    reasons = {code for module in MODULES for code in codes_in(module, "Reason", 0)}
    assert len(reasons) > 15
    assert reasons - said == set(ELSEWHERE)


def test_every_broken_rule_of_the_format_occurs(said: set[str]) -> None:
    rules = codes_in(reader, "MalformedError", 9)
    assert len(rules) > 5
    assert rules <= said
