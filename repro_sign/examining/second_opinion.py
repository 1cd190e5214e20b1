"""What `apptainer verify` will say, by rule, and what it does say.

Apptainer answers yes or no without a usable reason, and its rules differ from ours in known ways
(SIF reference, sections 6 and 7). So its answer is predicted from the evidence; only an answer
against the prediction means that one of the two is wrong.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from repro_sign import apptainer
from repro_sign.examining.signature_object import SignatureObject
from repro_sign.finding import Finding
from repro_sign.fingerprint import Fingerprint, PemFingerprint
from repro_sign.known_keys import KnownKeys
from repro_sign.openpgp.subkeys import subkey_of
from repro_sign.pem import dsse
from repro_sign.pem.keys import PublicKey
from repro_sign.sif.reader import OpenImage
from repro_sign.trust.evidence import Prediction, SecondOpinion, SignatureEvidence
from repro_sign.values import dataclass

SHARED_FINDINGS: Final = frozenset(
    {
        Finding.UNKNOWN_KEY,
        Finding.BAD_SIGNATURE,
        Finding.KEY_REVOKED,
        Finding.SIGNATURE_EXPIRED,
        Finding.FUTURE,
        Finding.WEAK_HASH,
        Finding.WRONG_FINGERPRINT,
        Finding.HEADER_CHANGED,
        Finding.DESCRIPTOR_CHANGED,
        Finding.DATA_CHANGED,
        Finding.OBJECT_REMOVED,
    }
)
"""Findings that Apptainer shares: it refuses what we refuse."""

NOT_INSTALLED: Final = SecondOpinion(None, "it is not installed", Prediction.EITHER, "")


@dataclass(frozen=True, slots=True)
class Question:
    """How Apptainer is asked: about OpenPGP signatures, or about those of one PEM key.

    One run of it can't do both, nor several PEM keys.
    """

    public: bytes
    key: PublicKey | None


def question_for(signatures: Sequence[SignatureObject], known: KnownKeys) -> Question:
    """Choose PEM mode where all signatures are envelopes and a key of theirs is known."""
    living = [one for one in signatures if one.kind != "legacy"]
    if living and all(one.envelope for one in living):
        keys = [key for one in living for key in _keys_of(one, known)]
        if keys:
            return Question(b"", keys[0])
    issuers = [issuer for one in signatures for issuer in one.issuers]
    found = known.certificates.find(issuers)
    return Question(b"".join(one.binary for one in found if one.user_ids), None)


def _keys_of(one: SignatureObject, known: KnownKeys) -> list[PublicKey]:
    """Return the known keys that made a signature in an envelope."""
    if one.envelope is None:
        return []
    found = []
    for each in one.envelope.signatures:
        checked = dsse.check(one.envelope, each, known.public_keys)
        if checked.finding is Finding.GOOD and isinstance(checked.signer, PemFingerprint):
            found.append(known.public_keys.get(checked.signer))
    return [key for key in found if key is not None]


def ask(image: OpenImage, question: Question) -> apptainer.Answer:
    """Ask `apptainer verify` about the open image."""
    pem = question.key.pem.encode() if question.key else None
    return apptainer.verify(image.fd, image.size, question.public, pem)


@contextmanager
def asking(
    image: OpenImage, question: Question, *, wanted: bool
) -> Iterator[Future[apptainer.Answer] | None]:
    """Ask Apptainer in the meantime, if that is wanted and it is installed."""
    if not wanted or not apptainer.installed():
        yield None
        return
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(ask, image, question)


def opinion(
    answer: apptainer.Answer,
    question: Question,
    image: OpenImage,
    signatures: Sequence[SignatureEvidence],
    known: KnownKeys,
    now: datetime,
) -> SecondOpinion:
    """Put the answer beside what the evidence lets expect."""
    predicted, because = predict(question, image, signatures, known, now)
    surprising = answer.accepted is True and predicted is Prediction.REFUSES
    if surprising and question.key is None and apptainer.has_global_ring():
        predicted = Prediction.EITHER
        because += "; this machine's global key ring, which Apptainer asks too, may know better"
    return SecondOpinion(answer.accepted, answer.words, predicted, because)


def predict(
    question: Question,
    image: OpenImage,
    signatures: Sequence[SignatureEvidence],
    known: KnownKeys,
    now: datetime,
) -> tuple[Prediction, str]:
    """Say what Apptainer will answer, and why.

    It looks at every group; each needs a signature that is not of the old form, and every such
    signature object has to be good, by a key that is fit *today*, over exactly the group.
    """
    if image.header.descriptors_free == image.header.descriptors_total:
        return Prediction.REFUSES, "its header says that all descriptors are free"
    if not image.groups:
        return Prediction.REFUSES, "there is nothing to sign in it"
    uncertain = ""
    for group, objects in image.groups.items():
        members = frozenset(one.id for one in objects)
        linked: dict[int, list[SignatureEvidence]] = {}
        for one in signatures:
            if one.group == group and one.finding is not Finding.LEGACY:
                linked.setdefault(one.object_id, []).append(one)
        if not linked:
            return Prediction.REFUSES, f"group {group} has no signature"
        for number, evidence in linked.items():
            predicted, reason = _of_object(question, evidence, members, known, now)
            if predicted is Prediction.REFUSES:
                return Prediction.REFUSES, f"signature {number}: {reason}"
            if predicted is Prediction.EITHER:
                uncertain = f"signature {number}: {reason}"
    return (Prediction.EITHER, uncertain) if uncertain else (Prediction.ACCEPTS, "all are good")


def _of_object(
    question: Question,
    evidence: Sequence[SignatureEvidence],
    members: frozenset[int],
    known: KnownKeys,
    now: datetime,
) -> tuple[Prediction, str]:
    """Predict for one signature object; an envelope needs one signature by the key asked about."""
    one = evidence[0]
    if (one.kind == "dsse") != (question.key is not None) and one.finding is not Finding.MALFORMED:
        return Prediction.REFUSES, "is of another kind than Apptainer was asked about"
    if question.key is not None:
        if one.finding is Finding.MALFORMED:
            return _either_or_refuses(one)
        ours = [each for each in evidence if each.signer == question.key.fingerprint]
        if not ours:
            return Prediction.REFUSES, "holds none by the key that Apptainer was asked about"
        believed = [each for each in ours if each.finding is not Finding.BAD_SIGNATURE]
        one = (believed or ours)[0]
    if one.finding is not Finding.GOOD:
        return _either_or_refuses(one)
    if one.covers != members:
        return Prediction.REFUSES, "does not cover exactly its group"
    reason = unfit_today(one, known, now)
    if reason:
        return Prediction.REFUSES, reason
    return Prediction.ACCEPTS, "is good"


def _either_or_refuses(one: SignatureEvidence) -> tuple[Prediction, str]:
    """Where we refuse for a reason of our own, Apptainer may answer either way."""
    predicted = Prediction.REFUSES if one.finding in SHARED_FINDINGS else Prediction.EITHER
    return predicted, one.message


def unfit_today(one: SignatureEvidence, known: KnownKeys, now: datetime) -> str | None:
    """Apptainer judges keys now, not at the time of the signature."""
    if not isinstance(one.signer, Fingerprint):
        return None
    certificate = known.certificates.get(one.signer)
    if certificate is None or not certificate.user_ids:
        return "its certificate has no user id, which Apptainer can't read"
    if certificate.revoked:
        return "its key is revoked, whenever that was"
    if certificate.expires is not None and certificate.expires <= now:
        return "its key has expired since"
    subkey = subkey_of(certificate, one.claimed or "", now)
    if subkey and subkey.revocation:
        return "its subkey is revoked, whenever that was"
    if subkey and subkey.expires and subkey.expires <= now:
        return "its subkey has expired since"
    return None
