"""Results as JSON values: the schema that scripts rely on (docs/json.md), version 1."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from repro_sign.fingerprint import SignerId
from repro_sign.remembering import Remembering
from repro_sign.report import machines, made_from, notices
from repro_sign.statements.manifest import Manifest, members_of
from repro_sign.times import rfc3339
from repro_sign.trust.evidence import ManifestEvidence, RevealEvidence, SignatureEvidence
from repro_sign.trust.judge import judge
from repro_sign.trust.pinned import Pinned
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import Reason
from repro_sign.verifying import ImageReport

SCHEMA: Final = 1


def document(images: Iterable[ImageReport]) -> dict[str, Any]:
    """Return the document that `verify --json` prints."""
    return {"schema": SCHEMA, "images": [image(one) for one in images]}


def to_text(value: Any) -> str:
    """Write a JSON value for standard output: keys sorted, ASCII only, so nothing is active."""
    return json.dumps(value, indent=2, sort_keys=True)


def to_line(value: Any) -> str:
    """Write a JSON value on one line."""
    return json.dumps(value, sort_keys=True)


def image(report: ImageReport) -> dict[str, Any]:
    """Return what there is to say about one image."""
    evidence, policy = report.evidence, report.policy
    digests = evidence.digests
    manifests = [_manifest(one, policy) for one in evidence.manifests]
    manifests.sort(key=lambda one: not one["trusted"])
    return {
        "path": str(report.path),
        "verdict": report.verdict.word.value,
        "reasons": [_reason(one) for one in report.verdict.reasons],
        "notes": [_reason(one) for one in report.verdict.notes],
        "signatures": [_signature(one, policy) for one in evidence.signatures],
        "digest": {
            name: digests[name].hex if name in digests else None for name in ("sha256", "blake3")
        },
        "identity": str(evidence.identity) if evidence.identity else None,
        "manifest": manifests[0] if manifests else None,
        "manifests": manifests,
        "made_from": made_from.members(report),
        "machine": machines.members(report),
        "memory": _memory(report.remembering),
        "lock": _lock(report.pinned),
        "reveals": [_reveal(one) for one in evidence.reveals],
        "notices": [notices.members(one, report) for one in evidence.notices],
        "engines": _engines(report),
    }


def _engines(report: ImageReport) -> dict[str, str | None]:
    """Return what each engine says by itself."""
    alone = replace(report.evidence, second_opinion=None)
    native = judge(alone, replace(report.policy, second_opinion=False)).word.value
    opinion = report.evidence.second_opinion
    if not report.evidence.digests and report.evidence.problem is None:
        native = report.verdict.word.value
    if opinion is None:
        return {"native": native, "apptainer": None}
    words = {True: "verified", False: "failed", None: "unknown"}
    return {"native": native, "apptainer": words[opinion.accepted]}


def _memory(one: Remembering | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "signers": sorted(map(str, one.signers)),
        "new": one.new,
        "problem": str(one.problem) if one.problem else None,
    }


def _reveal(one: RevealEvidence) -> dict[str, Any]:
    return {
        "name": one.name,
        "finding": one.finding.value,
        "message": one.message,
        "fingerprint": str(one.signer) if one.signer else None,
        "author": str(one.author) if one.author else None,
        "review": str(one.review) if one.review else None,
        "identity": str(one.identity) if one.identity else None,
    }


def _lock(one: Pinned | None) -> dict[str, str] | None:
    return None if one is None else {"state": one.state.value, "message": one.message}


def _reason(one: Reason) -> dict[str, str]:
    return {"code": one.code, "message": one.message}


def _signature(one: SignatureEvidence, policy: TrustPolicy) -> dict[str, Any]:
    return {
        "object": one.object_id,
        "kind": one.kind,
        "group": one.group,
        "fingerprint": _fingerprint(one.signer, one.claimed),
        "user_id": one.user_id,
        "signed_at": _time(one.signed_at),
        **_proof(one),
        "covers": sorted(one.covers),
        "finding": one.finding.value,
        "basis": one.basis.value,
        "message": one.message,
        "notes": list(one.notes),
        "trusted": policy.why(one.signer) is not None,
        "trusted_by": policy.why(one.signer),
    }


def _manifest(one: ManifestEvidence, policy: TrustPolicy) -> dict[str, Any]:
    """Return what may be said of a manifest: nothing of its content unless it is trusted."""
    why = policy.why(one.signer)
    shown: dict[str, Any] = {
        "name": one.name,
        "finding": one.finding.value,
        "fingerprint": _fingerprint(one.signer, one.claimed),
        "user_id": one.user_id,
        "signed_at": _time(one.signed_at),
        **_proof(one),
        "trusted": why is not None,
        "trusted_by": why,
    }
    if why is None:
        return {**shown, "match": None, "differences": [], "statement": None}
    return {
        **shown,
        "match": one.match.value if one.match else None,
        "differences": list(one.differences),
        "statement": _statement(one.manifest),
    }


def _proof(one: SignatureEvidence | ManifestEvidence) -> dict[str, str | None]:
    return {"existed_before": _time(one.existed_before), "timestamp_by": one.timestamp_by}


def _statement(manifest: Manifest | None) -> dict[str, Any] | None:
    return members_of(manifest) if manifest else None


def _fingerprint(signer: SignerId | None, claimed: str | None) -> str | None:
    return str(signer) if signer else claimed


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
