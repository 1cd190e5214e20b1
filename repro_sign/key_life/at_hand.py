"""What is at hand of one key: its certificate, its secret half, its public file."""

from pathlib import Path

from repro_sign.errors import MalformedError, NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.openpgp.certificate import MAX_RING_BYTES, Certificate, read_certificates
from repro_sign.stores.certificates import gather
from repro_sign.stores.secret_keys import SigningKey, keys_at_hand
from repro_sign.system.durable import write_file
from repro_sign.system.files import read_if_there
from repro_sign.system.locations import Locations


def certificate_at_hand(where: Locations, fingerprint: Fingerprint) -> Certificate:
    """Return a key's certificate, all copies in the stores and in `keys/` merged.

    Raises `RefusedError` if there is none.
    """
    found = gather(where, [fingerprint.hex], Path()).certificates.get(fingerprint)
    if found is None:
        raise RefusedError(
            f"the public key {fingerprint.grouped()} is not at hand",
            hint="import it first: repro-sign key import FILE",
        )
    return found


def secret_keys_of(where: Locations, fingerprint: SignerId) -> tuple[SigningKey, ...]:
    """Return the secret key from each store that has it, Apptainer's ring first.

    Raises `NoAnswerError` where none has it but GnuPG, which gives no answer, may.
    """
    at_hand = keys_at_hand(where)
    found = tuple(key for key in at_hand.keys if key.fingerprint == fingerprint)
    if not found and at_hand.silence is not None:
        raise at_hand.silence
    return found


def write_public(certificate: Certificate, out: Path) -> Path:
    """Write a key's public file, `FINGERPRINT.asc`; return its path.

    What a file of this key that is there knows besides is kept. Raises `RefusedError` if it can't
    be written.
    """
    path = out / certificate.fingerprint.file_name
    try:
        data = read_if_there(path, MAX_RING_BYTES, "public key")
        known = read_certificates(data, printable(str(path))) if data else ()
    except (MalformedError, NoAnswerError):
        known = ()
    for one in known:
        if one.fingerprint == certificate.fingerprint:
            certificate = certificate.merged(one)
    write_file(path, certificate.armored.encode())
    return path
