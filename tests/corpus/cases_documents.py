"""The text that is signed, odd and signed nevertheless."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.corpus.case import LAX, Case, case, unsigned
from tests.corpus.signatures import (
    digests_by,
    document,
    edit,
    envelope,
    openpgp,
    rewrite,
)
from tests.corpus.steps import (
    void,
)


def documents() -> Iterator[Case]:
    """The text that is signed, odd and signed nevertheless."""

    def first(text: Any) -> Any:
        return text["objects"][0]

    bad: Sequence[tuple[str, Callable[[bytes], bytes]]] = (
        ("a key twice", rewrite(b'{"version":1,', b'{"version":1,"version":1,')),
        ("a digest twice", rewrite(b'"header":{', b'"header":{"digest":"sha256:00",')),
        ("version 2", rewrite(b'"version":1', b'"version":2')),
        ("version 1.0", rewrite(b'"version":1', b'"version":1.0')),
        ("version true", rewrite(b'"version":1', b'"version":true')),
        ("version as text", rewrite(b'"version":1', b'"version":"1"')),
        ("no version", rewrite(b'"version":1,', b"")),
        ("an unknown member", rewrite(b'{"version":1', b'{"more":1,"version":1')),
        ("an unknown member in an object", edit(lambda text: first(text).update(more=1))),
        ("keys in upper case", rewrite(b'"version"', b'"VERSION"')),
        (
            "hex in upper case",
            edit(
                lambda text: first(text).update(
                    objectDigest=_upper_hex(first(text)["objectDigest"])
                )
            ),
        ),
        ("algorithm in upper case", rewrite(b"sha256:", b"SHA256:")),
        (
            "a digest too short",
            edit(lambda text: first(text).update(objectDigest=first(text)["objectDigest"][:-2])),
        ),
        (
            "a digest too long",
            edit(lambda text: first(text).update(objectDigest=first(text)["objectDigest"] + "00")),
        ),
        (
            "a digest that is no hex",
            edit(lambda text: first(text).update(objectDigest="sha256:" + "g" * 64)),
        ),
        (
            "a digest without its algorithm",
            edit(lambda text: first(text).update(objectDigest="0" * 64)),
        ),
        ("a digest that is no text", edit(lambda text: first(text).update(objectDigest=0))),
        ("no header", edit(lambda text: void(text.pop("header")))),
        ("no header digest", edit(lambda text: void(text["header"].pop("digest")))),
        ("no objects", edit(lambda text: text.update(objects=[]))),
        ("objects that are no list", edit(lambda text: text.update(objects={}))),
        ("objects null", edit(lambda text: text.update(objects=None))),
        ("an object twice", edit(lambda text: text["objects"].append(first(text)))),
        (
            "an object without its data's digest",
            edit(lambda text: void(first(text).pop("objectDigest"))),
        ),
        ("relative id -1", edit(lambda text: first(text).update(relativeId=-1))),
        ("relative id 2^32", edit(lambda text: first(text).update(relativeId=1 << 32))),
        (
            "relative id 2^32 + 1",
            edit(lambda text: text["objects"][1].update(relativeId=(1 << 32) + 1)),
        ),
        ("relative id 0.0", edit(lambda text: first(text).update(relativeId=0.0))),
        ("relative id as text", edit(lambda text: first(text).update(relativeId="0"))),
        ("relative id false", edit(lambda text: first(text).update(relativeId=False))),
        ("relative id 1e0", rewrite(b'"relativeId":1,', b'"relativeId":1e0,')),
        ("trailing data", lambda text: text + b"{}"),
        ("an array", lambda text: b"[" + text + b"]"),
        ("null", lambda _: b"null"),
        ("no text at all", lambda _: b""),
        ("a comment", lambda text: b"/* hello */" + text),
        ("a byte order mark", lambda text: b"\xef\xbb\xbf" + text),
        ("bytes that are no text", rewrite(b'"version"', b'"\xff":1,"version"')),
        ("NaN", rewrite(b'"version":1', b'"version":NaN')),
        ("deep nesting", lambda _: b'{"version":' + b"[" * 5000 + b"]" * 5000 + b"}"),
        ("a number of 10000 digits", rewrite(b'"version":1', b'"version":' + b"1" * 10000)),
    )
    for name, change in bad:
        yield unsigned(
            f"document with {name}", "failed bad-metadata", openpgp("ada", text=change), either=LAX
        )
    yield unsigned(
        "document with version 2, unknown key",
        "failed claim-disagrees",
        openpgp("ada", text=bad[2][1]),
        key="",
    )
    yield unsigned(
        "document with version 2 by a stranger",
        "failed bad-metadata",
        openpgp("ada", text=bad[2][1]),
        key="",
        beside="ada",
        either=LAX,
    )
    yield case(
        "document with version 2 beside a good signature",
        "failed bad-metadata",
        openpgp("ada", text=bad[2][1]),
        either=LAX,
    )
    yield unsigned(
        "document with version 2 in an envelope",
        "failed bad-metadata",
        envelope("pem p256", text=bad[2][1]),
        key="pem p256",
        either=LAX,
    )
    for algorithm in ("sha224", "sha384", "sha512", "sha512_224", "sha512_256"):
        yield unsigned(
            f"document with {algorithm}", "verified", openpgp("ada", make=digests_by(algorithm))
        )
    for algorithm in ("sha1", "md5", "sha3_256", "blake2b"):
        yield unsigned(
            f"document with {algorithm}",
            "failed bad-metadata",
            openpgp("ada", make=digests_by(algorithm)),
            either=LAX,
        )
    yield unsigned(
        "document with an object that is not there",
        "failed object-removed",
        openpgp(
            "ada", text=edit(lambda text: text["objects"].append(first(text) | {"relativeId": 9}))
        ),
    )
    yield unsigned(
        "document with a relative id that wraps around",
        "failed object-removed",
        openpgp("ada", text=edit(lambda text: first(text).update(relativeId=0xFFFFFFFF))),
    )
    yield unsigned(
        "document with an object less",
        "unsigned partly-signed",
        openpgp("ada", text=edit(lambda text: void(text["objects"].pop()))),
    )
    yield case(
        "document with a member less, the rest complete",
        "verified",
        openpgp("ada", text=edit(lambda text: void(text["objects"].pop()))),
    )
    yield unsigned(
        "document with objects in another order",
        "verified",
        openpgp("ada", text=edit(lambda text: text["objects"].reverse())),
    )
    yield unsigned(
        "document with members in another order",
        "verified",
        openpgp("ada", text=edit(lambda text: dict(reversed(text.items())))),
    )
    yield unsigned(
        "document with white space",
        "verified",
        openpgp("ada", text=lambda text: json.dumps(json.loads(text), indent=1).encode()),
    )
    yield unsigned(
        "document with escapes",
        "verified",
        openpgp("ada", text=rewrite(b'"version"', b'"\\u0076ersion"')),
    )
    yield case(
        "document of another group",
        "failed data-changed",
        openpgp("ada", make=lambda image: document(image, 2)),
        base="two groups",
    )


def _upper_hex(digest: str) -> str:
    algorithm, value = digest.split(":")
    return f"{algorithm}:{value.upper()}"
