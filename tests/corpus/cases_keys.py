"""What becomes of keys before and after they sign."""

from collections.abc import Iterator
from functools import partial

from tests.corpus.case import Case, case, unsigned
from tests.corpus.keys import SIGNED
from tests.corpus.signatures import (
    bad_value,
    openpgp,
    rebodied,
)
from tests.corpus.steps import (
    flipped,
)


def key_states() -> Iterator[Case]:
    """What becomes of keys before and after they sign."""
    old = openpgp("old", at=SIGNED)
    yield unsigned("an old key", "verified", old, key="old")
    yield unsigned(
        "a key that has expired since",
        "verified key-since",
        openpgp("one year", at=SIGNED),
        key="one year",
    )
    for state in ("superseded later", "retired later"):
        yield unsigned(f"a key {state}", "verified key-since", old, key=f"old, {state}")
    for state in (
        "compromised later",
        "revoked later without reason",
        "superseded before",
        "retired before",
    ):
        yield unsigned(f"a key {state}", "failed key-revoked", old, key=f"old, {state}")
    yield unsigned(
        "a key compromised later, its revocation in another copy",
        "failed key-revoked",
        old,
        key="old",
        beside="old, compromised later",
    )
    yield unsigned(
        "a key superseded and compromised",
        "failed key-revoked",
        old,
        key="old, superseded later",
        beside="old, compromised later",
    )
    yield case(
        "a stranger's compromised key beside a friend",
        "failed key-revoked",
        old,
        beside="old, compromised later",
    )
    yield unsigned(
        "a key expired before",
        "failed key-expired",
        old,
        key="old, expired before",
        either="the key was made to expire in the past",
    )
    yield unsigned(
        "a key made later",
        "failed key-not-yet-valid",
        openpgp("old", at="20190601T120000"),
        key="old",
        either="Apptainer does not compare the two times",
    )
    yield unsigned(
        "a signature from the future",
        "failed dated-in-future",
        openpgp("ada", at="20990601T120000"),
    )
    expiring = ("--default-sig-expire", "30d")
    yield unsigned(
        "a signature that has ended",
        "failed signature-expired",
        openpgp("old", at=SIGNED, options=expiring),
        key="old",
    )
    yield unsigned(
        "a signature that will end",
        "verified",
        openpgp("old", at=SIGNED, options=("--default-sig-expire", "30y")),
        key="old",
    )
    for which in ("old, renewed", "old, renewed; old"):
        yield unsigned(
            f"a renewed key at hand as {which}",
            "verified key-since" if which == "old, renewed" else "verified",
            old,
            key=which,
        )
    yield unsigned("a key renewed for less", "verified key-since", old, key="old, renewed for less")
    yield unsigned(
        "an expiring key renewed",
        "verified key-since",
        openpgp("one year", at=SIGNED),
        key="one year, renewed",
    )
    yield unsigned(
        "a renewed key, data changed", "failed data-changed", old, flipped(3), key="old, renewed"
    )
    yield unsigned(
        "a renewed key, bad value",
        "failed bad-signature",
        openpgp("old", at=SIGNED, block=rebodied(bad_value)),
        key="old, renewed",
    )
    late = openpgp("old", at="20210601T120000")
    ended = partial(unsigned, either="Apptainer judges keys as they are now")
    yield ended("a key that had ended", "failed key-expired", late, key="old, until 2021")
    yield ended(
        "a key that had ended and was renewed, both copies at hand",
        "failed key-expired",
        late,
        key="old, renewed late",
        beside="old, until 2021",
    )
    yield unsigned(
        "a key that had ended and was renewed", "verified key-since", late, key="old, renewed late"
    )
    sub = openpgp("master", at=SIGNED)
    yield unsigned("a signing subkey", "verified", sub, key="master")
    yield unsigned(
        "a signing subkey that has expired since",
        "verified key-since",
        openpgp("master one year", at=SIGNED),
        key="master one year",
    )
    yield unsigned(
        "a signing subkey, its primary renewed", "verified", sub, key="master, primary renewed"
    )
    yield unsigned(
        "a signing subkey, all renewed", "verified key-since", sub, key="master, renewed"
    )
    yield unsigned(
        "a signing subkey, all renewed, old copy at hand",
        "verified",
        sub,
        key="master, renewed",
        beside="master",
    )
    yield unsigned(
        "a signing subkey expired before",
        "failed key-expired",
        sub,
        key="master, subkey expired before",
        either="expired then and now",
    )
    yield unsigned(
        "a signing subkey compromised later",
        "failed key-revoked",
        sub,
        key="master, subkey compromised later",
    )
    yield unsigned(
        "a signing subkey retired later",
        "verified key-since",
        sub,
        key="master, subkey retired later",
    )
    yield unsigned(
        "a signing subkey retired before",
        "failed key-revoked",
        sub,
        key="master, subkey retired before",
    )
    yield unsigned(
        "a signing subkey without the user id",
        "untrusted signer-not-trusted key-since",
        sub,
        key="",
        beside="master, without user id",
    )
    yield unsigned(
        "a subkey that is hung in without being bound",
        "failed key-unfit",
        old,
        key="master, subkey unbound",
        either="Apptainer can't read that certificate",
    )
    yield unsigned(
        "a subkey hung into another certificate, the true one at hand",
        "verified",
        old,
        key="old",
        beside="master, subkey unbound",
    )
    yield case(
        "a primary key that may only certify",
        "failed key-unfit",
        base="signed by master",
        key="master",
        either="Apptainer looks for keys with the sign flag alone",
    )
    yield unsigned(
        "a certificate with a SHA-1 self-signature",
        "failed key-unfit",
        openpgp("sha1", at=SIGNED),
        key="sha1",
        either="Apptainer accepts SHA-1 there",
    )
