"""The reveal as a value: two keys that say they are one person's, for one image.

Work that was reviewed anonymously is signed by a key without a name. Its author says later, by the
key with their name, that it was theirs; the nameless key has to say so too, or anybody could take
the work for their own. Both sign the same statement, each in the form of its kind.
"""

from datetime import datetime
from typing import Any, Final

from repro_sign.digest import Digest
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.statements import statement
from repro_sign.statements.manifest import read_identity
from repro_sign.statements.statement import SignerRecord, Subject, read_signer, signer_members
from repro_sign.strict_json import a_string, an_object
from repro_sign.times import parse_rfc3339, rfc3339
from repro_sign.values import dataclass

REVEAL_TYPE: Final = "urn:repro-sign:reveal:v1"


@dataclass(frozen=True, slots=True)
class Reveal:
    """One half of a reveal, by the key with the name (`author`) or by the one without (`review`).

    `subject` is the image as a file, as it was then; what counts is its `identity`.
    """

    subject: Subject
    identity: Digest
    author: SignerId
    review: SignerId
    signer: SignerRecord
    created: datetime


def to_bytes(reveal: Reveal) -> bytes:
    """Write a half, as `statement.write` does and with its errors."""
    predicate = {
        "identity": str(reveal.identity),
        "author": str(reveal.author),
        "review": str(reveal.review),
        "signer": signer_members(reveal.signer),
        "created": rfc3339(reveal.created),
    }
    return statement.write((reveal.subject,), REVEAL_TYPE, predicate)


def from_bytes(data: bytes) -> Reveal:
    """Read a half. Raises `MalformedError`.

    Unless its signature was checked, all that it says is a claim.
    """
    return statement.read(data, REVEAL_TYPE, "the reveal", _take)


def _take(subjects: tuple[Subject, ...], predicate: dict[str, Any]) -> Reveal:
    if len(subjects) != 1:
        raise ValueError("a reveal is about one image")
    author, review = (parse_signer(a_string(predicate[name])) for name in ("author", "review"))
    signer = read_signer(an_object(predicate["signer"]))
    if author == review:
        raise ValueError("a reveal is about two keys")
    if signer.fingerprint not in (author, review):
        raise ValueError("a reveal is signed by one of the keys that it names")
    return Reveal(
        subject=subjects[0],
        identity=read_identity(predicate["identity"]),
        author=author,
        review=review,
        signer=signer,
        created=parse_rfc3339(a_string(predicate["created"])),
    )
