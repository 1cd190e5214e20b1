"""An image cited for programs: Citation File Format, Zenodo's metadata, RO-Crate."""

import html
import json
from collections.abc import Sequence
from typing import Any, Final

from repro_sign.citing.cited import Cited, Particulars
from repro_sign.fingerprint import Fingerprint
from repro_sign.provenance import deposit_layout
from repro_sign.publishing.markup import plain, yaml
from repro_sign.web_address import below

_TITLE: Final = "TITLE"
_AUTHORS: Final = "AUTHORS"
_CONTEXT: Final = "https://w3id.org/ro/crate/1.1/context"
_CRATE: Final = "https://w3id.org/ro/crate/1.1"
_FORMAT: Final = "application/vnd.sylabs.sif"


def as_cff(cited: Cited, more: Particulars) -> str:
    """Return a CITATION.cff (Citation File Format 1.2.0)."""
    lines = [
        "cff-version: 1.2.0",
        'message: "If you use this container image, please cite it."',
        "type: software",
        f"title: {yaml(more.title or _TITLE)}",
        "authors:",
        *(f"  - name: {yaml(name)}" for name in more.authors or (_AUTHORS,)),
        *([f"date-released: {cited.signed.date().isoformat()}"] if cited.signed else []),
        *([f"doi: {yaml(more.doi)}"] if more.doi else []),
        *([f"url: {yaml(more.url)}"] if more.url else []),
        *([f"commit: {yaml(cited.source.commit)}"] if cited.source and cited.source.commit else []),
        "identifiers:",
        *_identifier(f"sha256:{cited.sha256.hex}", f"SHA-256 digest of {cited.name}"),
        *_identifier(str(cited.identity), f"image identity of {cited.name}"),
    ]
    for signer, _ in cited.signers:
        value = f"openpgp4fpr:{signer}" if isinstance(signer, Fingerprint) else str(signer)
        lines += _identifier(value, f"key that signs {cited.name}")
    return "\n".join((*lines, ""))


def _identifier(value: str, description: str) -> list[str]:
    return [
        "  - type: other",
        f"    value: {yaml(value)}",
        f"    description: {yaml(description)}",
    ]


def as_zenodo(cited: Cited, more: Particulars) -> str:
    """Return a .zenodo.json; its description is HTML, as Zenodo has it."""
    said = [
        f"Container image {cited.name}, SHA-256 {cited.sha256.hex}.",
        f"Its image identity is {cited.identity}.",
        f"Signed with the key {cited.fingerprints}.",
        f"To check it: {cited.command}",
    ]
    found: dict[str, Any] = {
        "upload_type": "software",
        "title": plain(more.title or _TITLE),
        "creators": [{"name": plain(name)} for name in more.authors or (_AUTHORS,)],
        "description": "".join(f"<p>{html.escape(plain(one))}</p>" for one in said),
        "keywords": ["container image", "Apptainer", "signed", "reproducibility"],
    }
    if more.doi:
        found["doi"] = more.doi
    if cited.source and cited.source.url:
        related = {"identifier": plain(cited.source.url), "relation": "isDerivedFrom"}
        found["related_identifiers"] = [related]
    return json.dumps(found, indent=2, ensure_ascii=True) + "\n"


def as_ro_crate(cited: Cited, more: Particulars, parts: Sequence[tuple[str, str]] = ()) -> str:
    """Return the ro-crate-metadata.json of a folder that holds the image (RO-Crate 1.1).

    `parts` are the other files in it, each with a word on it; with them the folder is a deposit.
    """
    people = [{"@id": f"#author-{n}"} for n, _ in enumerate(more.authors or (_AUTHORS,), 1)]
    name = plain(cited.name)
    keys = [_key(str(signer), user_id) for signer, user_id in cited.signers]
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": plain(more.title or _TITLE),
        "description": plain(f"A signed container image. To check it: {cited.command}"),
        "author": people,
        "hasPart": [{"@id": name}, *({"@id": _reference(path)} for path, _ in parts)],
        **({"additionalType": deposit_layout.MARK} if parts else {}),
        **({"datePublished": cited.signed.date().isoformat()} if cited.signed else {}),
        **({"identifier": f"https://doi.org/{more.doi}"} if more.doi else {}),
        **({"url": more.url} if more.url else {}),
    }
    image: dict[str, Any] = {
        "@id": name,
        "@type": "File",
        "name": name,
        "contentSize": str(cited.size),
        "encodingFormat": _FORMAT,
        "sha256": cited.sha256.hex,
        "identifier": str(cited.identity),
        "creator": [{"@id": one["@id"]} for one in keys],
        **_based_on(cited),
    }
    metadata = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": _CRATE},
    }
    authors = [
        {"@id": one["@id"], "@type": "Person", "name": plain(who)}
        for one, who in zip(people, more.authors or (_AUTHORS,), strict=True)
    ]
    files = [
        {"@id": _reference(path), "@type": "File", "name": plain(path), "description": plain(word)}
        for path, word in parts
    ]
    graph = [metadata, root, image, *files, *authors, *keys, *_source(cited)]
    document = {"@context": _CONTEXT, "@graph": graph}
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _reference(path: str) -> str:
    """Return a path as a relative reference (RFC 3986), as identifiers of files are."""
    return below("", path)


def _key(fingerprint: str, user_id: str | None) -> dict[str, Any]:
    who = f", of {plain(user_id)}" if user_id else ""
    return {
        "@id": f"#key-{fingerprint}",
        "@type": "Thing",
        "name": f"Signing key{who}",
        "identifier": fingerprint,
    }


def _based_on(cited: Cited) -> dict[str, Any]:
    return {"isBasedOn": {"@id": "#source"}} if cited.source else {}


def _source(cited: Cited) -> list[dict[str, Any]]:
    source = cited.source
    if source is None:
        return []
    return [
        {
            "@id": "#source",
            "@type": "SoftwareSourceCode",
            "name": "The source that the image was made from",
            **({"codeRepository": plain(source.url)} if source.url else {}),
            **({"version": source.commit} if source.commit else {}),
            **({"identifier": source.directory} if source.directory else {}),
        }
    ]
