"""The DSSE envelope: its members, its signatures."""

import base64
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from tests.corpus.case import ODD, Case, case, unsigned
from tests.corpus.signatures import (
    envelope,
    rewrite,
)
from tests.corpus.steps import (
    flipped,
    void,
)


def envelopes() -> Iterator[Case]:
    """The DSSE envelope: its members, its signatures."""
    pem = partial(unsigned, key="pem p256")

    def row(members: dict[str, Any]) -> dict[str, Any]:
        first: dict[str, Any] = members["signatures"][0]
        return first

    yield pem("envelope by openssl", "verified", envelope("pem p256"))
    bad_members: Sequence[tuple[str, Callable[[dict[str, Any]], Any]]] = (
        ("an unknown member", lambda one: one.update(more=1)),
        ("an unknown member in a signature", lambda one: row(one).update(more=1)),
        ("no payload", lambda one: void(one.pop("payload"))),
        ("no payload type", lambda one: void(one.pop("payloadType"))),
        ("another payload type", lambda one: one.update(payloadType="application/json")),
        (
            "the payload type in upper case",
            lambda one: one.update(payloadType=one["payloadType"].upper()),
        ),
        ("no signatures", lambda one: one.update(signatures=[])),
        ("signatures null", lambda one: one.update(signatures=None)),
        ("signatures that are an object", lambda one: one.update(signatures=row(one))),
        ("65 signatures", lambda one: one.update(signatures=one["signatures"] * 65)),
        ("a signature that is text", lambda one: one.update(signatures=["x"])),
        ("a signature without its value", lambda one: void(row(one).pop("sig"))),
        ("a value that is no text", lambda one: row(one).update(sig=1)),
        ("a key id that is no text", lambda one: row(one).update(keyid=1)),
        ("a key id null", lambda one: row(one).update(keyid=None)),
        (
            "base64 without its padding",
            lambda one: row(one).update(sig=row(one)["sig"].rstrip("=") + "===="),
        ),
        (
            "base64 with line ends",
            lambda one: one.update(payload=one["payload"][:64] + "\n" + one["payload"][64:]),
        ),
        ("a payload that is no base64", lambda one: one.update(payload="!" + one["payload"])),
        ("keys in upper case", lambda one: {key.upper(): value for key, value in one.items()}),
    )
    for name, members in bad_members:
        yield pem(
            f"envelope with {name}",
            "failed malformed",
            envelope("pem p256", members=members),
            either=ODD,
        )
    bad_bytes: Sequence[tuple[str, Callable[[bytes], bytes]]] = (
        ("trailing data", lambda data: data + b"{}"),
        ("a member twice", rewrite(b'{"payloadType"', b'{"payload":"","payloadType"')),
        ("a cut end", lambda data: data[:-10]),
        ("an array around it", lambda data: b"[" + data + b"]"),
        ("text before it", lambda data: b"x" + data),
        ("bytes that are no text", rewrite(b'"payload"', b'"\xffpayload"')),
    )
    for name, raw in bad_bytes:
        yield pem(
            f"envelope with {name}", "failed malformed", envelope("pem p256", raw=raw), either=ODD
        )
    rsa = partial(case, base="unsigned", key="pem rsa3072")
    yield rsa(
        "envelope with URL-safe base64",
        "failed malformed",
        envelope(
            "pem rsa3072", members=lambda one: row(one).update(sig=_url_safe(row(one)["sig"]))
        ),
        either=ODD,
    )
    ed = partial(case, base="unsigned", key="pem ed25519")
    yield ed(
        "envelope with unused bits set",
        "failed malformed",
        envelope(
            "pem ed25519", members=lambda one: row(one).update(sig=_unused_bits(row(one)["sig"]))
        ),
        either=ODD,
    )
    yield pem(
        "envelope of an in-toto statement",
        "failed malformed",
        envelope("pem p256", payload_type="application/vnd.in-toto+json"),
        either=ODD,
    )
    yield pem(
        "envelope with white space around it",
        "verified",
        envelope("pem p256", raw=lambda data: b"\n \t" + data + b"\n"),
    )
    yield pem(
        "envelope with a name in its descriptor",
        "verified",
        envelope("pem p256", entity=b"\1" * 20),
    )
    yield pem(
        "envelope with an empty key id",
        "verified",
        envelope("pem p256", members=lambda one: row(one).update(keyid="")),
    )
    yield pem(
        "envelope without a key id",
        "verified",
        envelope("pem p256", members=lambda one: void(row(one).pop("keyid"))),
    )
    yield unsigned(
        "envelope without a key id, by a stranger",
        "untrusted unknown-key",
        envelope("pem p256", members=lambda one: void(row(one).pop("keyid"))),
        key="pem p384",
    )
    yield pem(
        "envelope with a wrong key id",
        "untrusted unknown-key",
        envelope("pem p256", members=lambda one: row(one).update(keyid="SHA256:" + "B" * 43)),
    )
    yield pem(
        "envelope with a key id of words",
        "untrusted unknown-key",
        envelope("pem p256", members=lambda one: row(one).update(keyid="Ada's key\n\x1b[31m")),
    )
    yield unsigned(
        "envelope that names another's key",
        "failed bad-signature",
        envelope(
            "pem p256",
            "pem ed25519",
            members=lambda one: one.update(
                signatures=[row(one) | {"keyid": one["signatures"][1]["keyid"]}]
            ),
        ),
        key="pem p256; pem ed25519",
    )
    yield pem(
        "envelope with a changed payload",
        "failed bad-signature",
        envelope(
            "pem p256",
            members=lambda one: one.update(
                payload=base64.b64encode(b" " + base64.b64decode(one["payload"])).decode()
            ),
        ),
    )
    yield pem(
        "envelope with a junk value",
        "failed bad-signature",
        envelope("pem p256", members=lambda one: row(one).update(sig="AAAA")),
    )
    yield pem(
        "envelope with an empty value",
        "failed bad-signature",
        envelope("pem p256", members=lambda one: row(one).update(sig="")),
    )
    yield unsigned(
        "envelope with a SHA-512 signature",
        "failed bad-signature",
        envelope("pem rsa2048", digest="sha512"),
        key="pem rsa2048",
    )
    yield unsigned(
        "envelope with a SHA-384 signature by P-384",
        "failed bad-signature",
        envelope("pem p384", digest="sha384"),
        key="pem p384",
    )
    yield unsigned(
        "envelope with a SHA-1 signature",
        "failed bad-signature",
        envelope("pem rsa2048", digest="sha1"),
        key="pem rsa2048",
    )
    two = envelope("pem p256", "pem ed25519")
    yield unsigned(
        "envelope with two signatures, both friends",
        "verified",
        two,
        key="pem p256; pem ed25519",
        require=2,
    )
    yield pem("envelope with two signatures, one unknown", "verified unknown-key", two)
    yield unsigned(
        "envelope with two signatures, one a stranger's",
        "verified stranger-signature",
        two,
        key="pem p256",
        beside="pem ed25519",
    )
    yield unsigned(
        "envelope with two signatures, the second named",
        "verified unknown-key",
        two,
        key="pem ed25519",
    )
    yield unsigned(
        "envelope with two signatures, data changed",
        "failed data-changed",
        two,
        flipped(3),
        key="pem p256; pem ed25519",
    )
    junk = {"keyid": "SHA256:" + "C" * 43, "sig": "AAAA"}
    yield pem(
        "envelope with junk signatures too",
        "verified unknown-key",
        envelope(
            "pem p256",
            members=lambda one: one.update(signatures=[junk, *one["signatures"], {"sig": "AAAA"}]),
        ),
    )
    yield pem(
        "envelope with a good signature and a bad one by one key",
        "failed bad-signature",
        envelope(
            "pem p256", members=lambda one: one["signatures"].append(row(one) | {"sig": "AAAA"})
        ),
    )
    yield pem(
        "envelope with a bad signature and a good one by one key",
        "failed bad-signature",
        envelope(
            "pem p256", members=lambda one: one["signatures"].insert(0, row(one) | {"sig": "AAAA"})
        ),
    )
    yield pem(
        "envelope with the same signature twice",
        "verified",
        envelope("pem p256", members=lambda one: one["signatures"].append(row(one))),
    )
    yield pem(
        "envelope with 64 signatures",
        "verified unknown-key",
        envelope("pem p256", members=lambda one: one["signatures"].extend([junk] * 63)),
    )
    yield unsigned(
        "two envelopes, both friends",
        "verified",
        envelope("pem p256"),
        envelope("pem ed25519"),
        key="pem p256; pem ed25519",
        require=2,
    )
    yield pem(
        "two envelopes, one unknown",
        "verified unknown-key",
        envelope("pem p256"),
        envelope("pem ed25519"),
    )
    yield pem(
        "an envelope over one object only",
        "unsigned partly-signed",
        envelope("pem p256", objects=[3]),
    )


def _url_safe(text: str) -> str:
    """Write base64 in the other alphabet; a long text has a letter that differs."""
    other = text.replace("+", "-").replace("/", "_")
    assert other != text
    return other


def _unused_bits(text: str) -> str:
    """Set a bit that the last letter before the padding has no use for."""
    assert text.endswith("==")
    return text[:-3] + chr(ord(text[-3]) + 1) + "=="
