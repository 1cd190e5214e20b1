"""Timestamps after RFC 3161: the question, the response, and whether it proves anything.

The steps of a check, marked in the code with their numbers (RFC 3161, section 2.4.2):

 1. the response is granted, and all parts that are used can be read
 2. it is about these bytes: their digest, by SHA-256, SHA-384 or SHA-512
 3. it was signed over one of these hashes, by one signer, whose certificate it holds
 4. it is not from the future
 5. the signature is good, and a chain leads from a certificate for time-stamping to a root, all
    valid at the time that is stated (rfc3161-client, with OpenSSL)

The library's own words are never shown: they are OpenSSL's, and may quote the response.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import rfc3161_client as rfc3161
from cryptography import x509
from cryptography.x509.oid import NameOID

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import printable
from repro_sign.quietly import without_warnings
from repro_sign.times import readable
from repro_sign.timestamps.proof import CLOCK_SKEW, Authorities, Timestamp
from repro_sign.values import dataclass

QUERY_TYPE: Final = "application/timestamp-query"
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""By object identifier, those that can't be forged."""
_MAX_WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it is sent, and the number in it that the answer has to repeat."""

    data: bytes
    nonce: int | None


@dataclass(frozen=True, slots=True)
class _Response:
    """A granted response, taken apart; nothing in it is checked yet."""

    raw: rfc3161.TimeStampResponse
    moment: datetime
    algorithm: str
    imprint: bytes
    nonce: int | None
    signed_with: frozenset[str]
    certificates: tuple[x509.Certificate, ...]
    signer: x509.Certificate | None


def ask_about(stamped: bytes) -> Query:
    """Make a question about these bytes; the authority's certificate is to be in the answer."""
    builder = rfc3161.TimestampRequestBuilder().data(stamped).nonce(nonce=True)
    request = builder.cert_request(cert_request=True).build()
    return Query(request.as_bytes(), request.nonce)


def check_reply(reply: bytes, query: Query, stamped: bytes, now: datetime) -> None:
    """Check the answer to a question as far as that can be done without believing any root.

    Raises `RefusedError` if the authority refuses, `MalformedError` if the answer is not to the
    question or not sound.
    """
    response = _read(reply)
    _check_imprint(response, stamped)
    if response.nonce != query.nonce:
        raise MalformedError("it answers another question (the nonce differs)")
    _check_by_itself(response, stamped, now)


def fits(response: bytes, stamped: bytes, now: datetime) -> bool:
    """Whether a response that was kept is about these bytes.

    Raises `RefusedError` or `MalformedError` if it is about nothing that can be said, or not sound.
    """
    found = _read(response)
    if _digest(found, stamped) != found.imprint:
        return False
    _check_by_itself(found, stamped, now)
    return True


def verify(response: bytes, stamped: bytes, authorities: Authorities, now: datetime) -> Timestamp:
    """Check a response with the roots that the caller believes.

    Raises `RefusedError` or `MalformedError`, in one sentence, if it proves nothing.
    """
    found = _read(response)
    _check_imprint(found, stamped)
    signer = _check_signer(found)
    moment = _check_time(found, now)
    with without_warnings():
        believed = [x509.load_der_x509_certificate(one) for one in authorities.certificates]
    _check_chain(found, stamped, believed)
    return Timestamp(moment, _name(signer))


def _read(data: bytes) -> _Response:
    """Take a response apart (step 1): the one place in which its parts are asked for."""
    try:
        with without_warnings():
            raw = rfc3161.decode_timestamp_response(data)
            if raw.status == rfc3161.PKIStatus.GRANTED:
                return _take_apart(raw)
            words = printable("; ".join(raw.status_string), limit=_MAX_WORDS)
    except Exception as error:  # whatever a hostile response makes the libraries raise
        raise MalformedError("it can't be read as a timestamp") from error
    raise RefusedError(f"the authority refused to give one{f' ({words})' if words else ''}")


def _take_apart(raw: rfc3161.TimeStampResponse) -> _Response:
    info, signed = raw.tst_info, raw.signed_data
    certificates = tuple(map(x509.load_der_x509_certificate, sorted(signed.certificates)))
    (by,) = signed.signer_infos
    named = (by.issuer, by.serial_number)
    signers = [one for one in certificates if (one.issuer, one.serial_number) == named]
    for one in certificates:  # parts are read when they are asked for
        _name(one)
    return _Response(
        raw=raw,
        moment=_latest(info),
        algorithm=info.message_imprint.hash_algorithm.dotted_string,
        imprint=info.message_imprint.message,
        nonce=info.nonce,
        signed_with=frozenset(one.dotted_string for one in signed.digest_algorithms),
        certificates=certificates,
        signer=signers[0] if signers else None,
    )


def _latest(info: rfc3161.TimeStampTokenInfo) -> datetime:
    """Return when it was made, at the latest, by what the authority states of its clock."""
    moment = info.gen_time
    accuracy: rfc3161.Accuracy | None = info.accuracy  # optional in RFC 3161
    if accuracy is not None:
        moment += timedelta(
            seconds=accuracy.seconds or 0,
            milliseconds=accuracy.millis or 0,
            microseconds=accuracy.micros or 0,
        )
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)


def _digest(response: _Response, stamped: bytes) -> bytes:
    name = _HASHES.get(response.algorithm)
    if name is None:
        raise MalformedError("it uses a hash that is not accepted")
    return hashlib.new(name, stamped).digest()


def _check_imprint(response: _Response, stamped: bytes) -> None:  # 2
    if _digest(response, stamped) != response.imprint:
        raise MalformedError("it is about other bytes: was the file changed since?")


def _check_signer(response: _Response) -> x509.Certificate:  # 3
    if not response.signed_with <= _HASHES.keys():
        raise MalformedError("it is signed with a hash that is not accepted")
    if response.signer is None:
        raise MalformedError("it does not hold the certificate of its signer")
    return response.signer


def _check_time(response: _Response, now: datetime) -> datetime:  # 4
    if response.moment > now + CLOCK_SKEW:
        raise MalformedError(f"it is dated {readable(response.moment)}, which is in the future")
    return response.moment


def _check_by_itself(response: _Response, stamped: bytes, now: datetime) -> None:
    """Check what needs no root; where the response holds one, the signature with that."""
    _check_signer(response)
    _check_time(response, now)
    roots = [one for one in response.certificates if one.issuer == one.subject]
    if roots:
        _check_chain(response, stamped, roots)


def _check_chain(
    response: _Response, stamped: bytes, roots: Sequence[x509.Certificate]
) -> None:  # 5
    builder = rfc3161.VerifierBuilder(roots=list(roots))
    try:
        with without_warnings():
            builder.build().verify_message(response.raw, stamped)
    except BaseException as error:
        # As in `_read`; and the library panics at a certificate that OpenSSL can't read, which is
        # no `Exception`.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise MalformedError(
            "its signature is not good, or no chain leads from it to the authorities named"
        ) from error


def _name(certificate: x509.Certificate) -> str:
    """Return what a certificate calls its owner, in short where that is possible."""
    for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        if isinstance(one.value, str):
            return one.value
    return certificate.subject.rfc4514_string()
