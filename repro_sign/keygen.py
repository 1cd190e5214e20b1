"""Use case: make a signing key, with everything that belongs to it.

A key for Apptainer's ring is made by gpg in a scratch home (Ed25519, sign only, with an expiry)
and handed to `apptainer key import`; without gpg, `apptainer key newpair` makes it (RSA 4096,
never expires). Both work on rings in memory: the result is checked before it enters the user's.
"""

import os
import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from repro_sign import apptainer
from repro_sign.durable import private_folder, write_file
from repro_sign.errors import RefusedError, ReproSignError, ToolNotFoundError, UsageError
from repro_sign.escaping import HIDDEN_CATEGORIES, printable
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys
from repro_sign.locations import Locations
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.secret import SecretKey, armored_revocation, read_secret_key
from repro_sign.pem.keys import is_encrypted, new_private_key
from repro_sign.process import find_program
from repro_sign.scratch import scratch_folder
from repro_sign.stores import apptainer_ring
from repro_sign.stores.gnupg_home import GnuPGHome, NewKey
from repro_sign.stores.pem_store import add_pem_key
from repro_sign.stores.secret_keys import Store
from repro_sign.stores.trust_store import YOU, add_entry

DEFAULT_EXPIRY: Final = "3y"
NEVER: Final = "never"
_PERIOD: Final = re.compile(r"[1-9][0-9]{0,3}[dwmy]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EMAIL: Final = re.compile(r"[^\s<>()@,;\"]+@[^\s<>()@,;\"]+")
_MAX_PASSPHRASE_BYTES: Final = 255
"""gpg's own limit."""
_REVOCATION_HEAD: Final = """\
This is the revocation certificate of the OpenPGP key

    {fingerprint}
    {user_id}

Whoever publishes it ends the use of that key for good. Keep it where only you can read it, on
paper say: it is for the day when the secret key is lost or stolen.
To use it, give the block below to gpg --import, or to repro-sign key revoke.

"""


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """The key to make. A passphrase of None means that the secret key is stored unprotected."""

    name: str
    email: str
    comment: str = ""
    store: Store | None = None
    expires: str | None = None
    passphrase: str | None = field(default=None, repr=False)
    out: Path = Path()

    def protected_by(self, passphrase: str | None) -> "KeyRequest":
        """Return the same request with its passphrase."""
        return replace(self, passphrase=passphrase)


@dataclass(frozen=True, slots=True)
class NewKeyReport:
    """A key that was made, and where its parts are."""

    fingerprint: SignerId
    algorithm: str
    expires: datetime | None
    user_id: str | None
    store: Store
    public_key: Path
    revocation_certificate: Path | None
    secret_key: Path | None = None


def generate_key(request: KeyRequest, where: Locations, now: datetime) -> NewKeyReport:
    """Make a key, store it, write its public key and revocation certificate, trust it as "you".

    Raises `UsageError` for values that can't be, `RefusedError` where the store or an existing
    file is in the way, `ToolNotFoundError` where the store's program is missing.
    """
    store = request.store or default_store()
    check_request(request, store, now)
    if store is Store.PEM:
        return _make_pem(request, where, now)
    if store is Store.APPTAINER:
        secret, revocation = _make_for_apptainer(request, where)
        certificate = secret.certificate
    else:
        certificate, revocation = _make_in_gnupg(request, where)
    try:
        revocation_path = _write_revocation(certificate, revocation, where)
        public_path = request.out / f"{certificate.fingerprint.hex}.asc"
        write_file(public_path, certificate.armored.encode())
        keys = Keys(certificates=(certificate,))
        add_entry(where, certificate.fingerprint, name=YOU, now=now, keys=keys)
    except ReproSignError as error:
        raise RefusedError(
            f"{error}; the key itself was made and is safe: {certificate.fingerprint.grouped()}",
            hint=f"repro-sign key export {certificate.fingerprint.hex} writes its public key",
        ) from error
    return NewKeyReport(
        fingerprint=certificate.fingerprint,
        algorithm=certificate.algorithm,
        expires=certificate.expires,
        user_id=certificate.user_id,
        store=store,
        public_key=public_path,
        revocation_certificate=revocation_path,
    )


def _make_pem(request: KeyRequest, where: Locations, now: datetime) -> NewKeyReport:
    """Make an Ed25519 key as PEM files: no name, no expiry, no revocation."""
    private = new_private_key()
    public = private.public
    secret = add_pem_key(where, public, private.to_pem(request.passphrase))
    if is_encrypted(secret.read_bytes()) != (request.passphrase is not None):
        raise RefusedError(f"{printable(str(secret))} is not protected as it was meant to be")
    path = request.out / f"{public.fingerprint.raw.hex()}.pub"
    write_file(path, public.pem.encode())
    add_entry(where, public.fingerprint, name=YOU, now=now, keys=Keys(public_keys=(public,)))
    return NewKeyReport(
        fingerprint=public.fingerprint,
        algorithm=public.algorithm,
        expires=None,
        user_id=None,
        store=Store.PEM,
        public_key=path,
        revocation_certificate=None,
        secret_key=secret,
    )


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
    if store is not Store.PEM:
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


def _make_for_apptainer(request: KeyRequest, where: Locations) -> tuple[SecretKey, str]:
    if find_program("gpg"):
        fresh, revocation = _make_with_gpg(request)
        public, secret = apptainer.import_secret_key(fresh, request.passphrase)
        key = read_secret_key(secret)
    else:
        passphrase = request.passphrase or ""
        public, secret = apptainer.new_pair(
            request.name, request.email, request.comment, passphrase
        )
        key = read_secret_key(secret)
        revocation = armored_revocation(key.revocation(request.passphrase))
    _check_protection(key, request.passphrase)
    _write_revocation(key.certificate, revocation, where)
    apptainer_ring.add_key(where.apptainer_keys, public, secret)
    kept = [
        one
        for one in apptainer_ring.read_secret(where.apptainer_keys)
        if one.certificate.fingerprint == key.certificate.fingerprint
    ]
    if len(kept) != 1:
        raise RefusedError("the new secret key could not be read back from Apptainer's ring")
    _check_protection(kept[0], request.passphrase)
    return kept[0], revocation


def _make_with_gpg(request: KeyRequest) -> tuple[bytes, str]:
    """Make a key in a scratch home; return its secret packets and its revocation."""
    with scratch_folder() as folder:
        home = GnuPGHome(folder)
        fingerprint = home.generate(_new_key(request), request.passphrase)
        secret = home.export_secret(fingerprint, request.passphrase)
        revocation = home.revocation_text(fingerprint)
        home.stop_agent()
    if revocation is None:
        raise RefusedError("gpg made no revocation certificate for the new key")
    return secret, revocation


def _make_in_gnupg(request: KeyRequest, where: Locations) -> tuple[Certificate, str]:
    home = GnuPGHome(where.gnupg_home)
    fingerprint = home.generate(_new_key(request), request.passphrase)
    secret = read_secret_key(home.export_secret(fingerprint, request.passphrase))
    _check_protection(secret, request.passphrase)
    revocation = home.revocation_text(fingerprint)
    if revocation is None:
        raise RefusedError(
            f"gpg made the key {fingerprint.grouped()}, but no revocation certificate for it",
            hint=f"make one: gpg --generate-revocation {fingerprint.hex}",
        )
    return secret.certificate, revocation


def _new_key(request: KeyRequest) -> NewKey:
    expires = gpg_expiry(request.expires, datetime.now().astimezone())
    return NewKey(request.name, request.email, request.comment, expires)


def _check_protection(key: SecretKey, passphrase: str | None) -> None:
    """Check the secret packet itself, not what a program says it did."""
    if passphrase is not None:
        if not key.encrypted:
            raise RefusedError(
                "the program stored the new secret key without encryption; it was not adopted",
                hint="this is a fault of the program: try the other --store",
            )
        key.unlock(passphrase)


def _check_newpair(request: KeyRequest, *, passphrase_follows: bool) -> None:
    if request.expires not in (None, NEVER):
        raise RefusedError(
            "without gpg the key is made by apptainer key newpair, and its keys know no expiry",
            hint="install GnuPG, or say --expires never",
        )
    if request.passphrase is None and not passphrase_follows:
        raise RefusedError(
            "apptainer key newpair makes no key without a passphrase",
            hint="give one, or install GnuPG",
        )


def _write_revocation(certificate: Certificate, revocation: str, where: Locations) -> Path:
    private_folder(where.revocations)
    path = where.revocations / f"{certificate.fingerprint.hex}.asc"
    head = _REVOCATION_HEAD.format(
        fingerprint=certificate.fingerprint.grouped(),
        user_id=printable(certificate.user_id or "", limit=200),
    )
    write_file(path, (head + revocation.strip() + "\n").encode(), mode=0o600)
    return path


def _check_user_id(request: KeyRequest) -> None:
    for what, text in (("name", request.name), ("comment", request.comment)):
        _check_text(what, text)
    if not request.name.strip():
        raise UsageError("a key needs a name")
    if not _EMAIL.fullmatch(request.email):
        raise UsageError(f"{printable(request.email)} is not an e-mail address")


def _check_text(what: str, text: str) -> None:
    hidden = any(unicodedata.category(one) in HIDDEN_CATEGORIES for one in text)
    if hidden or any(one in text for one in "<>()"):
        raise UsageError(f"the {what} may not hold control characters or any of <>()")
