"""What a lock file asks of an image, as rules for the verdict, and what became of the image.

A lock file that the caller names is a policy (design, section 3): it pins the bytes of each image,
and its signers are believed for that image alone. Where the caller also says by other means whom
they believe, its signers make nobody trusted: then both have to be satisfied.
"""

from dataclasses import replace

from repro_sign.fingerprint import SignerId
from repro_sign.locking.lock_file import LockEntry, LockFile
from repro_sign.trust.evidence import ImageEvidence
from repro_sign.trust.pinned import LockState, Pinned
from repro_sign.trust.policy import Demand, Expectation, TrustPolicy
from repro_sign.trust.voices import supporters


def rules_for(entry: LockEntry, lock: LockFile, asked: TrustPolicy, *, alone: bool) -> TrustPolicy:
    """Return the rules for a locked image.

    `asked` is what the caller demands besides; `alone` says that they name nobody whom they
    believe but the lock file.
    """
    policy = _believing(entry, lock, asked) if alone else asked
    signers = frozenset(policy.person(one.fingerprint) for one in entry.signers)
    demands = list(asked.demands)
    if asked.require > 1 and not demands:
        demands.append(Demand(asked.require, None, f"{asked.require} different people"))
    notes = list(asked.notes)
    if signers:
        demands.append(Demand(len(signers), signers, "everybody who had signed it when locked"))
    else:
        notes.append(f"{lock.name} pins its bytes and nobody who signed them")
    return replace(
        policy,
        expect=(*asked.expect, *_digests(entry)),
        demands=tuple(demands),
        rule=f"{asked.rule} and {lock.name}" if asked.rule else lock.name,
        notes=tuple(notes),
    )


def rules_for_extra(lock: LockFile, asked: TrustPolicy) -> TrustPolicy:
    """Return the rules for an image that the lock file does not name: nobody is believed."""
    note = f"{lock.name} names no image of this path, so nobody is believed for it"
    return replace(asked, trusted={}, people={}, demands=(), notes=(*asked.notes, note))


def compare(
    entry: LockEntry, lock: LockFile, evidence: ImageEvidence, policy: TrustPolicy
) -> Pinned:
    """Say in a word how an image that was read compares with its entry.

    `policy` is what `rules_for` returned. A verified image is always `same`.
    """
    differing = [one for one in _digests(entry) if _found(one, evidence) != one.digest]
    if differing or evidence.problem:
        same_objects = evidence.identity == entry.identity and not evidence.problem
        what = (
            "other signatures than when it was locked; what is signed is the same"
            if same_objects
            else f"not the file that {lock.name} pins"
        )
        return Pinned(LockState.CHANGED, what)
    absent = _absent(entry, evidence, policy)
    if absent:
        names = ", ".join(absent)
        return Pinned(LockState.OTHER_SIGNER, f"the same bytes, but not vouched for by {names}")
    return Pinned(LockState.SAME, f"the file that {lock.name} pins")


def _absent(entry: LockEntry, evidence: ImageEvidence, policy: TrustPolicy) -> list[str]:
    """Name those of the locked signers who don't vouch for all of it, whoever is trusted now."""
    anybody = dict.fromkeys((one.fingerprint for one in entry.signers), "locked")
    counting = TrustPolicy({**anybody, **policy.trusted}, people=policy.people)
    there = frozenset.intersection(*supporters(evidence, counting))
    return [
        one.name or one.fingerprint.grouped()
        for one in entry.signers
        if policy.person(one.fingerprint) not in there
    ]


def _believing(entry: LockEntry, lock: LockFile, asked: TrustPolicy) -> TrustPolicy:
    return replace(
        asked,
        trusted={
            one.fingerprint: f"{lock.name} ({one.name})" if one.name else lock.name
            for one in entry.signers
        },
        people=_people(entry),
        explicit=True,
    )


def _people(entry: LockEntry) -> dict[SignerId, str]:
    """Tell the signers apart by their names, or by their keys where names do not tell them apart.

    Each key that vouched has to do so again, also where two of them are one person's.
    """
    people = {one.fingerprint: one.name or one.fingerprint.grouped() for one in entry.signers}
    if len(set(people.values())) == len(people):
        return people
    return {one: one.grouped() for one in people}


def _digests(entry: LockEntry) -> tuple[Expectation, ...]:
    return (
        Expectation("file", entry.sha256),
        Expectation("file", entry.blake3),
        Expectation("identity", entry.identity),
    )


def _found(expected: Expectation, evidence: ImageEvidence) -> object:
    if expected.of == "identity":
        return evidence.identity
    return evidence.digests.get(expected.digest.algorithm)
