"""Everything in TOML that others write: lock files, control lists, policies, trust stores."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import atheris
from harness import NOW, ForgeryError, run

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.ecl import control_list, validity
    from repro_sign.errors import MalformedError, NoAnswerError, RefusedError
    from repro_sign.locking import text
    from repro_sign.policy_file import document
    from repro_sign.policy_file.people import People
    from repro_sign.stores.trust_exchange import read_exported

FOLDER: Final = Path("/nowhere")
LOCK: Final = FOLDER / "repro-sign.lock"


def one(data: bytes) -> None:
    """Read the bytes as each of them."""
    with suppress(MalformedError):
        lock = text.parse(data, LOCK)
        if text.parse(text.to_text(lock).encode(), LOCK) != lock:
            raise ForgeryError("writing and reading changed a lock file")
    with suppress(MalformedError, NoAnswerError):
        control = control_list.parse(data)
        list(validity.faults(control))
        control.group_for("/srv/images")
    with suppress(MalformedError, RefusedError):
        read_exported(data, "fuzz")
    with suppress(MalformedError):
        policy(data)


def policy(data: bytes) -> None:
    """Read a policy as far as that goes without files; `ValueError` is what becomes no answer."""
    rules = document.parse(data, FOLDER, NOW)
    with suppress(ValueError):
        people = People(rules)
        for rule in rules.rules:
            for words in rule.require:
                if people.demand(words).count < 1:
                    raise ForgeryError("a rule that asks for nobody")


run(one)
