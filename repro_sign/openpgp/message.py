"""A text encrypted with a passphrase as an OpenPGP message, which `gpg -d` opens as well."""

from typing import Final

import pysequoia

from repro_sign.errors import MalformedError, RefusedError

BEGIN: Final = b"-----BEGIN PGP MESSAGE-----"
END: Final = b"-----END PGP MESSAGE-----"


def seal(text: bytes, passphrase: str) -> bytes:
    """Encrypt a text (AES-256; the passphrase is hashed as often as the format allows); armored."""
    return pysequoia.encrypt(text, passwords=[passphrase]).rstrip(b"\n") + b"\n"


def unseal(message: bytes, passphrase: str, what: str) -> bytes:
    """Decrypt such a message; `what` names it in errors.

    Raises `RefusedError` if the passphrase does not open it, or if it is damaged: which of both
    can't be told.
    """
    try:
        text = pysequoia.decrypt(message, passwords=[passphrase]).bytes
    except RuntimeError as error:
        raise RefusedError(f"the passphrase does not open {what}, or it is damaged") from error
    if text is None:
        raise MalformedError(f"{what} holds no text")
    return text
