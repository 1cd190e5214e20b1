"""Check one OpenPGP signature over a text and say precisely what is wrong with a bad one.

The steps, marked in the code with their numbers (SIF reference, section 13; reference pysequoia):

 1. the armor holds exactly one packet, a signature of version 4, of type binary or text
 2. numbers with a wrong bit count (Go tools of 2020-22) are made canonical
 3. the key that it names is looked up among all certificates at hand, copies merged
 4. its hash is on the allow-list, it is not dated in the future and has not expired
 5. pysequoia verifies value, binding, flags, expiry and revocation, at the signature's own time
 6. where that fails: is the value itself good? If not, the signature is bad
 7. the value is good: say what was unfit (key too young, expired, revoked, not for signing)
 8. what counts is the self-signature (and subkey binding) that was in force then; a signature
    older than all of them (a renewed certificate) is judged by the present ones
 9. a certificate without user ids and self-signatures, as key servers hand it out until an e-mail
    is confirmed, limits its primary key in nothing; whoever has that key could lift such a limit
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pysequoia
from pysequoia.packet import HashAlgorithm, Packet, PacketPile, SignatureType, Tag

from repro_sign.checked import CheckedSignature
from repro_sign.errors import MalformedError
from repro_sign.finding import Finding
from repro_sign.openpgp import packets
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.self_signatures import is_bare, revocation_of, self_signature_at
from repro_sign.openpgp.subkeys import Subkey, subkey_of
from repro_sign.times import readable
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class ParsedSignature:
    """A signature packet of an accepted form, not yet checked."""

    packet: Packet
    sig: pysequoia.Sig
    created: datetime

    @property
    def issuers(self) -> tuple[str, ...]:
        """The fingerprint and key id that the signature names, upper case: claims."""
        names = (self.sig.issuer_fingerprint, self.sig.issuer_key_id)
        return tuple(name.upper() for name in names if name)


def parse_signature(armored: bytes) -> ParsedSignature:
    """Read an armored signature (steps 1 and 2).

    Raises `MalformedError`, with code `unsupported` for versions other than 4.
    """
    try:
        return _parse(armored)
    except RuntimeError as error:  # of pysequoia: also from asking for parts of what it has read
        raise MalformedError("the OpenPGP signature is not readable") from error


def _parse(armored: bytes) -> ParsedSignature:
    pile = list(PacketPile.from_bytes(armored))
    if len(pile) != 1:  # 1
        raise MalformedError(f"{len(pile)} OpenPGP packets in place of one signature")
    packet = pile[0]
    if packet.tag != Tag.Signature:
        raise MalformedError("the armor holds something else than a signature")
    if not packet.body:
        raise MalformedError("the OpenPGP signature is empty")
    if packet.body[0] != 4:
        raise MalformedError(
            f"OpenPGP signatures of version {packet.body[0]} are not supported", code="unsupported"
        )
    if packet.signature_type is None:  # 2
        packet = _canonical(packet)
    if packet.signature_type not in (SignatureType.Binary, SignatureType.Text):
        raise MalformedError("an OpenPGP signature of a type that signs no document")
    sig = pysequoia.Sig.from_bytes(bytes(packet))
    if sig.created is None:
        raise MalformedError("the OpenPGP signature has no date")
    _check_hash(packet)
    return ParsedSignature(packet, sig, sig.created)


def _check_hash(packet: Packet) -> None:
    """Refuse a hash that pysequoia has no name for: asking for it raises."""
    try:
        str(packet.hash_algorithm)
    except RuntimeError as error:
        message = "OpenPGP signatures with an unknown hash are not supported"
        raise MalformedError(message, code="unsupported") from error


def check_signature(
    parsed: ParsedSignature, signed: bytes, book: CertificateBook, now: datetime
) -> CheckedSignature:
    """Check a signature over the bytes `signed` with the certificates in `book`."""
    claimed = parsed.issuers[0] if parsed.issuers else None
    candidates = book.find(parsed.issuers)  # 3
    if not candidates:
        message = f"by key {claimed}, whose certificate is not at hand"
        return CheckedSignature(Finding.UNKNOWN_KEY, message, claimed, signed_at=parsed.created)
    finding, message, certificate, since = _judge(parsed, signed, candidates, now)
    return CheckedSignature(
        finding=finding,
        message=message,
        claimed=claimed,
        signed_at=parsed.created,
        signer=certificate.fingerprint,
        user_id=certificate.user_id,
        notes=since.notes,
        key_ended=since.ended,
    )


@dataclass(frozen=True, slots=True)
class _Since:
    """What became of a key since a good signature by it; `ended` is when it was fit no more."""

    notes: tuple[str, ...] = ()
    ended: datetime | None = None


_NOTHING = _Since()
_HASHES = (
    HashAlgorithm.SHA224,
    HashAlgorithm.SHA256,
    HashAlgorithm.SHA384,
    HashAlgorithm.SHA512,
)
"""The hashes that a signature may use: SHA-2 only (SIF reference, section 3.1)."""
_Judgement = tuple[Finding, str, Certificate, _Since]


def _judge(
    parsed: ParsedSignature, signed: bytes, candidates: Sequence[Certificate], now: datetime
) -> _Judgement:
    first = candidates[0]
    if parsed.packet.hash_algorithm not in _HASHES:  # 4
        name = str(parsed.packet.hash_algorithm).removeprefix("HashAlgorithm.")
        return Finding.WEAK_HASH, f"uses the hash {name}, which can be forged", first, _NOTHING
    if parsed.created > now:
        message = f"dated {readable(parsed.created)}, which is in the future"
        return Finding.FUTURE, message, first, _NOTHING
    verified = _verify(parsed, signed, candidates)  # 5
    if verified is not None:
        certificate, name = verified
        return Finding.GOOD, "good", certificate, _since(certificate, name, now)
    from repro_sign.openpgp import value  # heavy, and only needed where something is wrong

    for certificate in sorted(candidates, key=is_bare):
        try:
            key = _signing_key(parsed, signed, certificate)  # 6
        except value.UnsupportedAlgorithmError:
            message = "by a kind of key that can't be checked here"
            return Finding.UNSUPPORTED, message, certificate, _NOTHING
        if key is not None:
            return _unfit(parsed, key, certificate, now)
    return Finding.BAD_SIGNATURE, "the text is not what this key signed", first, _NOTHING


def _verify(
    parsed: ParsedSignature, signed: bytes, candidates: Sequence[Certificate]
) -> tuple[Certificate, str] | None:
    """Return the certificate and the name of its key that made the signature, if it is good."""
    certs = [one.cert for one in candidates]
    try:
        result = pysequoia.verify(bytes=signed, store=lambda _: certs, signature=parsed.sig)
    except RuntimeError:
        return None
    for valid in result.valid_sigs:
        for one in candidates:
            if one.fingerprint.hex == valid.certificate.upper():
                return one, valid.signing_key
    return None


def _signing_key(parsed: ParsedSignature, signed: bytes, certificate: Certificate) -> Packet | None:
    """Return the key packet of the certificate whose signature value this is, if any."""
    if parsed.packet.signature_type == SignatureType.Text:
        signed = signed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    from repro_sign.openpgp import value

    pile: list[Packet] = list(PacketPile.from_bytes(certificate.binary))
    for packet in pile:
        if packet.tag not in (Tag.PublicKey, Tag.PublicSubkey):
            continue
        names = {packet.fingerprint, packet.key_id}
        if not names & {name.lower() for name in parsed.issuers}:
            continue
        if value.is_good(packet, parsed.packet, signed):
            return packet
    return None


def _unfit(
    parsed: ParsedSignature, key: Packet, certificate: Certificate, now: datetime
) -> _Judgement:
    """Say why a signature of good value does not count (step 7), or that it does (step 8)."""
    signed_at = parsed.created
    name = key.fingerprint or ""
    subkey = subkey_of(certificate, name, signed_at)
    if subkey and not subkey.bound:  # anybody can hang a subkey into a copy of a certificate
        return Finding.KEY_UNFIT, "the key that made it may not sign", certificate, _NOTHING
    out_of_time = _out_of_time(parsed, key, certificate, subkey, now)
    if out_of_time:
        return (*out_of_time, certificate, _NOTHING)
    if is_bare(certificate):  # 9
        return _of_bare(signed_at, subkey, certificate, _since(certificate, name, now))
    if not certificate.usable:
        message = (
            "its certificate has no acceptable self-signature (made with SHA-1?);"
            " its owner can renew it with gpg --cert-digest-algo SHA512 --quick-set-expire"
        )
        return Finding.KEY_UNFIT, message, certificate, _NOTHING
    current, renewed = self_signature_at(certificate, signed_at)
    if current is None:
        return Finding.KEY_UNFIT, "the key that made it may not sign", certificate, _NOTHING
    ended = subkey is not None and subkey.expires is not None and subkey.expires <= signed_at
    if ended or _expired(certificate, current, signed_at):
        message = f"made {readable(signed_at)}, after its key had expired"
        return Finding.KEY_EXPIRED, message, certificate, _NOTHING
    flags = current.key_flags
    if not (subkey.signs if subkey else flags is not None and flags.signing):
        return Finding.KEY_UNFIT, "its key is not meant for signing", certificate, _NOTHING
    if renewed or (subkey and subkey.renewed):  # 8
        note = "the certificate was renewed after this signature was made"
        since = _since(certificate, name, now)
        return Finding.GOOD, "good", certificate, _Since((note, *since.notes), since.ended)
    return Finding.KEY_UNFIT, "its key was not fit when it was made", certificate, _NOTHING


def _of_bare(
    signed_at: datetime, subkey: Subkey | None, certificate: Certificate, since: _Since
) -> _Judgement:
    """Judge a signature of good value by a certificate that says nothing about its primary key."""
    ended = subkey is not None and subkey.expires is not None and subkey.expires <= signed_at
    if subkey and (ended or not subkey.signs):
        why = "had expired by then" if ended else "may not sign"
        finding = Finding.KEY_EXPIRED if ended else Finding.KEY_UNFIT
        return finding, f"its subkey {why}", certificate, _NOTHING
    note = "its certificate is at hand without user ids, so until when the key may sign is unknown"
    return Finding.GOOD, "good", certificate, _Since((note, *since.notes), since.ended)


def _out_of_time(
    parsed: ParsedSignature,
    key: Packet,
    certificate: Certificate,
    subkey: Subkey | None,
    now: datetime,
) -> tuple[Finding, str] | None:
    """Say why a signature was made too early, is over, or is undone by a revocation."""
    signed_at = parsed.created
    if key.key_created is not None and key.key_created > signed_at:
        message = f"made {readable(signed_at)}, before its key was created"
        return Finding.KEY_NOT_YET_VALID, message
    expiration = parsed.sig.expiration
    if expiration is not None and expiration <= now:
        message = f"the signature itself ended on {readable(expiration)}"
        return Finding.SIGNATURE_EXPIRED, message
    for revocation in (revocation_of(certificate), subkey.revocation if subkey else None):
        if revocation is not None and revocation.undoes(signed_at):
            message = f"the key is revoked ({revocation.words})"
            return Finding.KEY_REVOKED, message
    return None


def _since(certificate: Certificate, name: str, now: datetime) -> _Since:
    """Say what became of the key since: it undoes nothing, but the reader should know.

    `name` is that of the key that signed: the primary key, or a subkey.
    """
    notes = []
    ends = []
    subkey = subkey_of(certificate, name, now)
    if subkey and subkey.revocation:
        notes.append(f"the subkey was revoked later ({subkey.revocation.words})")
        ends.append(subkey.revocation.created)
    elif subkey and subkey.expires and subkey.expires <= now:
        notes.append(f"the subkey has expired since, on {readable(subkey.expires)}")
        ends.append(subkey.expires)
    revocation = revocation_of(certificate)
    if revocation is not None:
        notes.append(f"the key was revoked later ({revocation.words})")
        ends.append(revocation.created)
    elif certificate.expires is not None and certificate.expires <= now:
        notes.append(f"the key has expired since, on {readable(certificate.expires)}")
        ends.append(certificate.expires)
    return _Since(tuple(notes), min(ends, default=None))


def _expired(certificate: Certificate, self_signature: Packet, moment: datetime) -> bool:
    period = self_signature.key_validity_period
    return period is not None and period > timedelta(0) and certificate.created + period <= moment


def _canonical(packet: Packet) -> Packet:
    """Rebuild a signature packet whose numbers have a wrong bit count (step 2)."""
    body = packets.canonical_numbers(packet.body)
    try:
        (rebuilt,) = PacketPile.from_bytes(packets.signature_packet(body))
    except (RuntimeError, ValueError) as error:
        raise MalformedError("the OpenPGP signature is not readable") from error
    if rebuilt.signature_type is None or not isinstance(rebuilt, Packet):
        raise MalformedError("the OpenPGP signature is not readable")
    return rebuilt
