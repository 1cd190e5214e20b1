"""Secret keys as Apptainer's ring holds them: find out about them, sign text with them.

Secret material lives in local variables only and never reaches a repr, a log or a disk.
"""

import warnings
from dataclasses import field, replace

import pysequoia
from pysequoia.packet import PacketPile, Tag

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import Certificate, describe
from repro_sign.times import utc_now
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A transferable secret key.

    `encrypted` says whether that of the primary key is, or where it does not sign, any other;
    `stub` that the primary's is not in it, as in what gpg --export-secret-subkeys writes.
    """

    certificate: Certificate
    encrypted: bool
    stub: bool
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

    def is_opened_by(self, passphrase: str | None) -> bool | None:
        """Whether the passphrase opens the primary key.

        None where that can't be told: nothing here opens a key that expired or is revoked, or
        whose primary secret is elsewhere.
        """
        one = self.certificate
        if one.revoked or not one.usable or self._is_over() or one.fingerprint not in self.parts:
            return None
        try:
            _tsk(self.binary).certifier(passphrase)
        except RuntimeError:
            return False
        return True

    def _is_over(self) -> bool:
        expires = self.certificate.expires
        return expires is not None and expires <= utc_now()

    @property
    def parts(self) -> frozenset[Fingerprint]:
        """The primary key and subkeys whose secret halves are really in here, no stubs."""
        public = {
            one.fingerprint: one.body
            for one in PacketPile.from_bytes(bytes(_tsk(self.binary).extract_certificate()))
        }
        found = []
        for packet in PacketPile.from_bytes(self.binary):
            if packet.tag in (Tag.SecretKey, Tag.SecretSubkey) and packet.fingerprint:
                body = public[packet.fingerprint]
                if not packets.secret_is_missing(packet.body, body):
                    found.append(Fingerprint.parse(packet.fingerprint))
        return frozenset(found)

    @property
    def armored(self) -> str:
        """The key as an armored text; encrypted if the key is."""
        return pysequoia.armor(self.binary, pysequoia.ArmorKind.SecretKey)

    @property
    def secret_packets(self) -> frozenset[bytes]:
        """The packets that hold its secrets, to tell whether two copies are the same."""
        found = packets.iterate(self.binary)
        return frozenset(one.body for one in found if one.tag in packets.SECRET_TAGS)

    def with_news(self, certificate: Certificate) -> "SecretKey":
        """Return the key with the public half that the two copies make together.

        A secret ring does not learn that a key was renewed. The secret packets stay as they are.
        """
        merged = self.certificate.merged(certificate)
        if merged.binary == self.certificate.binary:
            return self
        secret = [one for one in packets.iterate(self.binary) if one.tag in packets.SECRET_TAGS]
        whole = bytearray()
        for packet in packets.iterate(merged.binary):
            halves = secret if packet.tag in packets.PUBLIC_TAGS else ()
            ours = (one.whole for one in halves if one.body.startswith(packet.body))
            whole += next(ours, packet.whole)
        return replace(self, certificate=merged, binary=bytes(whole))

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
        """Return `text` (no final line end) as a clear-signed block; the hash is SHA-512."""
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
        secret = bytes(tsk)
        encrypted, stub = _protection(secret, certificate)
        return SecretKey(certificate, encrypted, stub, secret)
    except RuntimeError as error:
        raise MalformedError("not a readable OpenPGP secret key") from error


def _tsk(data: bytes) -> pysequoia.Tsk:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return pysequoia.Tsk.from_bytes(data)


def _protection(secret: bytes, certificate: Certificate) -> tuple[bool, bool]:
    """Say whether what signs is encrypted, and whether the primary key's secret is missing."""
    public = {one.fingerprint: one.body for one in PacketPile.from_bytes(certificate.binary)}
    halves = [
        (one.body, public[one.fingerprint])
        for one in PacketPile.from_bytes(secret)
        if one.tag in (Tag.SecretKey, Tag.SecretSubkey) and one.fingerprint in public
    ]
    if not halves:
        raise MalformedError("no secret key packet")
    stub = packets.secret_is_missing(*halves[0])
    if certificate.primary_signs and not stub:
        return packets.secret_is_encrypted(*halves[0]), stub
    there = [half for half in halves if not packets.secret_is_missing(*half)]
    return any(packets.secret_is_encrypted(*half) for half in there), stub
