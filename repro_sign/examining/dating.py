"""Since when manifests, and the signatures that they list, have been there: by timestamps.

A timestamp lies beside a manifest and is about its bytes. Whether its signer is trusted does not
matter for the date. A timestamp that proves nothing is named, and never speaks against an image:
anybody can put one there.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from repro_sign.errors import MalformedError, RefusedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.statements.signed_file import SignedFile
from repro_sign.system.files import read_if_there
from repro_sign.timestamps.proof import MAX_TIMESTAMP_BYTES, Authorities, Timestamp, timestamp_path
from repro_sign.trust.evidence import ManifestEvidence, Match, SignatureEvidence

_NOT_LOOKED_AT: Final = "was not looked at: name the authority that you believe, --tsa-cert FILE"


def date_manifest(
    one: ManifestEvidence, file: SignedFile, authorities: Authorities | None, now: datetime
) -> ManifestEvidence:
    """Add to a manifest what the timestamp beside it proves, or why it proves nothing."""
    if not file.data:
        return one
    path = timestamp_path(file.path)
    name = f"its timestamp {printable(path.name)}"
    try:
        response = read_if_there(path, MAX_TIMESTAMP_BYTES, "timestamp")
        if response is None:
            return one
        if authorities is None:
            return replace(one, timestamp_problem=f"{name} {_NOT_LOOKED_AT}")
        from repro_sign.timestamps import rfc3161  # an optional extra, and heavy

        proof = rfc3161.verify(response, file.data, authorities, now)
    except (MalformedError, RefusedError, UnreadableError) as error:
        return replace(one, timestamp_problem=f"{name} proves nothing: {error}")
    return replace(one, existed_before=proof.moment, timestamp_by=proof.authority)


def date_signatures(
    signatures: Iterable[SignatureEvidence], manifests: Iterable[ManifestEvidence]
) -> tuple[SignatureEvidence, ...]:
    """Add to signatures in an image since when they have been there: the earliest that is proven.

    A manifest that was there before a date, is good, and is about this image proves it for each
    signature object that it lists: their digests are in it.
    """
    proven: dict[int, Timestamp] = {}
    for manifest in manifests:
        proof = _proof(manifest)
        if proof is not None and manifest.manifest is not None:
            for listed in manifest.manifest.image.objects:
                proven[listed.id] = min(proven.get(listed.id, proof), proof, key=_moment)
    return tuple(_dated(one, proven.get(one.object_id)) for one in signatures)


def _proof(one: ManifestEvidence) -> Timestamp | None:
    about_this = one.match in (Match.EXACT, Match.SIGNATURES_ADDED)
    if one.existed_before is None or one.finding is not Finding.GOOD or not about_this:
        return None
    return Timestamp(one.existed_before, one.timestamp_by or "")


def _moment(proof: Timestamp) -> datetime:
    return proof.moment


def _dated(one: SignatureEvidence, proof: Timestamp | None) -> SignatureEvidence:
    if proof is None:
        return one
    return replace(one, existed_before=proof.moment, timestamp_by=proof.authority)
