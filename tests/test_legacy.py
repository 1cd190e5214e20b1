"""Old signatures: what they would say is shown to who asks, and never accepted."""

import pytest

from tests.account import Account
from tests.corpus.asking import arguments
from tests.corpus.cases import CASES
from tests.corpus.workshop import Workshop

pytest_plugins = ["tests.corpus.plugin"]
NAMED = {one.name: one for one in CASES}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("legacy over the group", "the bare data of group 1 is as it was signed"),
        ("legacy over the partition", "the bare data of object 3"),
        ("legacy, data changed", "was CHANGED since"),
        ("legacy by an unknown key", "unknown-key"),
        ("legacy with an unknown hash type", "unknown hash type 9"),
    ],
)
def test_what_an_old_signature_would_say(
    workshop: Workshop, account: Account, name: str, words: str
) -> None:
    asked = arguments(workshop, NAMED[name])
    plain, told = account.verify(*asked), account.verify(*asked, "--legacy-insecure")
    assert plain.status == told.status == 4
    assert [one["finding"] for one in told.image["signatures"]] == ["legacy"]
    assert words in told.image["signatures"][0]["message"]
    assert words not in plain.out


def test_asking_does_not_spoil_what_is_signed_anew(workshop: Workshop, account: Account) -> None:
    asked = arguments(workshop, NAMED["legacy beside new"])
    assert account.verify(*asked, "--legacy-insecure").status == 0
