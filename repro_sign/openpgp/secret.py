"""Secret keys as Apptainer's ring holds them: find out about them, sign text with them.

Secret material lives in local variables only and never reaches a repr, a log or a disk.
"""

import warnings
from dataclasses import dataclass, field

import pysequoia
from pysequoia.packet import PacketPile, Tag

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import Certificate, describe


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A transferable secret key: its certificate, and whether the primary's secret is encrypted."""

    certificate: Certificate
    encrypted: bool
    binary: bytes = field(repr=False)

    def unlock(self, passphrase: str | None) -> "UnlockedKey":
        """Decrypt the signing key with the passphrase (None where it has none).

        Raises `RefusedError` for a wrong passphrase, or if no key in it may sign.
        """
        tsk = _tsk(self.binary)
        try:
            return UnlockedKey(tsk.signer(passphrase))
        except RuntimeError as error:
            shown = self.certificate.fingerprint.grouped()
            if self.encrypted and passphrase is not None:
                message = f"the passphrase does not open the secret key {shown}"
            elif self.encrypted:
                message = f"the secret key {shown} needs its passphrase"
            else:
                message = f"the secret key {shown} can't be used for signing"
            raise RefusedError(message) from error

    def revocation(self, passphrase: str | None) -> bytes:
        """Make a revocation of the primary key, without a stated reason, as binary packets."""
        tsk = _tsk(self.binary)
        try:
            signer = tsk.certifier(passphrase)
            return bytes(tsk.extract_certificate().revoke(signer))
        except RuntimeError as error:
            message = "the secret key could not make its revocation certificate"
            raise RefusedError(message) from error


class UnlockedKey:
    """A signing key ready for use; it lives only as long as this object."""

    def __init__(self, signer: pysequoia.PySigner) -> None:
        self._signer = signer

    def clear_sign(self, text: bytes) -> bytes:
        """Return `text` (no final line end) as a clear-signed block."""
        return pysequoia.sign(self._signer, text, mode=pysequoia.SignatureMode.CLEAR)


def read_secret_ring(data: bytes) -> tuple[SecretKey, ...]:
    """Read a binary ring of secret keys. Keys that can't be read are left out."""
    found = []
    try:
        chunks = packets.split_ring(data)
    except MalformedError:
        return ()
    for chunk in chunks:
        try:
            found.append(read_secret_key(chunk))
        except (MalformedError, RuntimeError):
            continue
    return tuple(found)


def read_secret_key(data: bytes) -> SecretKey:
    """Read one secret key, armored or binary.

    Raises `MalformedError` if it is none.
    """
    try:
        tsk = _tsk(data)
        certificate = describe(tsk.extract_certificate(), had_secret=True)
        return SecretKey(certificate, _is_encrypted(bytes(tsk), certificate), bytes(tsk))
    except RuntimeError as error:
        raise MalformedError("not a readable OpenPGP secret key") from error


def armored_revocation(revocation: bytes) -> str:
    """Armor a bare revocation the way gpg does, so that gpg --import takes it."""
    return pysequoia.armor(revocation, pysequoia.ArmorKind.PublicKey)


def _tsk(data: bytes) -> pysequoia.Tsk:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return pysequoia.Tsk.from_bytes(data)


def _is_encrypted(secret: bytes, certificate: Certificate) -> bool:
    for packet in PacketPile.from_bytes(secret):
        if packet.tag == Tag.SecretKey:
            public = next(iter(PacketPile.from_bytes(certificate.binary)))
            return packets.secret_is_encrypted(packet.body, public.body)
    raise MalformedError("no secret key packet")
