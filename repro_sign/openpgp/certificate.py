"""OpenPGP certificates (public keys), read with bounds and described in this project's terms."""

import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import pysequoia
from pysequoia.packet import Packet, PacketPile, PublicKeyAlgorithm, Tag

from repro_sign.errors import MalformedError
from repro_sign.escaping import is_hidden
from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp import packets
from repro_sign.times import utc_now
from repro_sign.values import dataclass

MAX_CERTIFICATE_BYTES: Final = 1 << 20
"""Keys flooded with junk signatures reach tens of megabytes; honest ones stay far below this."""
MAX_CERTIFICATE_PACKETS: Final = 5000
MAX_RING_BYTES: Final = 64 << 20

_ARMOR_START: Final = b"-----BEGIN PGP"
_KEY_TAGS: Final = (Tag.PublicKey, Tag.PublicSubkey, Tag.SecretKey, Tag.SecretSubkey)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. Its secret half, if the source had any, is left out (`had_secret`).

    `expires` and `revoked` speak of now; whether a signature counts is not decided by them.
    `usable` is false where no self-signature is acceptable (made with SHA-1, say).
    """

    cert: pysequoia.Cert
    fingerprint: Fingerprint
    algorithm: str
    created: datetime
    expires: datetime | None
    revoked: bool
    usable: bool
    primary_signs: bool
    user_ids: tuple[str, ...]
    key_ids: frozenset[str]
    had_secret: bool = False

    @property
    def user_id(self) -> str | None:
        """The first user id; hostile text until escaped."""
        return self.user_ids[0] if self.user_ids else None

    @property
    def binary(self) -> bytes:
        """The certificate as binary packets."""
        return bytes(self.cert)

    @property
    def armored(self) -> str:
        """The certificate as an armored text.

        A comment in it that quotes a user id with hidden characters is left out: keys are shown on
        terminals, and lie in files that people read.
        """
        lines = str(self.cert).split("\n")
        return "\n".join(line for line in lines if not any(map(is_hidden, line)))

    def merged(self, other: "Certificate") -> "Certificate":
        """Join two copies of one certificate, so that neither hides what the other knows.

        Raises `MalformedError` if that gets too large.
        """
        if bytes(self.cert) == bytes(other.cert):
            return self
        return describe(self.cert.merge(other.cert), had_secret=self.had_secret or other.had_secret)


def describe(cert: pysequoia.Cert, *, had_secret: bool = False) -> Certificate:
    """Describe a certificate that pysequoia has read.

    Raises `MalformedError` if it is too large or of a version other than 4, and `NoAnswerError`
    if the clock is beyond all times that OpenPGP knows.
    """
    utc_now()  # pysequoia judges by the clock, and panics where OpenPGP's times have ended
    raw = bytes(cert)
    if len(raw) > MAX_CERTIFICATE_BYTES:
        raise MalformedError(
            f"a certificate of {len(raw)} bytes; at most {MAX_CERTIFICATE_BYTES} are read"
        )
    pile = list(PacketPile.from_bytes(raw))
    if len(pile) > MAX_CERTIFICATE_PACKETS:
        raise MalformedError(
            f"a certificate of {len(pile)} packets; at most {MAX_CERTIFICATE_PACKETS} are read"
        )
    try:
        fingerprint = Fingerprint.parse(cert.fingerprint)
    except ValueError as error:
        raise MalformedError(
            "only version 4 OpenPGP keys are supported", code="unsupported"
        ) from error
    primary = pile[0]
    if primary.key_created is None:
        raise MalformedError("a certificate without a creation time")
    try:
        expires = cert.expiration
        user_ids = tuple(str(user_id) for user_id in cert.user_ids)
        usable = True
    except RuntimeError:
        expires, usable = None, False
        user_ids = tuple(_claimed_user_ids(pile))
    return Certificate(
        cert=cert,
        fingerprint=fingerprint,
        algorithm=_algorithm(primary),
        created=primary.key_created,
        expires=expires,
        revoked=cert.is_revoked,
        usable=usable,
        primary_signs=_primary_signs(pile),
        user_ids=user_ids,
        key_ids=frozenset(_key_ids(pile)),
        had_secret=had_secret,
    )


def read_certificates(data: bytes, what: str) -> tuple[Certificate, ...]:
    """Read all certificates in `data`, armored or binary; `what` names it in errors.

    Raises `MalformedError` if there are none, or if one of them can't be read.
    """
    if len(data) > MAX_RING_BYTES:
        raise MalformedError(f"{what} has {len(data)} bytes; at most {MAX_RING_BYTES} are read")
    try:
        found = tuple(read_one(chunk) for chunk in split_keys(data))
    except (RuntimeError, MalformedError) as error:
        reason = first_line(error)
        raise MalformedError(f"{what} is not a readable OpenPGP key: {reason}") from error
    if not found:
        raise MalformedError(f"{what} holds no OpenPGP key")
    return found


def read_ring(data: bytes) -> tuple[Certificate, ...]:
    """Read what is readable in a key ring: one damaged or odd key does not hide the others."""
    found = []
    try:
        chunks = split_keys(data[:MAX_RING_BYTES])
    except (RuntimeError, MalformedError):
        return ()
    for chunk in chunks:
        try:
            found.append(read_one(chunk))
        except (RuntimeError, MalformedError):
            continue
    return tuple(found)


def first_line(error: Exception) -> str:
    """Return the first line of an error's text: pysequoia's may carry a backtrace."""
    return (str(error).splitlines() or ["no reason given"])[0]


def split_keys(data: bytes) -> list[bytes]:
    """Cut key material, armored or binary, into the packets of one key each.

    Raises `MalformedError` or `RuntimeError` if it is none.
    """
    if not data[:1] >= b"\x80":  # armor is text, a binary packet starts with its top bit set
        if _ARMOR_START not in data:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return [_with_secrets(cert) for cert in pysequoia.Cert.split_bytes(data)]
    return packets.split_ring(data)


def _with_secrets(cert: pysequoia.Cert) -> bytes:
    return bytes(cert.secrets) if cert.has_secret_keys and cert.secrets else bytes(cert)


def read_one(chunk: bytes) -> Certificate:
    """Read the binary packets of one key. Raises `MalformedError` or `RuntimeError`."""
    if len(chunk) > MAX_CERTIFICATE_BYTES:
        raise MalformedError(
            f"a certificate of {len(chunk)} bytes; at most {MAX_CERTIFICATE_BYTES} are read"
        )
    if any(packet.tag in packets.SECRET_TAGS for packet in packets.iterate(chunk)):
        return describe(pysequoia.Tsk.from_bytes(chunk).extract_certificate(), had_secret=True)
    return describe(pysequoia.Cert.from_bytes(chunk))


def _claimed_user_ids(pile: list[Packet]) -> Iterator[str]:
    for packet in pile:
        if packet.tag == Tag.UserID:
            yield packet.body.decode("utf-8", "replace")


def _primary_signs(pile: list[Packet]) -> bool:
    """Whether the newest self-signature that states flags lets the primary key sign: a claim."""
    stated: list[tuple[datetime, bool]] = []
    for packet in pile[1:]:
        if packet.tag == Tag.PublicSubkey:
            break
        if packet.key_flags is not None and packet.signature_created is not None:
            stated.append((packet.signature_created, packet.key_flags.signing))
    return max(stated)[1] if stated else True


def _key_ids(pile: list[Packet]) -> Iterator[str]:
    """Yield the fingerprints and key ids (upper case) of the primary key and the subkeys."""
    for packet in pile:
        if packet.tag in _KEY_TAGS:
            for name in (packet.fingerprint, packet.key_id):
                if name is not None:
                    yield name.upper()


def _algorithm(primary: Packet) -> str:
    """Name the algorithm as people do: `RSA 4096`, `Ed25519`."""
    algorithm = primary.key_algorithm
    numbers = primary.body[6:]
    if algorithm in (PublicKeyAlgorithm.RSAEncryptSign, PublicKeyAlgorithm.RSASign):
        return f"RSA {int.from_bytes(numbers[:2], 'big')}"
    if algorithm in (PublicKeyAlgorithm.EdDSA, PublicKeyAlgorithm.Ed25519):
        return "Ed25519"
    if algorithm == PublicKeyAlgorithm.ECDSA:
        curve = numbers[1 : 1 + numbers[0]] if numbers else b""
        return f"ECDSA {_CURVES.get(curve, 'on an unknown curve')}"
    return str(algorithm).removeprefix("PublicKeyAlgorithm.")


_CURVES: Final = {
    bytes.fromhex("2a8648ce3d030107"): "P-256",
    bytes.fromhex("2b81040022"): "P-384",
    bytes.fromhex("2b81040023"): "P-521",
}
"""Curve object identifiers (RFC 6637, section 11)."""
