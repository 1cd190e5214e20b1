"""What the X.509 certificates that the caller hands over say of signatures: now, or back then.

A certificate's validity counts now. Where it is over, a signature that a trusted timestamp proves
to be from when the chain still held counts all the same (design, section 3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from repro_sign.finding import Finding
from repro_sign.pem.checked_chain import CheckedChain
from repro_sign.times import readable
from repro_sign.trust.evidence import ManifestEvidence, NoticeEvidence, SignatureEvidence
from repro_sign.trust.policy import TrustPolicy

_Evidence = TypeVar("_Evidence", SignatureEvidence, ManifestEvidence)


def bounded(chains: Iterable[CheckedChain], one: _Evidence) -> _Evidence:
    """Let a certificate's own limits speak where a signature by its key is good otherwise."""
    for chain in chains:
        if chain.holds or not _is_by(chain, one):
            continue
        if one.existed_before is not None and chain.held(one.existed_before):
            since = f"since {readable(chain.ended)}" if chain.ended else "any more"
            note = f"its certificate is not valid {since}, and was when it was there already"
            return replace(one, notes=(*one.notes, note), key_ended=chain.ended)
        if chain.unfit:
            finding, message = chain.unfit
            return replace(one, finding=finding, message=message)
    return one


def bounded_notice(chains: Iterable[CheckedChain], one: NoticeEvidence) -> NoticeEvidence:
    """Do the same for a notice, which no timestamp speaks of."""
    for chain in chains:
        if chain.unfit and one.finding is Finding.GOOD and one.signer == chain.key.fingerprint:
            finding, message = chain.unfit
            return replace(one, finding=finding, message=message)
    return one


def believed(
    policy: TrustPolicy,
    chains: Iterable[CheckedChain],
    evidence: Sequence[SignatureEvidence | ManifestEvidence],
) -> TrustPolicy:
    """Add whose chain leads to no root now, but did when all of their signatures were there."""
    found = dict(policy.trusted)
    for chain in chains:
        theirs = [one for one in evidence if _is_by(chain, one)]
        if chain.unproven and theirs and all(chain.held(one.existed_before) for one in theirs):
            found.setdefault(chain.key.fingerprint, f"--certificate ({chain.subject})")
    return policy if len(found) == len(policy.trusted) else replace(policy, trusted=found)


def _is_by(chain: CheckedChain, one: SignatureEvidence | ManifestEvidence) -> bool:
    return one.finding is Finding.GOOD and one.signer == chain.key.fingerprint
