"""Every image of the corpus through `apptainer verify` as well: as recorded, and as predicted."""

from collections import Counter
from typing import Final

import pytest

from repro_sign import apptainer
from repro_sign.trust.evidence import Prediction
from tests.corpus.cases import CASES, Case
from tests.corpus.recording import observe, recorded
from tests.corpus.workshop import Workshop

pytest_plugins = ["tests.corpus.plugin"]

PREDICTED: Final = {Prediction.ACCEPTS: "accepted", Prediction.REFUSES: "refused"}


@pytest.mark.parametrize("case", CASES, ids=[one.name for one in CASES])
def test_apptainer_answers_as_recorded_and_as_predicted(workshop: Workshop, case: Case) -> None:
    answer, opinion = observe(workshop, case)
    known = recorded(apptainer.version())
    assert answer == known.get(case.name, answer if not known else "not recorded")
    if opinion is None:
        assert not case.either, "nothing is predicted of what is malformed"
    elif case.either:
        assert opinion.predicted is Prediction.EITHER, opinion.because
    else:
        right = PREDICTED.get(opinion.predicted) == answer
        assert right is not bool(case.gap), opinion


def test_most_answers_are_predicted() -> None:
    assert Counter(bool(one.either) for one in CASES)[False] > 450
