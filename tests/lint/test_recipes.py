"""Recipes of all kinds get the findings that a careful person would give."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from repro_sign import LintLevel, lint_recipe
from repro_sign.lint.rules import RULES
from tests.lint.reading import FOLDER, RECIPES, TODAY, all_recipes, codes

EXPECTED = tomllib.loads((FOLDER / "expected.toml").read_text(encoding="utf-8"))
STEPS = 5


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_recipe_gets_the_findings_of_a_careful_person(name: str) -> None:
    found = codes(lint_recipe(RECIPES / name, today=TODAY))
    assert sorted(found) == sorted(EXPECTED[name]["finds"])


def test_every_recipe_is_judged_and_there_are_twenty() -> None:
    there = {path.relative_to(RECIPES).as_posix() for path in all_recipes()}
    assert there == set(EXPECTED)
    assert len(there) >= 20


def test_every_rule_is_found_in_some_recipe() -> None:
    found = {line.split()[1] for one in EXPECTED.values() for line in one["finds"]}
    assert set(RULES) == found


@pytest.mark.parametrize("kind", ["definition", "dockerfile"])
def test_each_step_of_the_talk_has_fewer_problems_and_the_last_none(kind: str) -> None:
    problems = []
    for step in range(1, STEPS + 1):
        (path,) = (FOLDER / "steps" / kind).glob(f"{step}.*")
        found = lint_recipe(path, today=TODAY)
        problems.append([one.code for one in found if one.level is LintLevel.PROBLEM])
    counts = [len(one) for one in problems]
    assert all(before > after for before, after in pairwise(counts)), problems
    assert counts[-1] == 0
    assert "base-latest" in problems[0]
    assert "system-package-not-pinned" in problems[1]
    assert problems[2:4] == [["no-command", "seed-not-set"], ["seed-not-set"]]


def test_the_last_step_is_left_with_advice(tmp_path: Path) -> None:
    found = lint_recipe(FOLDER / "steps" / "definition" / "5.def", today=TODAY)
    assert [one.code for one in found] == ["no-labels", "base-no-digest"]
    assert {one.level for one in found} == {LintLevel.ADVICE}


def test_a_finding_says_what_where_and_what_to_do() -> None:
    (one,) = (
        one
        for one in lint_recipe(RECIPES / "quickstart.def", today=TODAY)
        if one.code == "package-range"
    )
    assert one.line == 7
    assert one.file == str(RECIPES / "quickstart.def")
    assert one.message == "pip installs pandas>=1.5 by a range of versions"
    assert "name==1.2.3" in one.fix


def test_rules_are_told_in_sentences() -> None:
    for rule in RULES.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.code)
        assert rule.title[0].isupper()
        assert not rule.title.endswith(".")
        assert rule.reason.endswith(".")
        assert rule.fix
