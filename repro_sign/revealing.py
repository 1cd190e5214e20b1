"""Use case: say, by two keys, who signed an image for review without a name."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from repro_sign.digest import Digest
from repro_sign.errors import NoAnswerError, RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.examining.revealed import reveal_path
from repro_sign.hashing import Progress
from repro_sign.known_keys import Keys
from repro_sign.sealing import Sealer
from repro_sign.statements.reveal import Reveal, to_bytes
from repro_sign.statements.statement import Subject, check_name
from repro_sign.statements.statement_writing import seal, signer_record
from repro_sign.system.durable import write_file
from repro_sign.times import utc_now
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import VerdictWord
from repro_sign.values import dataclass
from repro_sign.verifying import Engine, VerifyRequest, verify_image


@dataclass(frozen=True, slots=True)
class RevealReport:
    """What was written: the author's half and the nameless key's, and for which image."""

    path: Path
    identity: Digest
    halves: tuple[Path, Path]


def reveal_image(
    path: Path,
    author: Sealer,
    review: Sealer,
    *,
    confirm: Callable[[Digest], None] = lambda _: None,
    progress: Progress | None = None,
    now: Callable[[], datetime] = utc_now,
) -> RevealReport:
    """Write both halves of a reveal beside an image that the nameless key has signed.

    `confirm` is called with the image's identity before anything is signed, and may raise. Raises
    `UsageError` if both are one key, `RefusedError` if the nameless key's signature would not make
    the image verified, or a half can't be signed or written.
    """
    if author.signer == review.signer:
        raise UsageError(
            "the author's key and the one without a name are the same",
            hint="--key is the one with your name, --review-key the one that signed for review",
        )
    subject, identity = _signed_by(path, review, progress)
    confirm(identity)
    created, halves = now(), []
    for sealer in (author, review):
        half = Reveal(
            subject=subject,
            identity=identity,
            author=author.signer,
            review=review.signer,
            signer=signer_record(sealer),
            created=created,
        )
        place = reveal_path(path, sealer.signer, sealer.ending)
        halves.append((place, seal(place, to_bytes(half), sealer, now, "reveal")))
    for place, data in halves:
        write_file(place, data)
    return RevealReport(path, identity, (halves[0][0], halves[1][0]))


def _signed_by(path: Path, review: Sealer, progress: Progress | None) -> tuple[Subject, Digest]:
    """Return the image as it is, if this key alone makes it verified."""
    shown = printable(str(path))
    keys = review.known.only(review.signer)
    policy = TrustPolicy({review.signer: "it signed for review"})
    report = verify_image(
        path,
        VerifyRequest(policy, keys or Keys(), deep=True, engine=Engine.NATIVE, progress=progress),
    )
    reason = printable(report.verdict.reasons[0].message)
    if report.verdict.word is VerdictWord.UNKNOWN:
        raise NoAnswerError(reason)
    digests, identity = report.evidence.digests, report.evidence.identity
    if not report or identity is None:
        raise RefusedError(
            f"{shown} is {report.verdict.word} by the key {review.signer.grouped()}: {reason}",
            hint="reveal the key that signed this image, and the image as it was signed",
        )
    try:
        name = check_name(path.name)
    except ValueError as error:
        raise RefusedError(
            f"{printable(path.name)} is no name that a statement may carry",
            hint="rename the file: no back-slashes or invisible characters",
        ) from error
    return Subject(name, digests["sha256"], digests["blake3"]), identity
