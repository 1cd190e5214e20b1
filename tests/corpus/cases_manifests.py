"""Manifests beside an image: the author's, a stranger's, broken ones."""

import base64
import json
from collections.abc import Iterator
from functools import partial

from tests.corpus.case import MANIFEST, PEM_MANIFEST, Case, case, own
from tests.corpus.signatures import (
    rewrite,
)
from tests.corpus.steps import (
    beside,
    flipped,
    removed,
    renamed,
)


def manifests() -> Iterator[Case]:
    """The author's manifest beside the image, a stranger's, a broken one."""
    yield own("manifest by the author", "verified")
    yield own("manifest by the author, demanded", "verified", require_manifest=True)
    yield case("manifest demanded and missing", "failed no-manifest", require_manifest=True)
    yield own(
        "manifest by the author, nobody named",
        "untrusted signer-not-trusted manifest-not-used",
        key="",
    )
    yield own(
        "manifest by the author, data changed", "failed data-changed manifest-differs", flipped(3)
    )
    yield case(
        "manifest by the author, unsigned image",
        "verified image-not-signed",
        base="with manifest only",
    )
    yield case(
        "manifest by the author, unsigned image changed",
        "failed manifest-differs",
        flipped(3),
        base="with manifest only",
    )
    yield case(
        "manifest by nobody named, unsigned image",
        "unsigned unsigned manifest-not-used",
        base="with manifest only",
        key="",
    )
    yield case(
        "manifest by nobody named, unsigned image changed",
        "unsigned unsigned manifest-not-used",
        flipped(3),
        base="with manifest only",
        key="",
    )
    yield case(
        "manifest by the author, image signed by a stranger later",
        "verified manifest-note image-not-signed",
        base="with a manifest for later",
        beside="grace",
    )
    yield case(
        "manifest by the author, image signed later, exact",
        "failed manifest-not-exact",
        base="with a manifest for later",
        exact=True,
    )
    yield own(
        "manifest by the author, the signature removed", "failed manifest-differs", removed(4)
    )
    yield case(
        "manifest by a stranger", "verified manifest-not-used", base="with a stranger's manifest"
    )
    yield case(
        "manifest by a stranger, demanded",
        "failed no-manifest",
        base="with a stranger's manifest",
        require_manifest=True,
    )
    yield case(
        "manifest by a stranger, bad signature",
        "failed manifest-bad-signature",
        beside(MANIFEST, rewrite(b'"size": ', b'"size": 1')),
        base="with a stranger's manifest",
    )
    yield own(
        "manifest with a changed text",
        "failed manifest-bad-signature",
        beside(MANIFEST, rewrite(b'"size": ', b'"size": 1')),
    )
    yield own(
        "manifest with text before it",
        "failed manifest-malformed",
        beside(MANIFEST, lambda data: b"Read this\n" + data),
    )
    yield own(
        "manifest with text after it",
        "failed manifest-malformed",
        beside(MANIFEST, lambda data: data + b"Read this\n"),
    )
    yield own(
        "manifest twice in one file",
        "failed manifest-malformed",
        beside(MANIFEST, lambda data: data * 2),
    )
    yield own(
        "manifest cut in half",
        "failed manifest-malformed",
        beside(MANIFEST, lambda data: data[: len(data) // 2]),
    )
    yield own("manifest of no bytes", "failed manifest-malformed", beside(MANIFEST, lambda _: b""))
    yield own(
        "manifest of a later signer's name",
        "verified",
        renamed(MANIFEST, "image.sif.0123456789abcdef.manifest.asc"),
    )
    pem = partial(case, base="with pem manifest", key="pem ed25519")
    yield pem("PEM manifest", "verified", require_manifest=True)
    yield pem("PEM manifest, data changed", "failed data-changed manifest-differs", flipped(3))
    yield pem(
        "PEM manifest cut in half",
        "failed manifest-malformed",
        beside(PEM_MANIFEST, lambda data: data[: len(data) // 2]),
    )
    yield pem(
        "PEM manifest with a changed payload",
        "failed manifest-bad-signature",
        beside(PEM_MANIFEST, _other_payload),
    )
    yield case(
        "PEM manifest not trusted",
        "untrusted manifest-not-used",
        base="with pem manifest",
        key="pem p256",
    )
    yield case("expected digest is another", "failed not-expected", expect="sha256:" + "0" * 64)
    yield case(
        "expected identity is another", "failed not-expected", expect="identity:sha256:" + "0" * 64
    )


def _other_payload(data: bytes) -> bytes:
    bundle = json.loads(data)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    changed = payload.replace(b'"size": ', b'"size": 1', 1)
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(changed).decode()
    return json.dumps(bundle).encode()
