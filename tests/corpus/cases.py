"""The list of all cases."""

from typing import Final

from tests.corpus.case import Case
from tests.corpus.cases_clearsign import blocks
from tests.corpus.cases_descriptors import descriptors, headers
from tests.corpus.cases_documents import documents
from tests.corpus.cases_envelopes import envelopes
from tests.corpus.cases_forms import forms, old_forms, signers
from tests.corpus.cases_keys import key_states
from tests.corpus.cases_manifests import manifests
from tests.corpus.cases_objects import absurd, objects, odd_but_signed, truncations

_PARTS: Final = (
    *(forms, old_forms, signers, key_states, blocks, documents, envelopes),
    *(headers, descriptors, objects, odd_but_signed, truncations, absurd, manifests),
)
CASES: Final[tuple[Case, ...]] = tuple(one for part in _PARTS for one in part())

__all__ = ["CASES", "Case"]
