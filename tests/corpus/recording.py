"""Record what the real `apptainer verify` answers to each case: `scripts/record-apptainer`."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from repro_sign import apptainer
from repro_sign.trust.evidence import SecondOpinion
from repro_sign.verifying import Engine
from tests.corpus.asking import ask, ask_apptainer
from tests.corpus.cases import CASES, Case
from tests.corpus.workshop import Workshop, open_workshop
from tests.programs import tools_path

_WORDS: Final = {True: "accepted", False: "refused", None: "crash"}


def recorded(version: str) -> dict[str, str]:
    """Return the recorded answers of this version of Apptainer; none of versions not recorded."""
    path = _path(version)
    answers: dict[str, str] = {}
    if path.exists():
        answers = json.loads(path.read_text(encoding="utf-8"))["answers"]
    return answers


def observe(workshop: Workshop, case: Case) -> tuple[str, SecondOpinion | None]:
    """Return Apptainer's answer, and what was predicted where the image could be examined.

    Where nothing is predicted it is asked with the reader's own keys, and with little memory.
    """
    report = ask(workshop, case, Engine.AUTO)
    assert case.gap or report.verdict.word == case.verdict, report.verdict.reasons
    opinion = report.evidence.second_opinion
    if opinion is None or case.either:
        return _WORDS[ask_apptainer(workshop, case).accepted], opinion
    return _WORDS[opinion.accepted], opinion


def main() -> None:
    """Record all answers again."""
    os.environ["PATH"] = tools_path()
    version = apptainer.version()
    with tempfile.TemporaryDirectory() as folder, open_workshop(Path(folder)) as workshop:
        answers = {one.name: observe(workshop, one)[0] for one in CASES}
    document = {"version": version, "answers": answers}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    _path(version).write_text(text + "\n", encoding="utf-8")
    print(f"{_path(version)}: {len(answers)} answers", file=sys.stderr)


def _path(version: str) -> Path:
    return Path(__file__).with_name(f"apptainer-{version}.json")


if __name__ == "__main__":
    main()
