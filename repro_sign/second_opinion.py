"""What `apptainer verify` will say, by rule, and what it does say.

Apptainer answers yes or no without a usable reason, and its rules differ from ours in known ways
(SIF reference, sections 6 and 7). So its answer is predicted from the evidence; only an answer
against the prediction means that one of the two is wrong.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from repro_sign import apptainer
from repro_sign.finding import Finding
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.certificate import Certificate
from repro_sign.sif.reader import OpenImage
from repro_sign.trust.evidence import Prediction, SecondOpinion, SignatureEvidence

_REFUSED = frozenset(
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


def ask(image: OpenImage, certificates: Iterable[Certificate]) -> apptainer.Answer:
    """Ask `apptainer verify --local` about the open image, telling it these certificates."""
    public = b"".join(one.binary for one in certificates if one.user_ids)
    return apptainer.verify(image.fd, image.size, public)


def opinion(
    answer: apptainer.Answer,
    signatures: Iterable[SignatureEvidence],
    groups: Mapping[int, frozenset[int]],
    book: CertificateBook,
    now: datetime,
) -> SecondOpinion:
    """Put the answer beside what the evidence lets expect."""
    predicted, because = predict(tuple(signatures), groups, book, now)
    return SecondOpinion(answer.accepted, answer.words, predicted, because)


def predict(
    signatures: tuple[SignatureEvidence, ...],
    groups: Mapping[int, frozenset[int]],
    book: CertificateBook,
    now: datetime,
) -> tuple[Prediction, str]:
    """Say what Apptainer will answer, and why.

    It looks at every group; each needs a signature that is not of the old form, and every such
    signature has to be good, by a key that is fit *today*, over exactly the group.
    """
    if not groups:
        return Prediction.REFUSES, "there is nothing to sign in it"
    uncertain = ""
    for group, members in groups.items():
        linked = [
            one for one in signatures if one.group == group and one.finding is not Finding.LEGACY
        ]
        if not linked:
            return Prediction.REFUSES, f"group {group} has no signature"
        for one in linked:
            where = f"signature {one.object_id}"
            if one.finding in _REFUSED:
                return Prediction.REFUSES, f"{where}: {one.message}"
            if one.finding is not Finding.GOOD:
                uncertain = f"{where}: {one.message}"
            elif one.covers != members:
                return Prediction.REFUSES, f"{where} does not cover exactly its group"
            elif (reason := _unfit_today(one, book, now)) is not None:
                return Prediction.REFUSES, f"{where}: {reason}"
    return (Prediction.EITHER, uncertain) if uncertain else (Prediction.ACCEPTS, "all are good")


def _unfit_today(one: SignatureEvidence, book: CertificateBook, now: datetime) -> str | None:
    """Apptainer judges keys now, not at the time of the signature."""
    certificate = book.get(one.signer) if one.signer else None
    if certificate is None or not certificate.user_ids:
        return "its certificate has no user id, which Apptainer can't read"
    if certificate.revoked:
        return "its key is revoked, whenever that was"
    if certificate.expires is not None and certificate.expires <= now:
        return "its key has expired since"
    return None
