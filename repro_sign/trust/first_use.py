"""First-use memory: what earlier images of a name say of this one, and what to remember of it.

At first sight whoever signed the image is pinned to its name. A pin makes nobody trusted, and it
never moves: not for another signer, though the caller may name that one and have the image
verified, and not for a further signature, since anybody can add one.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from repro_sign.digest import Digest
from repro_sign.fingerprint import SignerId
from repro_sign.times import readable
from repro_sign.trust.evidence import ImageEvidence, Memory, Seen
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import Reason
from repro_sign.trust.voices import (
    Voice,
    voices_by_object,
    vouched_since,
    vouches,
)


def against(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Yield what the memory says against an image, where the caller asked to remember."""
    memory = evidence.memory
    if memory is None:
        return
    if memory.signers and _signed_by_others(evidence, _pinned_or_named(memory, policy)):
        yield Reason("signer-changed", _others(evidence, memory))
    yield from _rollback(evidence, memory, policy)


def notes(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Yield what the memory says besides."""
    memory = evidence.memory
    if memory is None or not memory.signers or evidence.problem:
        return
    if _signed_by_others(evidence, _pinned(memory)):
        if not _signed_by_others(evidence, _pinned_or_named(memory, policy)):
            named = "; you named who signed it, and what is remembered stays as it is"
            yield Reason("signer-changed", _others(evidence, memory) + named)
    elif not all(voices_by_object(evidence, _pinned(memory))):
        message = (
            f"an image of this name was signed by {_names(memory.signers)} before; no good"
            " signature of theirs for all of this one is here"
        )
        yield Reason("signature-missing", message)


def to_remember(evidence: ImageEvidence, policy: TrustPolicy) -> Memory:
    """Return the memory as it should be after an image that is signed and did not fail.

    Pinned are those of its signers who are trusted, or, if none is, all of them. The newest date
    is kept of the pinned and of the trusted ones.
    """
    memory = evidence.memory or Memory()
    here = _signers(evidence, lambda _: True)
    trusted = _signers(evidence, lambda one: vouches(one, policy))
    memory = replace(memory, signers=memory.signers or trusted or here)
    if evidence.identity is None:
        return memory
    newest = dict(memory.newest)
    for signer in here & (memory.signers | trusted):
        date = _date(evidence, signer)
        if date and (signer not in newest or newest[signer].at < date):
            newest[signer] = Seen(date, evidence.identity)
    return replace(memory, newest=newest)


def _rollback(evidence: ImageEvidence, memory: Memory, policy: TrustPolicy) -> Iterator[Reason]:
    """Compare with each other image of this name that was the newest by one of its signers.

    Who signed both says which is newer. If nobody did, or not with a date, the date of this one
    has to be later than any of the other's: else a host could take the author's signature off an
    old image that somebody else signed too.
    """

    def believed(one: Voice) -> bool:
        return one.signer in memory.signers or vouches(one, policy)

    voices = voices_by_object(evidence, believed)
    if not any(voices):
        return
    since = vouched_since(voices)
    for identity, seen in _newest_by_identity(memory).items():
        if identity == evidence.identity:
            continue
        dates = {signer: _date(evidence, signer, believed) for signer in seen}
        both = {signer: date for signer, date in dates.items() if date is not None}
        older = {signer: date for signer, date in both.items() if date < seen[signer]}
        newest = max(seen.values())
        if older:
            signer = min(older, key=str)
            yield _older(f"signed by {signer.grouped()} on {readable(older[signer])}", seen[signer])
        elif not both and since is None:
            yield _older("nobody says when all of it was signed", newest)
        elif not both and since is not None and since < newest:
            yield _older(f"signed on {readable(since)}", newest)


def _older(this: str, newest: datetime) -> Reason:
    message = f"{this}; a newer one of this name, of {readable(newest)}, was seen before"
    return Reason("rollback", message)


def _newest_by_identity(memory: Memory) -> dict[Digest, dict[SignerId, datetime]]:
    found: dict[Digest, dict[SignerId, datetime]] = {}
    for signer, seen in memory.newest.items():
        found.setdefault(seen.identity, {})[signer] = seen.at
    return found


def _signed_by_others(evidence: ImageEvidence, accepted: Callable[[Voice], bool]) -> bool:
    """Whether some object is signed, and by nobody who is accepted."""
    return any(voices and not any(map(accepted, voices)) for voices in voices_by_object(evidence))


def _others(evidence: ImageEvidence, memory: Memory) -> str:
    here = _signers(evidence, lambda one: one.signer not in memory.signers)
    before, now = _names(memory.signers), _names(here)
    return f"an image of this name was signed by {before} before, this one by {now}"


def _signers(evidence: ImageEvidence, counts: Callable[[Voice], bool]) -> frozenset[SignerId]:
    voices = (one for some in voices_by_object(evidence, counts) for one in some)
    return frozenset(one.signer for one in voices if one.signer is not None)


def _date(
    evidence: ImageEvidence, signer: SignerId, counts: Callable[[Voice], bool] = lambda _: True
) -> datetime | None:
    """Return when a signer signed what is theirs in an image."""
    return vouched_since(
        voices_by_object(evidence, lambda one: one.signer == signer and counts(one))
    )


def _pinned(memory: Memory) -> Callable[[Voice], bool]:
    return lambda one: one.signer in memory.signers


def _pinned_or_named(memory: Memory, policy: TrustPolicy) -> Callable[[Voice], bool]:
    return lambda one: one.signer in memory.signers or (policy.explicit and vouches(one, policy))


def _names(signers: frozenset[SignerId]) -> str:
    return ", ".join(sorted(one.grouped() for one in signers))
