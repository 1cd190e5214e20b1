"""Every image of the corpus: the right verdict, status and reason, no crash, bounded memory."""

import json
from typing import Final

import pytest

from repro_sign.verifying import Engine
from tests.account import Account
from tests.corpus.asking import arguments, ask, codes
from tests.corpus.cases import CASES, Case
from tests.corpus.workshop import Workshop
from tests.test_bounds import bounded

pytest_plugins = ["tests.corpus.plugin"]

SOUND: Final = [one for one in CASES if not one.absurd]
ABSURD: Final = [one for one in CASES if one.absurd]


def each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[one.name for one in cases])


def test_names_tell_cases_apart() -> None:
    assert len({one.name for one in CASES}) == len(CASES) > 400


@each(SOUND)
def test_the_verdict_is_right_and_says_why(workshop: Workshop, case: Case) -> None:
    report = ask(workshop, case, Engine.NATIVE)
    said = [*report.verdict.reasons, *report.verdict.notes]
    assert report.verdict.word == case.verdict, said
    assert case.codes <= codes(report), said


@each(SOUND[::40])
def test_the_command_line_says_the_same(workshop: Workshop, case: Case, account: Account) -> None:
    result = account.verify(*arguments(workshop, case))
    assert (result.status, result.image["verdict"], result.err) == (case.status, case.verdict, "")
    assert case.codes <= result.codes


def test_absurd_counts_and_sizes_cost_no_memory(workshop: Workshop, account: Account) -> None:
    images = [workshop.image(one) for one in ABSURD]
    assert {one.key for one in ABSURD} == {("ada",)}
    options = ("--json", "--engine", "native", "--key", workshop.key_file("ada"))
    answer = bounded(account, "verify", *options, *images)
    found = json.loads(answer.out)["images"]
    assert answer.status == 1
    for case, image in zip(ABSURD, found, strict=True):
        assert image["verdict"] == case.verdict, case.name
        assert case.codes <= {one["code"] for one in image["reasons"]}, case.name
