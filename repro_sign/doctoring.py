"""Use case: look at what is installed and which keys there are, and say what is wrong."""

import platform
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from repro_sign import __version__, apptainer
from repro_sign.errors import MalformedError, RefusedError, ReproSignError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.key_health import Gravity, examine_key
from repro_sign.stores.apptainer_ring import PUBLIC_NAME, SECRET_NAME
from repro_sign.stores.exposure import exposed, places_of
from repro_sign.stores.listing import KeyEntry, survey_keys
from repro_sign.stores.revocations import path_of
from repro_sign.stores.secret_keys import SECRET_STORES
from repro_sign.stores.trust_store import read_entries
from repro_sign.system.files import demand_own_file, read_beginning
from repro_sign.system.locations import Locations
from repro_sign.system.process import find_program, fresh_environment, run
from repro_sign.times import readable
from repro_sign.values import dataclass

_OVER: Final = {"revoked", "expired"}
"""Findings after which nothing else about a key matters."""
_LIBRARIES: Final = ("pysequoia", "cryptography", "python-gnupg", "blake3")


class State(StrEnum):
    """How a thing is: in order, worth knowing, or wrong."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing looked at; `remedy` says what mends it."""

    state: State
    about: str
    message: str
    remedy: str = ""


def examine_machine(where: Locations, now: datetime) -> Iterator[Observation]:
    """Yield what there is to say, the programs first."""
    yield Observation(
        State.OK, "repro-sign", f"{__version__}, Python {platform.python_version()}, {_libraries()}"
    )
    yield from _programs()
    yield from _folders(where)
    yield from _keys(where, now)
    yield from _trust(where)


def _libraries() -> str:
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} missing")
    return ", ".join(found)


def _programs() -> Iterator[Observation]:
    if apptainer.installed():
        yield Observation(State.OK, "apptainer", apptainer.version())
    else:
        message = "not installed: verifying needs none; there is no second opinion"
        yield Observation(State.NOTE, "apptainer", message)
    gpg = find_program("gpg")
    if gpg is None:
        message = "not installed: verifying needs none; keys in GnuPG can't be used"
        yield Observation(State.NOTE, "gpg", message)
    else:
        done = run([str(gpg), "--version"], env=fresh_environment(HOME="/"))
        first = (done.stdout.decode("utf-8", "replace").splitlines() or [""])[0]
        yield Observation(State.OK, "gpg", printable(first.rsplit(" ", 1)[-1]))


def _folders(where: Locations) -> Iterator[Observation]:
    places = [path for store in SECRET_STORES for path in places_of(where, store)]
    for one in exposed(*places, where.revocations):
        yield Observation(State.WRONG, "permissions", one.words, one.remedy)
    for name in (PUBLIC_NAME, SECRET_NAME):
        path = where.apptainer_keys / name
        if _armored(path):
            yield Observation(
                State.WRONG,
                "Apptainer's ring",
                f"{printable(str(path))} is armored text; Apptainer reads binary rings only",
                f"gpg --dearmor < {printable(str(path))} makes a binary one",
            )


def _keys(where: Locations, now: datetime) -> Iterator[Observation]:
    try:
        survey = survey_keys(where)
    except ReproSignError as error:
        yield Observation(State.WRONG, "keys", str(error), error.hint or "")
        return
    if survey.silence is not None:
        yield Observation(State.WRONG, "gpg-agent", str(survey.silence), survey.silence.hint or "")
    entries = [entry for entry in survey.entries if entry.secret_in]
    if not entries:
        yield Observation(State.NOTE, "keys", "no key to sign with", "repro-sign keygen")
    for entry in entries:
        yield from _key(entry, where, now)


def _key(entry: KeyEntry, where: Locations, now: datetime) -> Iterator[Observation]:
    """Say what is wrong with a key; who can read its files is said once for all keys."""
    one = entry.certificate
    name = f"{entry.fingerprint.grouped()} {printable(entry.user_id or '')}".rstrip()
    found = examine_key(
        one or entry.public_key, now, secret_in=entry.secret_in, encrypted=entry.encrypted
    )
    for finding in found:
        state = State.WRONG if finding.gravity is Gravity.WRONG else State.NOTE
        yield Observation(state, "key", f"{name}: {finding.message}", finding.remedy)
    if _OVER & {finding.code for finding in found}:
        return
    if one is not None and not path_of(where, one.fingerprint).exists():
        message = f"{name}: no revocation certificate is stored here"
        remedy = f"repro-sign key backup {one.fingerprint.hex} -o FILE makes one"
        yield Observation(State.NOTE, "key", message, remedy)
    if not any(finding.gravity is Gravity.WRONG for finding in found):
        ends = ", until " + readable(one.expires) if one and one.expires else ", never expires"
        message = f"{name}: {entry.algorithm}{ends}, {entry.secret_place}"
        yield Observation(State.OK, "key", message)


def _trust(where: Locations) -> Iterator[Observation]:
    try:
        entries = read_entries(where)
        demand_own_file(where.policy_file)
    except (MalformedError, RefusedError, UnreadableError) as error:
        yield Observation(State.WRONG, "trust store", str(error), error.hint or "")
        return
    shown = printable(str(where.trust_file))
    yield Observation(State.OK, "trust store", f"{len(entries)} trusted, in {shown}")


def _armored(path: Path) -> bool:
    try:
        return read_beginning(path, 5) == b"-----"
    except UnreadableError:
        return False
