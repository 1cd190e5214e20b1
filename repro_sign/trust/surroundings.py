"""What manifests say of the author's machine, source and results, where the caller demands it here.

Comparisons are made elsewhere and come in as evidence. Only manifests that vouch for the image
have a say, and each of them that describes a thing has to be met: who means one signer names them.
As long as nobody trusted vouches for anything, nothing is demanded: that is the greater lack.
"""

from collections.abc import Callable, Iterator
from typing import Final

from repro_sign.provenance.check import Check, Outcome
from repro_sign.provenance.difference import MachineRow
from repro_sign.trust.evidence import ImageEvidence, ManifestEvidence
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import Reason
from repro_sign.trust.voices import usable_manifests, voices_by_object, vouches

_SAID: Final = (Outcome.SAME, Outcome.NOTED)


def against(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Yield the demands that are not met."""
    if not any(voices_by_object(evidence, lambda one: vouches(one, policy))):
        return
    manifests = usable_manifests(evidence, policy)
    yield from _missing(manifests, policy)
    for one, row in _demanded(manifests, policy):
        if row.there is None:
            message = f"manifest {one.name} does not say the author's {row.name}"
            yield Reason("machine-differs", f"asked for is the same {row.name}, and {message}")
        elif row.differs:
            message = f"{row.here} here, {row.there} by manifest {one.name}"
            yield Reason("machine-differs", f"asked for is the same {row.name}: {message}")
    yield from _checks(manifests, lambda one: one.outcome is Outcome.DIFFERS)


def unanswered(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Yield what was demanded and could not be found out."""
    manifests = usable_manifests(evidence, policy)
    for _, row in _demanded(manifests, policy):
        if row.here is None:
            message = f"asked for is the same {row.name}, and what it is here is not known"
            yield Reason("machine-not-known", message)
    yield from _checks(manifests, lambda one: one.outcome is Outcome.UNKNOWN)


def notes(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Yield what the comparisons say besides."""
    manifests = usable_manifests(evidence, policy)
    yield from _checks(manifests, lambda one: one.outcome in _SAID)


def _missing(manifests: list[ManifestEvidence], policy: TrustPolicy) -> Iterator[Reason]:
    message = "no manifest by a trusted signer says"
    if policy.require_same and not any(one.machine for one in manifests):
        yield Reason("no-machine", f"{message} on what machine the results were produced")
    if policy.require_source and not any(one.source for one in manifests):
        yield Reason("no-source", f"{message} what source the image was made from")
    if policy.require_outputs and not any(one.outputs for one in manifests):
        yield Reason("no-outputs", f"{message} what results the image produces")


def _demanded(
    manifests: list[ManifestEvidence], policy: TrustPolicy
) -> Iterator[tuple[ManifestEvidence, MachineRow]]:
    for one in manifests:
        for row in one.machine:
            if row.name in policy.require_same:
                yield one, row


def _checks(manifests: list[ManifestEvidence], counts: Callable[[Check], bool]) -> Iterator[Reason]:
    for one in manifests:
        whose = f"manifest {one.name}: " if len(manifests) > 1 else ""
        for check in (*one.source, *one.outputs):
            if counts(check):
                yield Reason(check.code, f"{whose}{check.message}")
