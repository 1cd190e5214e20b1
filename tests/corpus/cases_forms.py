"""Every form of signature, how much of an image is signed, and by whom."""

from collections.abc import Iterator
from functools import partial

from tests.corpus.case import ODD, Case, case, unsigned
from tests.corpus.signatures import (
    bad_value,
    edit,
    envelope,
    legacy,
    openpgp,
    rebodied,
)
from tests.corpus.steps import (
    copied,
    flipped,
    hash_type,
    removed,
)


def forms() -> Iterator[Case]:
    """Every form of signature, and how much of the image is signed."""
    yield unsigned("unsigned", "unsigned")
    yield unsigned("unsigned, nobody named", "unsigned", key="")
    yield case("two groups, unsigned", "unsigned", base="two groups")
    yield case("signed by Apptainer", "verified")
    yield case("signed, trusted by fingerprint", "verified", signer="ada", key="", beside="ada")
    yield case(
        "signed, trusted by fingerprint, certificate missing",
        "untrusted unknown-key",
        signer="ada",
        key="",
    )
    yield case(
        "signed, nobody named",
        "untrusted signer-not-trusted stranger-signature",
        key="",
        beside="ada",
    )
    yield case("signed, nobody named, certificate missing", "untrusted unknown-key", key="")
    yield case(
        "signed, somebody else named", "untrusted signer-not-trusted", key="mallory", beside="ada"
    )
    yield case("two groups, both signed", "verified", base="two groups signed")
    yield case("two groups, the first signed", "unsigned partly-signed", base="group 1 signed")
    yield case("two groups, the second signed", "unsigned partly-signed", base="group 2 signed")
    yield case(
        "two groups, the first signed by an unknown key",
        "unsigned partly-signed",
        base="group 1 signed",
        key="",
    )
    each = partial(case, base="each group by another")
    yield each("each group by another friend", "verified", key="ada; grace")
    yield each(
        "each group by another, two people required",
        "untrusted too-few-signers",
        key="ada; grace",
        require=2,
    )
    yield each(
        "each group by another, one of them a stranger",
        "untrusted signer-not-trusted",
        beside="grace",
    )
    yield each("each group by another, one of them unknown", "untrusted unknown-key")
    yield case("only the partition signed", "unsigned partly-signed", base="partition signed")
    yield case("only two objects signed", "unsigned partly-signed", base="two objects signed")
    yield case("each object signed by itself", "verified", base="each object signed")
    yield case("the partition signed once more", "verified", base="partition signed too")
    yield case(
        "the partition signed, its data changed",
        "failed data-changed",
        flipped(3),
        base="partition signed",
    )
    yield case(
        "the partition signed, another object changed",
        "unsigned partly-signed",
        flipped(1),
        base="partition signed",
    )
    yield case("signed by RSA", "verified", base="signed by rsa", key="grace")
    for name in ("p256", "p384", "p521", "dsa"):
        yield unsigned(f"signed by OpenPGP {name}", "verified", openpgp(name), key=name)
    yield unsigned(
        "signed by OpenPGP RSA of 1024 bits",
        "failed key-unfit",
        openpgp("rsa1024"),
        key="rsa1024",
        either="small keys are unfit here, whatever Apptainer does",
    )
    for name in ("brainpool", "secp256k1"):
        either = "a curve that we do not compute"
        yield unsigned(
            f"signed by OpenPGP {name}",
            "untrusted unsupported",
            openpgp(name),
            key=name,
            either=either,
        )
        changed = flipped(3)
        yield unsigned(
            f"signed by OpenPGP {name}, data changed",
            "failed claim-disagrees",
            openpgp(name),
            changed,
            key=name,
            either=either,
        )
    for digest in ("SHA224", "SHA384", "SHA512"):
        yield unsigned(f"OpenPGP with {digest}", "verified", openpgp("ada", digest=digest))
    weak = ("--allow-weak-digest-algos",)
    for digest in ("SHA1", "RIPEMD160"):
        yield unsigned(
            f"OpenPGP with {digest}",
            "failed weak-hash",
            openpgp("ada", digest=digest, options=weak),
        )
        yield unsigned(
            f"OpenPGP with {digest}, unknown key",
            "untrusted unknown-key",
            openpgp("ada", digest=digest, options=weak),
            key="",
        )
        yield case(
            f"OpenPGP with {digest} beside a good one",
            "failed weak-hash",
            openpgp("ada", digest=digest, options=weak),
        )
    for name in ("ed25519", "p256", "p384", "p521", "rsa2048", "rsa3072"):
        yield case(
            f"signed by PEM {name}", "verified", base=f"signed by pem {name}", key=f"pem {name}"
        )
        yield case(
            f"signed by PEM {name}, data changed",
            "failed data-changed",
            flipped(2),
            base=f"signed by pem {name}",
            key=f"pem {name}",
        )
    yield case(
        "two groups signed by PEM", "verified", base="two groups signed by pem p256", key="pem p256"
    )
    yield case(
        "signed by PEM RSA of 1024 bits",
        "failed key-unfit",
        base="signed by pem rsa1024",
        key="pem rsa1024",
    )
    yield case(
        "signed by PEM, key unknown", "untrusted unknown-key", base="signed by pem p256", key=""
    )
    yield case(
        "signed by PEM, another key named",
        "untrusted unknown-key",
        base="signed by pem p256",
        key="pem p384",
    )
    yield case(
        "signed by PEM, nobody named, key at hand",
        "untrusted signer-not-trusted",
        base="signed by pem p256",
        key="",
        beside="pem p256",
    )
    yield case(
        "signed by PEM, trusted by fingerprint",
        "verified",
        base="signed by pem p256",
        key="",
        signer="pem p256",
        beside="pem p256",
    )
    yield unsigned(
        "signed by PEM over secp256k1", "untrusted unknown-key", envelope("pem secp256k1"), key=""
    )


def old_forms() -> Iterator[Case]:
    """Signatures of before Singularity 3.6, and hash types in descriptors."""
    yield unsigned(
        "legacy over the group", "unsigned legacy-only legacy", legacy("ada", objects=[1, 2, 3])
    )
    yield unsigned(
        "legacy over the partition", "unsigned legacy-only", legacy("ada", objects=[3], link=3)
    )
    yield unsigned(
        "legacy over the partition, inside the group",
        "unsigned legacy-only",
        legacy("ada", objects=[3], link=3, group=0xF0000001),
    )
    yield unsigned(
        "legacy, data changed", "unsigned legacy-only", legacy("ada", objects=[1, 2, 3]), flipped(3)
    )
    yield unsigned(
        "legacy by an unknown key", "unsigned legacy-only", legacy("ada", objects=[1, 2, 3]), key=""
    )
    yield case("legacy beside new", "verified legacy", legacy("ada", objects=[1, 2, 3]))
    yield case(
        "legacy beside new, data changed",
        "failed data-changed",
        legacy("ada", objects=[1, 2, 3]),
        flipped(3),
    )
    yield case(
        "legacy and only a part signed anew",
        "unsigned legacy-only partly-signed",
        legacy("ada", objects=[1, 2, 3]),
        base="partition signed",
    )
    yield unsigned(
        "legacy with an unknown hash type",
        "unsigned legacy-only",
        legacy("ada", objects=[3], link=3, hash_type=9),
    )
    for number in (2, 3, 4, 5):
        yield case(f"OpenPGP, hash type {number} in the descriptor", "verified", hash_type(number))
        yield case(
            f"DSSE, hash type {number} in the descriptor",
            "verified",
            hash_type(number),
            base="signed by pem p256",
            key="pem p256",
        )
    for number in (0, 6, 0x7FFFFFFF):
        yield case(
            f"OpenPGP, unknown hash type {number}",
            "failed malformed",
            hash_type(number),
            either=ODD,
        )
        yield case(
            f"DSSE, unknown hash type {number}",
            "failed malformed",
            hash_type(number),
            base="signed by pem p256",
            key="pem p256",
            either=ODD,
        )


def signers() -> Iterator[Case]:
    """Several signers, friends and strangers."""
    two = partial(case, base="two signers")
    yield two("two friends", "verified", key="ada; grace")
    yield two("two friends, both required", "verified", key="ada; grace", require=2)
    yield two(
        "a friend and a stranger, two required",
        "untrusted too-few-signers stranger-signature",
        require=2,
        beside="grace",
    )
    yield case(
        "the same friend twice, two required",
        "untrusted too-few-signers",
        openpgp("ada"),
        require=2,
    )
    stranger = partial(case, base="and a stranger")
    yield stranger("a stranger beside a friend", "verified stranger-signature", beside="mallory")
    yield stranger("an unknown key beside a friend", "verified unknown-key")
    yield case(
        "a friend beside a stranger who comes first",
        "verified stranger-signature",
        openpgp("ada"),
        base="a stranger alone",
        beside="mallory",
    )
    yield case(
        "a stranger alone",
        "untrusted signer-not-trusted",
        base="a stranger alone",
        beside="mallory",
    )
    yield case("an unknown key alone", "untrusted unknown-key", base="a stranger alone")
    flip = flipped(3)
    yield case(
        "an unknown key alone, data changed",
        "failed claim-disagrees",
        flip,
        base="a stranger alone",
    )
    yield case(
        "a stranger alone, data changed",
        "failed data-changed",
        flip,
        base="a stranger alone",
        beside="mallory",
    )
    yield case(
        "an unknown PEM key, data changed",
        "failed claim-disagrees",
        flip,
        base="signed by pem p256",
        key="",
    )
    lie = openpgp(
        "mallory", text=edit(lambda text: text["header"].update(digest="sha256:" + "0" * 64))
    )
    yield case("an unknown key that lies, beside a friend", "verified unknown-key", lie)
    yield case(
        "a stranger who lies, beside a friend", "verified header-changed", lie, beside="mallory"
    )
    yield case(
        "a friend who is wrong, beside a friend", "failed header-changed", lie, key="ada; mallory"
    )
    no_json = openpgp("mallory", text=lambda _: b"hello")
    yield case(
        "an unknown key that signs no document, beside a friend", "verified unknown-key", no_json
    )
    yield case(
        "a stranger who signs no document, beside a friend",
        "verified bad-metadata",
        no_json,
        beside="mallory",
        either="known not to be a document; Apptainer can't read it either",
    )
    yield case(
        "a stranger's bad signature, beside a friend",
        "failed bad-signature",
        openpgp("mallory", block=rebodied(bad_value)),
        beside="mallory",
    )
    yield case(
        "an unknown key's bad signature, beside a friend",
        "verified unknown-key",
        openpgp("mallory", block=rebodied(bad_value)),
    )
    yield case(
        "OpenPGP and PEM, both friends",
        "verified",
        base="both kinds",
        key="ada; pem ed25519",
        require=2,
    )
    yield case("OpenPGP and PEM, the first a friend", "verified unknown-key", base="both kinds")
    yield case(
        "OpenPGP and PEM, the second a friend",
        "verified stranger-signature",
        base="both kinds",
        key="pem ed25519",
        beside="ada",
    )
    yield case(
        "OpenPGP and PEM, data changed",
        "failed data-changed",
        flip,
        base="both kinds",
        key="ada; pem ed25519",
    )
    yield case("forty-five signatures", "verified", *[copied(4)] * 44)
    yield case("the same signature twice", "verified", copied(4))
    yield two("one of two signatures removed", "verified", removed(4), key="ada; grace")
    yield case("the only signature removed", "unsigned", removed(4))
