"""Which notices have force: those of an image's own trusted signers."""

from repro_sign.finding import Finding
from repro_sign.statements.notice import NoticeKind
from repro_sign.trust.evidence import ImageEvidence, NoticeEvidence
from repro_sign.trust.policy import TrustPolicy


def has_force(notice: NoticeEvidence, evidence: ImageEvidence, policy: TrustPolicy) -> bool:
    """Whether a notice is by a trusted signer of this image.

    A withdrawal outlives the end of its key: whoever held the key meant it, and to heed it in
    vain costs less than to miss it. A successor is believed from a fit key only.
    """
    return not weakness(notice, evidence, policy)


def weakness(notice: NoticeEvidence, evidence: ImageEvidence, policy: TrustPolicy) -> str:
    """Return why a notice has no force; empty where it has."""
    withdrawn = notice.kind is NoticeKind.WITHDRAWN
    good = notice.finding.genuine if withdrawn else notice.finding is Finding.GOOD
    if not good:
        return notice.message
    if policy.why(notice.signer) is None:
        return "its signer is not trusted here"
    found = [(one.signer, one.finding) for one in evidence.signatures]
    found += [(one.signer, one.finding) for one in evidence.manifests]
    signed_it = {signer for signer, finding in found if finding.genuine or finding.disagrees}
    return "" if notice.signer in signed_it else "its signer did not sign this image"
