"""A comparison as JSON values (docs/json.md, "compare")."""

from typing import Any

from repro_sign.comparing.result import Comparison, Difference, Side, TreeComparison
from repro_sign.contents.tree_differences import Counted, EntryChange
from repro_sign.report.as_json import SCHEMA
from repro_sign.times import rfc3339


def document(found: Comparison) -> dict[str, Any]:
    """Return the document that `compare --json` prints."""
    return {
        "schema": SCHEMA,
        "same": bool(found),
        "result": found.result.value,
        "image": found.sameness.value,
        "ignore_times": found.ignore_times,
        "a": _side(found.a),
        "b": _side(found.b),
        "differences": [_difference(one) for one in found.differences],
        "texts": [{"where": one.where, "diff": list(one.lines)} for one in found.texts],
        "trees": [_tree(one) for one in found.trees],
        "notes": list(found.notes),
    }


def _side(side: Side) -> dict[str, Any]:
    signature = side.signature
    return {
        "path": str(side.path),
        "kind": "manifest" if signature else "image",
        "sha256": side.sha256.hex,
        "identity": str(side.identity),
        "content": f"content:{side.content}" if side.content else None,
        "signature": {
            "fingerprint": str(signature.signer) if signature.signer else None,
            "user_id": signature.user_id,
            "signed_at": rfc3339(signature.signed_at) if signature.signed_at else None,
            "finding": signature.finding.value,
            "message": signature.message,
        }
        if signature
        else None,
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "weight": one.weight.value,
        "where": one.where,
        "what": one.what,
        "a": one.before,
        "b": one.after,
    }


def _tree(tree: TreeComparison) -> dict[str, Any]:
    found = tree.differences
    return {
        "where": tree.where,
        "digest": {name: f"tree:{one}" for name, one in zip("ab", tree.digests, strict=True)},
        "packing": {
            name: {"compression": one.compression, "block_size": one.block_size, "made": one.made}
            for name, one in zip("ab", tree.packing, strict=True)
        },
        "only_in_a": _counted(found.only_in_a),
        "only_in_b": _counted(found.only_in_b),
        "changed": _changes(found.changed),
        "times": _changes(found.times),
    }


def _counted(found: Counted[bytes]) -> dict[str, Any]:
    return {"count": found.count, "paths": [_path(one) for one in found.listed]}


def _changes(found: Counted[EntryChange]) -> dict[str, Any]:
    rows = [
        {"path": _path(one.path), "what": one.aspect.value, "a": one.before, "b": one.after}
        for one in found.listed
    ]
    return {"count": found.count, "entries": rows}


def _path(raw: bytes) -> str:
    """Return a path as Python has it: bytes that are no UTF-8 are lone surrogates."""
    return raw.decode("utf-8", "surrogateescape")
