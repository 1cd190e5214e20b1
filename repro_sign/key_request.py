"""What key to make, and whether that can be: refused early, before anybody types a passphrase."""

import os
import re
import unicodedata
from dataclasses import field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from repro_sign import apptainer
from repro_sign.errors import RefusedError, ToolNotFoundError, UsageError
from repro_sign.escaping import is_hidden, printable
from repro_sign.stores.secret_keys import Store
from repro_sign.system.process import find_program
from repro_sign.values import dataclass

DEFAULT_EXPIRY: Final = "3y"
NEVER: Final = "never"
ANONYMOUS: Final = "Anonymous (review)"
"""The user id of keys that sign for double-blind review: the same in all of them."""
_ANONYMOUS_PARTS: Final = ("Anonymous", "review", "")
_PERIOD: Final = re.compile(r"[1-9][0-9]{0,3}[dwmy]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EMAIL: Final = re.compile(r"[^\s<>()@,;\"]+@[^\s<>()@,;\"]+")
_MAX_PASSPHRASE_BYTES: Final = 255
"""gpg's own limit."""


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """The key to make. A passphrase of None means that the secret key is stored unprotected.

    An `anonymous` one bears `ANONYMOUS` in place of a name, comment and address.
    """

    name: str
    email: str
    comment: str = ""
    store: Store | None = None
    expires: str | None = None
    passphrase: str | None = field(default=None, repr=False)
    out: Path = Path()
    anonymous: bool = False

    @property
    def user_id_parts(self) -> tuple[str, str, str]:
        """The name, comment and address in the key; of one without a name the same for all."""
        return _ANONYMOUS_PARTS if self.anonymous else (self.name, self.comment, self.email)

    def protected_by(self, passphrase: str | None) -> "KeyRequest":
        """Return the same request with its passphrase."""
        return replace(self, passphrase=passphrase)


def default_store() -> Store:
    """Return Apptainer's ring where Apptainer is installed, else GnuPG."""
    if apptainer.installed():
        return Store.APPTAINER
    if find_program("gpg"):
        return Store.GNUPG
    raise ToolNotFoundError(
        "neither apptainer nor gpg", hint="install Apptainer or GnuPG: keys are made by them"
    )


def check_request(
    request: KeyRequest, store: Store, now: datetime, *, passphrase_follows: bool = False
) -> None:
    """Refuse early what the programs would refuse late, or misread.

    With `passphrase_follows` the passphrase is not there yet: nobody should have to type one
    for a key that can't be made.
    """
    if store is not Store.PEM and not request.anonymous:
        _check_user_id(request)
    gpg_expiry(request.expires, now)
    if store is Store.PEM and request.expires not in (None, NEVER):
        raise RefusedError(
            "a PEM key knows no expiry", hint="say --expires never, or take another --store"
        )
    if not os.access(request.out, os.W_OK | os.X_OK) or not request.out.is_dir():
        raise UsageError(f"{printable(str(request.out))} is no folder that can be written to")
    if request.passphrase is not None:
        check_passphrase(request.passphrase)
    if store is Store.APPTAINER and not apptainer.installed():
        raise ToolNotFoundError("apptainer", hint=apptainer.INSTALL_HINT)
    if store is Store.APPTAINER and not find_program("gpg"):
        _check_newpair(request, passphrase_follows=passphrase_follows)


def check_passphrase(passphrase: str) -> None:
    """Refuse passphrases that gpg or Apptainer would read as something else."""
    if not passphrase:
        raise UsageError(
            "the passphrase is empty", hint="--no-passphrase stores the secret key unprotected"
        )
    control = any(unicodedata.category(one) == "Cc" for one in passphrase)
    if passphrase != passphrase.strip() or control:
        raise UsageError(
            "a passphrase may not begin or end with a blank or hold control characters"
        )
    if len(passphrase.encode()) > _MAX_PASSPHRASE_BYTES or len(passphrase) < 2:
        raise UsageError(f"a passphrase has 2 to {_MAX_PASSPHRASE_BYTES} bytes")


def gpg_expiry(expires: str | None, now: datetime) -> str:
    """Translate `3y`, `never` or a date into gpg's words. Raises `UsageError`."""
    text = DEFAULT_EXPIRY if expires is None else expires.strip().lower()
    if text == NEVER:
        return "0"
    if _PERIOD.fullmatch(text):
        return text
    if _DATE.fullmatch(text):
        try:
            date = datetime.fromisoformat(text).replace(tzinfo=now.tzinfo)
        except ValueError as error:
            raise UsageError(f"{text} is not a date") from error
        if date < now + timedelta(days=1):
            raise UsageError(f"the expiry date {text} is not in the future")
        return text
    raise UsageError(f"{printable(text)}: an expiry is a period (3y, 18m, 90d), a date or never")


def _check_newpair(request: KeyRequest, *, passphrase_follows: bool) -> None:
    if request.expires not in (None, NEVER):
        raise RefusedError(
            "without gpg the key is made by apptainer key newpair, and its keys know no expiry",
            hint="install GnuPG, or say --expires never",
        )
    if request.anonymous:
        raise RefusedError(
            "without gpg the key is made by apptainer key newpair, which demands an address",
            hint="install GnuPG, or take --store pem",
        )
    if request.passphrase is None and not passphrase_follows:
        raise RefusedError(
            "apptainer key newpair makes no key without a passphrase",
            hint="give one, or install GnuPG",
        )


def _check_user_id(request: KeyRequest) -> None:
    for what, text in (("name", request.name), ("comment", request.comment)):
        _check_text(what, text)
    if not request.name.strip():
        raise UsageError("a key needs a name")
    if not _EMAIL.fullmatch(request.email) or any(map(is_hidden, request.email)):
        raise UsageError(f"{printable(request.email)} is not an e-mail address")


def _check_text(what: str, text: str) -> None:
    hidden = any(map(is_hidden, text))
    if hidden or any(one in text for one in "<>()"):
        raise UsageError(f"the {what} may not hold control characters or any of <>()")
