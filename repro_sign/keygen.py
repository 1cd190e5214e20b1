"""Use case: make a signing key, with everything that belongs to it.

A key for Apptainer's ring is made by gpg in a scratch home (Ed25519, sign only, with an expiry)
and handed to `apptainer key import`; without gpg, `apptainer key newpair` makes it (RSA 4096,
never expires). Both work on rings in memory: the result is checked before it enters the user's.
"""

from datetime import datetime
from pathlib import Path

from repro_sign import apptainer
from repro_sign.errors import RefusedError, ReproSignError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.key_request import KeyRequest, check_request, default_store, gpg_expiry
from repro_sign.known_keys import Keys
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.revoking import armored
from repro_sign.openpgp.secret import SecretKey, read_secret_key
from repro_sign.pem.algorithms import new_private_key
from repro_sign.pem.keys import is_encrypted
from repro_sign.stores import apptainer_ring
from repro_sign.stores.gnupg_home import GnuPGHome, NewKey
from repro_sign.stores.pem_store import add_pem_key
from repro_sign.stores.revocations import store_revocation
from repro_sign.stores.secret_keys import Store
from repro_sign.stores.trust_store import YOU, add_entry
from repro_sign.system.durable import write_file
from repro_sign.system.locations import Locations
from repro_sign.system.process import find_program
from repro_sign.system.scratch import scratch_folder
from repro_sign.values import dataclass


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
    make = _make_for_apptainer if store is Store.APPTAINER else _make_in_gnupg
    certificate, revocation_path = make(request, where, now)
    try:
        public_path = request.out / certificate.fingerprint.file_name
        write_file(public_path, certificate.armored.encode())
        keys = Keys(certificates=(certificate,))
        add_entry(where, certificate.fingerprint, name=YOU, now=now, keys=keys)
    except ReproSignError as error:
        raise _made_all_the_same(error, certificate) from error
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
    path = request.out / public.fingerprint.file_name
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


def _make_for_apptainer(
    request: KeyRequest, where: Locations, now: datetime
) -> tuple[Certificate, Path]:
    """Make a key on the side; only a checked one, whose revocation is written, enters the ring."""
    if find_program("gpg"):
        fresh, revocation = _make_with_gpg(request, now)
        public, secret = apptainer.import_secret_key(fresh, request.passphrase)
        key = read_secret_key(secret)
    else:
        passphrase = request.passphrase or ""
        public, secret = apptainer.new_pair(
            request.name, request.email, request.comment, passphrase
        )
        key = read_secret_key(secret)
        revocation = armored(key.revocation(request.passphrase)).decode()
    _check_protection(key, request.passphrase)
    revocation_path = store_revocation(where, key.certificate, revocation.encode())
    try:
        apptainer_ring.add_key(where.apptainer_keys, public, secret)
    except RefusedError as error:
        if any(_same(one, key) for one in apptainer_ring.read_secret(where.apptainer_keys)):
            raise _made_all_the_same(error, key.certificate) from error
        raise
    kept = [one for one in apptainer_ring.read_secret(where.apptainer_keys) if _same(one, key)]
    if len(kept) != 1:
        raise RefusedError("the new secret key could not be read back from Apptainer's ring")
    _check_protection(kept[0], request.passphrase)
    return kept[0].certificate, revocation_path


def _same(one: SecretKey, other: SecretKey) -> bool:
    return one.certificate.fingerprint == other.certificate.fingerprint


def _made_all_the_same(error: ReproSignError, certificate: Certificate) -> RefusedError:
    """Say what went wrong, and that the key is there nevertheless."""
    return RefusedError(
        f"{error}; the key itself was made and is safe: {certificate.fingerprint.grouped()}",
        hint=f"repro-sign key export {certificate.fingerprint.hex} writes its public key",
    )


def _make_with_gpg(request: KeyRequest, now: datetime) -> tuple[bytes, str]:
    """Make a key in a scratch home; return its secret packets and its revocation."""
    with scratch_folder() as folder:
        home = GnuPGHome(folder)
        fingerprint = home.generate(_new_key(request, now), request.passphrase)
        secret = home.export_secret(fingerprint, request.passphrase)
        revocation = home.revocation_text(fingerprint)
        home.stop_agent()
    if revocation is None:
        raise RefusedError("gpg made no revocation certificate for the new key")
    return secret, revocation


def _make_in_gnupg(
    request: KeyRequest, where: Locations, now: datetime
) -> tuple[Certificate, Path]:
    home = GnuPGHome(where.gnupg_home)
    fingerprint = home.generate(_new_key(request, now), request.passphrase)
    secret = read_secret_key(home.export_secret(fingerprint, request.passphrase))
    _check_protection(secret, request.passphrase)
    revocation = home.revocation_text(fingerprint)
    if revocation is None:
        raise RefusedError(
            f"gpg made the key {fingerprint.grouped()}, but no revocation certificate for it",
            hint=f"make one: gpg --generate-revocation {fingerprint.hex}",
        )
    try:
        return secret.certificate, store_revocation(where, secret.certificate, revocation.encode())
    except ReproSignError as error:
        raise _made_all_the_same(error, secret.certificate) from error


def _new_key(request: KeyRequest, now: datetime) -> NewKey:
    expires = gpg_expiry(request.expires, now)
    name, comment, email = request.user_id_parts
    return NewKey(name, email, comment, expires)


def _check_protection(key: SecretKey, passphrase: str | None) -> None:
    """Check the secret packet itself, not what a program says it did."""
    if passphrase is not None:
        if not key.encrypted:
            raise RefusedError(
                "the program stored the new secret key without encryption; it was not adopted",
                hint="this is a fault of the program: try the other --store",
            )
        key.unlock(passphrase)
