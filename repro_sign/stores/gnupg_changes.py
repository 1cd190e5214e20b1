"""Changes of a key that gpg makes: its end, its revocation, taking it out of a GnuPG home.

gpg is run on the user's home, whose agent asks for what it needs, or on a scratch home that holds
one key. The passphrase and the answers to gpg's questions go through a pipe to standard input:
gpg reads the first line of it as the passphrase.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp.revoking import RevocationReason
from repro_sign.openpgp.secret import SecretKey
from repro_sign.stores.gnupg_agent import find_agent
from repro_sign.stores.gnupg_home import GnuPGHome
from repro_sign.stores.gnupg_process import ASKING_HINT, INSTALL_HINT, PINENTRY_NEEDS
from repro_sign.system.process import Completed, fresh_environment, require_program, run
from repro_sign.system.scratch import scratch_folder

_TIME_LIMIT_SECONDS: Final = 300.0
"""Somebody may have to be asked for a passphrase, or to look for a card."""
_GPG_REASONS: Final = {
    RevocationReason.COMPROMISED: "1",
    RevocationReason.SUPERSEDED: "2",
    RevocationReason.RETIRED: "3",
}
"""The numbers of gpg's own menu, which are not those of the format."""
_SECRET_RECORDS: Final = ("sec", "ssb")
_HERE: Final = "+"
"""Field 15 of such a record where the secret half is in this home; a card has its number there
(GnuPG, doc/DETAILS)."""


@contextmanager
def scratch_home(secret: bytes) -> Iterator[Path]:
    """Make a GnuPG home that holds one secret key, in memory where the system can."""
    with scratch_folder() as folder:
        home = GnuPGHome(folder)
        try:
            home.import_key(secret)
            yield folder
        finally:
            home.stop_agent()


def home_with(user_home: Path, secret: SecretKey | None) -> AbstractContextManager[Path]:
    """Return a home in which gpg can change a key: a scratch one if its `secret` is not there."""
    return nullcontext(user_home) if secret is None else scratch_home(secret.binary)


def make_revocation(
    home: Path, fingerprint: Fingerprint, reason: RevocationReason, passphrase: str | None
) -> bytes:
    """Let gpg make a revocation certificate that states the reason; return it armored.

    Nothing is revoked yet. Raises `RefusedError` if gpg can't.
    """
    answers = ("y", _GPG_REASONS[reason], "", "y")  # revoke? why? (no text) sure?
    argv = ["--gen-revoke", fingerprint.hex]
    done = _gpg(home, ["--command-fd", "0", *argv], passphrase, answers)
    if done.status or not done.stdout:
        raise _refused("make a revocation certificate", fingerprint, done)
    return done.stdout


def set_expiry(
    home: Path,
    fingerprint: Fingerprint,
    expires: str,
    subkeys: Sequence[Fingerprint],
    passphrase: str | None,
) -> None:
    """Give a key, and these of its subkeys, another end, in gpg's words (`3y`, a date, `0`).

    gpg drops the self-signature that it replaces. Raises `RefusedError` if it can't be done.
    """
    change = ["--batch", "--quick-set-expire", fingerprint.hex, expires]
    of_subkeys = [[*change, *(one.hex for one in subkeys)]] if subkeys else []
    for argv in (change, *of_subkeys):
        done = _gpg(home, argv, passphrase)
        if done.status:
            raise _refused("renew the key", fingerprint, done)


def delete_key(home: Path, fingerprint: Fingerprint, *, secret: bool) -> None:
    """Take a key, with its secret half if it has one, out of a home. Raises `RefusedError`."""
    command = "--delete-secret-and-public-key" if secret else "--delete-keys"
    done = _gpg(home, ["--batch", "--yes", command, fingerprint.hex], None)
    if done.status:
        hint = "a key that another agent keeps is removed where that is"
        raise _refused("remove the key", fingerprint, done, hint)


def secret_parts(home: Path, fingerprint: Fingerprint) -> frozenset[Fingerprint] | None:
    """Return the primary key and subkeys whose secret halves this home itself holds.

    Those on a card, or with another agent, are not among them. None if gpg lists no such key.
    """
    done = _gpg(home, ["--batch", "--with-colons", "--list-secret-keys", fingerprint.hex], None)
    found, here, listed = [], False, False
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if fields[0] in _SECRET_RECORDS:
            listed = True
            here = len(fields) > 14 and fields[14] == _HERE
        elif fields[0] == "fpr" and here:
            found.append(Fingerprint.parse(fields[9]))
    return frozenset(found) if listed else None


def _gpg(
    home: Path, argv: Sequence[str], passphrase: str | None, answers: Sequence[str] = ()
) -> Completed:
    """Run gpg without a terminal; where there is no passphrase its agent asks the user.

    Where the home leads to an agent elsewhere, no empty one is started in its place.
    """
    program = require_program("gpg", hint=INSTALL_HINT)
    given = ["--pinentry-mode", "loopback", "--passphrase-fd", "0"]
    lines = [*([passphrase] if passphrase is not None else []), *answers]
    with _pipe("".join(f"{line}\n" for line in lines).encode()) as stdin:
        return run(
            [
                *(str(program), "--homedir", str(home), "--no-options", "--no-tty"),
                *find_agent(home).gpg_options,
                *(given if passphrase is not None else ()),
                *argv,
            ],
            env=fresh_environment(*PINENTRY_NEEDS),
            stdin=stdin,
            timeout=_TIME_LIMIT_SECONDS,
        )


@contextmanager
def _pipe(content: bytes) -> Iterator[int]:
    """Open a pipe that holds a few lines: fewer than any system's pipes take."""
    reading, writing = os.pipe()
    try:
        try:
            os.write(writing, content)
        finally:
            os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _refused(
    what: str, fingerprint: Fingerprint, done: Completed, hint: str = ASKING_HINT
) -> RefusedError:
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    said = [line.removeprefix("gpg: ") for line in lines if line.startswith("gpg: ")]
    words = printable("; ".join(said[-2:])) or f"exit status {done.status}"
    return RefusedError(
        f"gpg could not {what} {fingerprint.grouped()}: {words}",
        hint=hint,
    )
