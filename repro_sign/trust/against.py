"""What speaks against an image, whoever else vouches for it."""

from collections.abc import Iterator

from repro_sign.finding import Finding
from repro_sign.statements.notice import NoticeKind
from repro_sign.times import readable
from repro_sign.trust import first_use, surroundings
from repro_sign.trust.evidence import ImageEvidence, ManifestEvidence, Match
from repro_sign.trust.notices import has_force
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import Reason
from repro_sign.trust.voices import usable_manifests, voices_by_object, vouched_since, vouches


def against(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Yield everything that makes the image fail."""
    if evidence.problem:
        yield Reason(evidence.problem.code, evidence.problem.message)
        return
    for one in evidence.signatures:
        where = f"signature {one.object_id}"
        if (
            one.finding is Finding.MALFORMED
            or one.finding.spoils
            or (one.finding.disagrees and policy.why(one.signer))
        ):
            yield Reason(one.finding.value, f"{where}: {one.message}")
    for manifest in evidence.manifests:
        yield from _manifest(manifest, policy)
    if policy.require_manifest and not usable_manifests(evidence, policy):
        yield Reason("no-manifest", "no manifest by a trusted signer lies beside the image")
    yield from _withdrawn(evidence, policy)
    yield from _unexpected(evidence, policy)
    yield from _too_old(evidence, policy)
    yield from first_use.against(evidence, policy)
    yield from surroundings.against(evidence, policy)
    opinion = evidence.second_opinion
    if opinion and opinion.unexpected:
        answer = "accepts" if opinion.accepted else f"refuses ({opinion.words})"
        message = f"apptainer verify {answer} what it should not, for: {opinion.because}"
        yield Reason("engines-disagree", message)


def _manifest(one: ManifestEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    trusted = policy.why(one.signer) is not None
    always = one.finding in (Finding.MALFORMED, Finding.BAD_SIGNATURE)
    if always or (trusted and (one.finding.spoils or one.finding.disagrees)):
        yield Reason(f"manifest-{one.finding}", f"manifest {one.name}: {one.message}")
    elif trusted and one.match is Match.DIFFERS:
        for difference in one.differences or ("the image is not what it says",):
            yield Reason("manifest-differs", f"manifest {one.name}: {difference}")
    elif trusted and one.match is Match.SIGNATURES_ADDED and policy.exact:
        message = f"manifest {one.name}: the image has gained signatures since"
        yield Reason("manifest-not-exact", message)


def _withdrawn(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    for notice in evidence.notices:
        if notice.kind is NoticeKind.WITHDRAWN and has_force(notice, evidence, policy):
            when = f" on {readable(notice.signed_at)}" if notice.signed_at else ""
            by = notice.user_id or (notice.signer.grouped() if notice.signer else "")
            yield Reason("withdrawn", f"withdrawn by {by}{when}: {' '.join(notice.words)}")


def _unexpected(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    for expected in policy.expect:
        if expected.of == "identity":
            found = evidence.identity
        else:
            found = evidence.digests.get(expected.digest.algorithm)
        if found != expected.digest:
            message = f"expected {expected}, found {found or 'no such digest'}"
            yield Reason("not-expected", message)


def _too_old(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Refuse what nobody trusted vouches for since the date that was asked for."""
    limit = policy.newer_than
    trusted = voices_by_object(evidence, lambda one: vouches(one, policy))
    if limit is None or not any(trusted):
        return
    since = vouched_since(trusted)
    if since is None:
        message = (
            f"nothing trusted says when it was signed; asked for is {readable(limit)} or later"
        )
        yield Reason("too-old", message)
    elif since < limit:
        message = f"signed on {readable(since)}; asked for is {readable(limit)} or later"
        yield Reason("too-old", message)
