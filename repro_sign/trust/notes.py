"""What is no reason against an image, and must not be passed over in silence."""

from collections.abc import Iterator
from datetime import datetime

from repro_sign.finding import Finding
from repro_sign.times import readable, readable_end
from repro_sign.timestamps.proof import CLOCK_SKEW
from repro_sign.trust import first_use, revealed, surroundings
from repro_sign.trust.evidence import (
    ImageEvidence,
    ManifestEvidence,
    Match,
    NoticeEvidence,
    SignatureEvidence,
)
from repro_sign.trust.notices import weakness
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import Reason
from repro_sign.trust.voices import name_of, supporters_inside, unchecked, usable_manifests


def notes(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Yield what the reader should know besides the reasons."""
    for one in evidence.signatures:
        yield from _signature(one, policy)
    for manifest in evidence.manifests:
        yield from _manifest(manifest, evidence, policy)
    for notice in evidence.notices:
        yield from _notice(notice, evidence, policy)
    yield from revealed.notes(evidence, policy)
    opinion = evidence.second_opinion
    if opinion and opinion.accepted is None:
        yield Reason("no-second-opinion", f"apptainer verify gave no answer: {opinion.words}")
    yield from (Reason("key-server", note) for note in evidence.key_server.notes)
    yield from first_use.notes(evidence, policy)
    yield from surroundings.notes(evidence, policy)
    for note in policy.notes:
        yield Reason("policy-note", note)
    for warning in evidence.warnings:
        yield Reason("warning", warning)


def disagreement(one: SignatureEvidence) -> Reason:
    """Say what somebody who is not trusted says of the image that is not so."""
    where = f"signature {one.object_id}"
    if unchecked(one):
        return Reason("claim-disagrees", f"{where}: {one.message}")
    return Reason(one.finding.value, f"{where}, by {name_of(one)}, not trusted here: {one.message}")


def _signature(one: SignatureEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    where = f"signature {one.object_id}"
    if one.finding is Finding.GOOD:
        yield from (Reason("key-since", f"{where}: {note}") for note in one.notes)
        yield from _proven(where, one)
        yield from _contradicted(where, one.signed_at, one.existed_before)
        if policy.why(one.signer) is None:
            yield Reason("stranger-signature", f"{where} is by {name_of(one)}, not trusted here")
    elif one.finding.disagrees:
        if policy.why(one.signer) is None:
            yield disagreement(one)
    elif not one.finding.spoils and one.finding is not Finding.MALFORMED:
        yield Reason(one.finding.value, f"{where}: {one.message}")


def _proven(where: str, one: SignatureEvidence | ManifestEvidence) -> Iterator[Reason]:
    """Where the verdict leans on the time that a signature claims, say whether that is proven."""
    if one.key_ended is None:
        return
    if one.existed_before is not None and one.existed_before <= one.key_ended:
        message = f"{where}: a trusted timestamp shows that it was there before its key ended"
        yield Reason("time-proven", message)
    else:
        message = (
            f"{where}: that it was made before its key ended, on {readable(one.key_ended)}, is"
            " what its signer says"
        )
        yield Reason("time-claimed", message)


def _contradicted(
    where: str, claimed: datetime | None, proven: datetime | None
) -> Iterator[Reason]:
    """Say where a signer's date can't be: it was there before, by a timestamp."""
    if claimed is None or proven is None or claimed <= proven + CLOCK_SKEW:
        return
    message = (
        f"{where} says that it was made on {readable(claimed)}, and a trusted timestamp shows that"
        f" it was there before {readable_end(proven)}: a clock was wrong"
    )
    yield Reason("time-contradicted", message)


def _manifest(
    one: ManifestEvidence, evidence: ImageEvidence, policy: TrustPolicy
) -> Iterator[Reason]:
    where = f"manifest {one.name}"
    if one.timestamp_problem:
        yield Reason("timestamp-not-used", f"{where}: {one.timestamp_problem}")
    if policy.why(one.signer) is None:
        by = one.signer.grouped() if one.signer else one.claimed or "an unnamed key"
        yield Reason("manifest-not-used", f"{where} is by {by}, not trusted: not used")
        return
    if one.finding is not Finding.GOOD and not (one.finding.spoils or one.finding.disagrees):
        yield Reason("manifest-not-used", f"{where}: {one.message}")
    for note in one.notes:
        yield Reason("key-since", f"{where}: {note}")
    if one.finding is Finding.GOOD:
        yield from _proven(where, one)
        yield from _contradicted(where, one.dated, one.existed_before)
    if one.match is not Match.DIFFERS:
        for difference in one.differences:
            yield Reason("manifest-note", f"{where}: {difference}")
    alone = not all(supporters_inside(evidence, policy))
    if alone and one in usable_manifests(evidence, policy):
        message = "the manifest alone vouches for it: the image itself is not signed completely"
        yield Reason("image-not-signed", f"{message} by anybody trusted")


def _notice(one: NoticeEvidence, evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    by = one.signer.grouped() if one.signer else one.claimed or "an unnamed key"
    weak = weakness(one, evidence, policy)
    if weak:
        message = f"notice {one.name}, by {by}, says that this image is {one.kind.value}"
        yield Reason("notice-without-force", f"{message}; it has no force: {weak}")
    elif one.successor is not None:
        words = f": {' '.join(one.words)}" if one.words else ""
        new = f"{one.successor.name} ({one.successor.sha256})"
        yield Reason("superseded", f"superseded by {new}, says {one.user_id or by}{words}")
