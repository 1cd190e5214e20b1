"""Use case: look at what is installed and which keys there are, and say what is wrong."""

import os
import platform
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from repro_sign import __version__, apptainer
from repro_sign.errors import MalformedError, ReproSignError
from repro_sign.escaping import printable
from repro_sign.locations import Locations
from repro_sign.process import find_program, fresh_environment, run
from repro_sign.stores.apptainer_ring import PUBLIC_NAME, SECRET_NAME
from repro_sign.stores.listing import KeyEntry, list_keys
from repro_sign.stores.trust_store import read_entries
from repro_sign.times import readable

_SOON: Final = timedelta(days=60)
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
    """Secret keys that others can read are no secret."""
    secret = where.apptainer_keys / SECRET_NAME
    for path in (where.apptainer_keys, secret, where.gnupg_home, where.revocations, where.pem_keys):
        mode = _mode(path)
        if mode is not None and mode & 0o077:
            yield Observation(
                State.WRONG,
                "permissions",
                f"others have access to {printable(str(path))} (mode {mode:03o})",
                f"chmod go= {printable(str(path))}",
            )
    for path in (where.apptainer_keys / PUBLIC_NAME, secret):
        if _mode(path) is not None and _armored(path):
            yield Observation(
                State.WRONG,
                "Apptainer's ring",
                f"{printable(str(path))} is armored text; Apptainer reads binary rings only",
                f"gpg --dearmor < {printable(str(path))} makes a binary one",
            )


def _keys(where: Locations, now: datetime) -> Iterator[Observation]:
    try:
        entries = [entry for entry in list_keys(where) if entry.secret_in]
    except ReproSignError as error:
        yield Observation(State.WRONG, "keys", str(error), error.hint or "")
        return
    if not entries:
        yield Observation(State.NOTE, "keys", "no key to sign with", "repro-sign keygen")
    for entry in entries:
        yield from _key(entry, where, now)


def _key(entry: KeyEntry, where: Locations, now: datetime) -> Iterator[Observation]:
    one = entry.certificate
    name = f"{entry.fingerprint.grouped()} {printable(entry.user_id or '')}".rstrip()
    if one is None:
        yield from _protection(entry, name)
        yield Observation(State.OK, "key", f"{name}: {entry.algorithm}, {entry.secret_place}")
        return
    if one.revoked:
        yield Observation(State.NOTE, "key", f"{name}: revoked")
        return
    if one.expires is not None and one.expires <= now:
        yield Observation(State.NOTE, "key", f"{name}: expired on {readable(one.expires)}")
        return
    yield from _protection(entry, name)
    if one.expires is not None and one.expires - now < _SOON:
        message = f"{name}: expires on {readable(one.expires)}"
        yield Observation(State.NOTE, "key", message, "make a new one in time: repro-sign keygen")
    if not (where.revocations / f"{one.fingerprint.hex}.asc").exists():
        message = f"{name}: no revocation certificate is stored here"
        remedy = f"gpg --generate-revocation {one.fingerprint.hex}"
        yield Observation(State.NOTE, "key", message, remedy)
    if not one.usable:
        message = f"{name}: nobody can check its signatures (self-signature made with SHA-1?)"
        yield Observation(State.WRONG, "key", message, "make a new key: repro-sign keygen")
    else:
        ends = f"until {readable(one.expires)}" if one.expires else "never expires"
        yield Observation(State.OK, "key", f"{name}: {one.algorithm}, {ends}, {entry.secret_place}")


def _protection(entry: KeyEntry, name: str) -> Iterator[Observation]:
    if entry.encrypted is False:
        message = f"{name}: its secret key is stored without a passphrase"
        yield Observation(State.NOTE, "key", message, "keep the folder on an encrypted disk")


def _trust(where: Locations) -> Iterator[Observation]:
    try:
        entries = read_entries(where)
    except MalformedError as error:
        yield Observation(State.WRONG, "trust store", str(error), error.hint or "")
        return
    shown = printable(str(where.trust_file))
    yield Observation(State.OK, "trust store", f"{len(entries)} trusted, in {shown}")


def _mode(path: Path) -> int | None:
    if os.name != "posix":
        return None
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def _armored(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(5) == b"-----"
    except OSError:
        return False
