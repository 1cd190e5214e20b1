"""Who vouches for an image: good signatures in it and matching manifests, by people one trusts."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from repro_sign.finding import Finding
from repro_sign.trust.evidence import (
    ImageEvidence,
    ManifestEvidence,
    Match,
    SignatureEvidence,
)
from repro_sign.trust.policy import Demand, TrustPolicy

Voice = SignatureEvidence | ManifestEvidence
"""Whatever may vouch for an image."""
_MATCHING: Final = (Match.EXACT, Match.SIGNATURES_ADDED)


def supporters(evidence: ImageEvidence, policy: TrustPolicy) -> tuple[frozenset[str], ...]:
    """Return, for each object, the different trusted people who vouch for it.

    A trusted manifest that matches vouches for all of them. Of an image without objects it is the
    people behind such manifests.
    """
    whole = _people(usable_manifests(evidence, policy), policy)
    return _by_object(evidence, policy, whole) or (whole,)


def supporters_inside(evidence: ImageEvidence, policy: TrustPolicy) -> tuple[frozenset[str], ...]:
    """Return the same by the signatures inside the image alone."""
    return _by_object(evidence, policy, frozenset()) or (frozenset(),)


def unmet(evidence: ImageEvidence, policy: TrustPolicy) -> tuple[Demand, ...]:
    """Return the demands that are not met for every single object."""
    people = supporters(evidence, policy)
    return tuple(
        demand
        for demand in policy.all_demands
        if any(len(counted(one, demand)) < demand.count for one in people)
    )


def counted(people: frozenset[str], demand: Demand) -> frozenset[str]:
    """Return those of the people whom a demand counts."""
    return people if demand.people is None else people & demand.people


def good_signatures(evidence: ImageEvidence, policy: TrustPolicy) -> list[SignatureEvidence]:
    """Return the good signatures in the image, by trusted people, that count."""
    return [one for one in evidence.signatures if _is_good(one, policy) and timely(one, policy)]


def usable_manifests(evidence: ImageEvidence, policy: TrustPolicy) -> list[ManifestEvidence]:
    """Return the good manifests by trusted people that match, and that count."""
    return [
        one
        for one in evidence.manifests
        if _is_good(one, policy) and one.match in _MATCHING and timely(one, policy)
    ]


def untimely(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[tuple[str, datetime | None]]:
    """Name the good signatures by trusted people that do not count because of their time.

    With each goes the end of its signer's right to vouch, where it is that which has passed.
    """
    for signature in evidence.signatures:
        if _is_good(signature, policy) and not timely(signature, policy):
            yield f"signature {signature.object_id}", _passed(signature, policy)
    for manifest in evidence.manifests:
        if _is_good(manifest, policy) and not timely(manifest, policy):
            yield f"manifest {manifest.name}", _passed(manifest, policy)


def timely(one: Voice, policy: TrustPolicy) -> bool:
    """Whether a signature was made when its signer could vouch, with the proof asked for.

    A stolen old key can date a signature back: only a timestamp from before the key's end shows
    that it was made when the key was fit.
    """
    if _passed(one, policy):
        return False
    if not policy.require_timestamp:
        return True
    proof = one.existed_before
    return proof is not None and (one.key_ended is None or proof <= one.key_ended)


def vouches(one: Voice, policy: TrustPolicy) -> bool:
    """Whether whoever made a signature is trusted, and its time is as the policy asks."""
    return policy.why(one.signer) is not None and timely(one, policy)


def _passed(one: Voice, policy: TrustPolicy) -> datetime | None:
    """Return the end of a signer's right to vouch, if the signature is not from before it."""
    limit = policy.until.get(one.signer) if one.signer else None
    if limit is None:
        return None
    claimed = None if policy.require_timestamp else date_of(one)
    times = (one.existed_before, claimed)
    return None if any(time is not None and time <= limit for time in times) else limit


def date_of(one: Voice) -> datetime | None:
    """Return when a signature was made, as its signer states: a claim."""
    return one.dated if isinstance(one, ManifestEvidence) else one.signed_at


def voices_by_object(
    evidence: ImageEvidence, counts: Callable[[Voice], bool] = lambda _: True
) -> tuple[list[Voice], ...]:
    """Return, for each object, the good signatures that say what it is, trusted or not.

    A manifest that matches speaks of all of them. Of an image without objects it is these
    manifests. `counts` picks some.
    """
    whole: list[Voice] = [
        one
        for one in evidence.manifests
        if one.finding is Finding.GOOD and one.match in _MATCHING and counts(one)
    ]
    if not evidence.objects:
        return (whole,)
    found: dict[int, list[Voice]] = {number: [*whole] for number in sorted(evidence.objects)}
    for one in evidence.signatures:
        if one.finding is Finding.GOOD and one.agrees and counts(one):
            for number in one.covers & evidence.objects:
                found[number].append(one)
    return tuple(found.values())


def vouched_since(by_object: Iterable[list[Voice]]) -> datetime | None:
    """Return since when all that is signed at all is signed: claims of the signers.

    It is the earliest of the objects' newest dates, so that one new signature over a part makes
    no old image new; None where of some object no date is stated.
    """
    newest = [newest_of(voices) for voices in by_object if voices]
    return None if None in newest else min(filter(None, newest), default=None)


def newest_of(voices: Iterable[Voice]) -> datetime | None:
    """Return the newest of the dates that are stated."""
    return max(filter(None, map(date_of, voices)), default=None)


def unchecked(one: SignatureEvidence) -> bool:
    """Whether a signature could not be checked, so that what it says is but a claim."""
    return one.finding in (Finding.UNKNOWN_KEY, Finding.UNSUPPORTED)


def name_of(one: SignatureEvidence) -> str:
    """Name whoever made a signature."""
    if one.signer is None:
        return one.claimed or "an unnamed key"
    return f"{one.user_id} ({one.signer.grouped()})" if one.user_id else one.signer.grouped()


def _is_good(one: Voice, policy: TrustPolicy) -> bool:
    return one.finding is Finding.GOOD and policy.why(one.signer) is not None


def _by_object(
    evidence: ImageEvidence, policy: TrustPolicy, whole: frozenset[str]
) -> tuple[frozenset[str], ...]:
    good = good_signatures(evidence, policy)
    return tuple(
        whole | _people([one for one in good if number in one.covers], policy)
        for number in sorted(evidence.objects)
    )


def _people(
    voices: list[SignatureEvidence] | list[ManifestEvidence], policy: TrustPolicy
) -> frozenset[str]:
    return frozenset(policy.person(one.signer) for one in voices if one.signer is not None)
