"""An entry of a lock file, made from what was found out about an image."""

from dataclasses import replace

from repro_sign.errors import NoAnswerError, RefusedError
from repro_sign.escaping import is_hidden, printable
from repro_sign.fingerprint import SignerId
from repro_sign.locking.lock_file import MAX_NAME, LockedSigner, LockEntry
from repro_sign.stores.trust_store import YOU
from repro_sign.trust.evidence import ImageEvidence
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.voices import Voice, supporters


def entry_for(path: str, evidence: ImageEvidence, policy: TrustPolicy, url: str = "") -> LockEntry:
    """Return the entry for an image with its trusted signers; without any, if nobody vouches.

    Raises `RefusedError` where trusted people signed it in parts, none of them all of it, and
    `NoAnswerError` if a digest was not computed.
    """
    digests, identity, size = evidence.digests, evidence.identity, evidence.size
    if identity is None or size is None or not {"sha256", "blake3"} <= digests.keys():
        raise NoAnswerError(f"not every digest of {printable(path)} could be computed")
    by_object = supporters(evidence, replace(policy, people={}))
    if all(by_object) and not frozenset.intersection(*by_object):
        raise RefusedError(
            f"{printable(path)} is signed in parts, by different people: there is no signer of all"
            " of it to be locked",
            hint="ask one of them to sign all of it",
        )
    keys = frozenset.intersection(*by_object)
    signers = [one for one in policy.trusted if str(one) in keys]
    return LockEntry(
        path=path,
        size=size,
        sha256=digests["sha256"],
        blake3=digests["blake3"],
        identity=identity,
        signers=tuple(
            LockedSigner(one, _name(one, evidence, policy)) for one in sorted(signers, key=str)
        ),
        url=url,
    )


def _name(signer: SignerId, evidence: ImageEvidence, policy: TrustPolicy) -> str:
    """Name somebody trusted as the caller does, else as their own key does."""
    called = policy.people.get(signer, "")
    if not called or called == YOU:  # which means somebody else to the next reader
        voices: tuple[Voice, ...] = (*evidence.signatures, *evidence.manifests)
        called = next((one.user_id for one in voices if one.signer == signer and one.user_id), "")
    if len(called) <= MAX_NAME and not any(map(is_hidden, called)):
        return called
    return printable(called, limit=MAX_NAME // 10)
