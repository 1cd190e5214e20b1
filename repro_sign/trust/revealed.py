"""Whose a nameless key is: the person's whom it and their own key name, for this image alone.

Both keys have to have said so. Only who is believed already can make a nameless key believed, and
that one can make no further one: reveals do not lead on to reveals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from repro_sign.digest import Digest
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.trust.evidence import ImageEvidence, RevealEvidence
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import Reason


def believed(
    policy: TrustPolicy, reveals: Sequence[RevealEvidence], identity: Digest | None
) -> TrustPolicy:
    """Return the rules by which a revealed key counts as its owner's; they are one person.

    Rules that are the result of this stay as they are.
    """
    links = _links(reveals, identity)
    linked = {review for _, review in links}
    trusted, people, until = dict(policy.trusted), dict(policy.people), dict(policy.until)
    theirs: set[SignerId] = set()
    for author, review in links:
        why = policy.why(author)
        if why is None or author in linked or review in theirs:
            continue
        theirs.add(review)
        people[review] = policy.person(author)
        if review in trusted:
            continue
        trusted[review] = f"{why}; {author.grouped()} revealed this key as theirs"
        if author in until:
            until[review] = until[author]
    return replace(policy, trusted=trusted, people=people, until=until) if theirs else policy


def owners(
    evidence: ImageEvidence, policy: TrustPolicy
) -> dict[SignerId, tuple[SignerId, str | None]]:
    """Return whose each revealed key is, by the rules that `believed` gave: key, and name."""
    found: dict[SignerId, tuple[SignerId, str | None]] = {}
    for author, review in _links(evidence.reveals, evidence.identity):
        if policy.why(author) and policy.person(review) == policy.person(author):
            names = [one.user_id for one in evidence.reveals if one.signer == author]
            found.setdefault(review, (author, names[0] if names else None))
    return found


def notes(evidence: ImageEvidence, policy: TrustPolicy) -> Iterator[Reason]:
    """Say which reveals were followed, and what is wrong with the others."""
    links = _links(evidence.reveals, evidence.identity)
    linked = {review for _, review in links}
    for author, review in links:
        name = _name(evidence.reveals, author)
        if policy.why(author) is None:
            message = f"{author.grouped()} and {review.grouped()} say to be one person's"
            yield Reason("reveal-not-used", f"{message}; nobody here trusts the first")
        elif author in linked:
            message = f"{author.grouped()}, which reveals a key, is a revealed key itself"
            yield Reason("reveal-not-used", message)
        else:
            message = f"{name} signed for review with the key {review.grouped()}: both keys say so"
            yield Reason("revealed", message)
    for one in evidence.reveals:
        weak = _weakness(one, evidence, links)
        if weak:
            yield Reason("reveal-not-used", f"reveal {one.name} is not followed: {weak}")


def _links(
    reveals: Sequence[RevealEvidence], identity: Digest | None
) -> list[tuple[SignerId, SignerId]]:
    """Return author and review key of each reveal that both keys signed for this image."""
    said = {
        (one.author, one.review, one.signer)
        for one in reveals
        if one.finding is Finding.GOOD and identity is not None and one.identity == identity
    }
    found = {
        (author, review)
        for author, review, _ in said
        if author is not None
        and review is not None
        and {(author, review, author), (author, review, review)} <= said
    }
    return sorted(found, key=lambda pair: (str(pair[0]), str(pair[1])))


def _weakness(
    one: RevealEvidence, evidence: ImageEvidence, links: list[tuple[SignerId, SignerId]]
) -> str:
    if one.finding is not Finding.GOOD:
        return one.message
    if one.identity != evidence.identity:
        return "it is about another image"
    if (one.author, one.review) not in links:
        return "only one of its two keys signed it, and both have to"
    return ""


def _name(reveals: Sequence[RevealEvidence], author: SignerId) -> str:
    names = [one.user_id for one in reveals if one.signer == author and one.user_id]
    return names[0] if names else author.grouped()
