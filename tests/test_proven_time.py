"""What a trusted timestamp changes: keys that ended since, certificates that expired, a policy.

Time passes by verifying at a later one: the library takes a clock.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from repro_sign import (
    Authorities,
    Engine,
    Finding,
    ImageReport,
    Locations,
    SignerId,
    SignRequest,
    TrustPolicy,
    VerdictWord,
    VerifyRequest,
    prepare_file,
    read_authorities,
    read_chain,
    read_keys,
    sign_image,
    verify_image,
)
from tests.account import Account
from tests.forge import Forge
from tests.test_x509 import CODE, LEAF, MIDDLE, OTHER, ROOT, pem_key
from tests.tsa.authority import Authority, Tsa

pytest_plugins = ["tests.tsa.plugin"]

OLGA = "Olga Old <olga@uni.example>"
SPKI = PublicFormat.SubjectPublicKeyInfo
NOWHERE = Path("/nonexistent")
ALONE = Locations(apptainer_keys=NOWHERE, gnupg_home=NOWHERE, settings=NOWHERE)
LATER = 400
"""Days after which all that ends in these tests has ended."""


def in_days(count: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=count)


def codes(report: ImageReport) -> set[str]:
    return {one.code for one in (*report.verdict.reasons, *report.verdict.notes)}


@pytest.fixture
def authorities(clock: Authority) -> Authorities:
    return read_authorities([clock.root])


def verify(
    image: Path,
    key: Path,
    authorities: Authorities | None = None,
    *,
    after: int = LATER,
    require_timestamp: bool = False,
) -> ImageReport:
    keys = read_keys(key.read_bytes(), "the key")
    policy = TrustPolicy(
        dict.fromkeys(keys.signers, "the test"), require_timestamp=require_timestamp
    )
    request = VerifyRequest(
        policy,
        given=keys,
        authorities=authorities,
        engine=Engine.NATIVE,
        where=ALONE,
        now=lambda: in_days(after),
    )
    return verify_image(image, request)


@pytest.fixture
def olga(forge: Forge) -> str:
    """Give a key that ends in a year."""
    return forge.key(OLGA, expires="1y")


def sign(forge: Forge, image: Path, user: str, tsa: Tsa) -> None:
    forge.account.ok("sign", image, "--key", user, "--timestamp", tsa.url)


def remove_stamp(image: Path) -> None:
    image.with_name("climate.sif.manifest.asc.tsr").unlink()


def test_a_timestamp_from_before_a_keys_end_proves_what_else_is_a_claim(
    image: Path, forge: Forge, olga: str, tsa: Tsa, authorities: Authorities
) -> None:
    sign(forge, image, olga, tsa)
    key = forge.public(olga, image.parent)
    proven = verify(image, key, authorities)
    assert proven
    assert {"key-since", "time-proven"} <= codes(proven)
    assert "time-claimed" not in codes(proven)
    remove_stamp(image)
    claimed = verify(image, key, authorities)
    assert claimed
    assert "time-claimed" in codes(claimed)


def test_a_policy_that_requires_timestamps_counts_no_claim(
    image: Path, forge: Forge, olga: str, tsa: Tsa, authorities: Authorities
) -> None:
    sign(forge, image, olga, tsa)
    key = forge.public(olga, image.parent)
    for after in (1, LATER):
        assert verify(image, key, authorities, after=after, require_timestamp=True)
        blind = verify(image, key, after=after, require_timestamp=True)
        assert blind.verdict.word is VerdictWord.UNTRUSTED
        assert "no-timestamp" in codes(blind)
    remove_stamp(image)
    missing = verify(image, key, authorities, require_timestamp=True)
    assert missing.verdict.word is VerdictWord.UNTRUSTED


def test_a_timestamp_from_after_a_keys_end_proves_nothing_about_it(
    image: Path, account: Account, forge: Forge, clock: Authority, authorities: Authorities
) -> None:
    """A thief of an old key can date a signature back, and have it stamped today."""
    old = forge.key(OLGA, at="2020-01-01", expires="1y")
    forge.account.ok("sign", image, "--no-manifest", "--key", forge.key("Thea <t@lab.example>"))
    forge.account.ok("sign", image, "--key", "t@lab.example")
    document = image.with_name("climate.sif.manifest.asc")
    text = document.read_text().partition("\n\n")[2].partition("\n-----BEGIN")[0]
    thea = text.partition('"fingerprint": "')[2][:40]
    document.write_bytes(forge.sign(text.replace(thea, old).encode(), old, at="2020-06-01"))
    document.with_name(f"{document.name}.tsr").write_bytes(clock.stamp(document.read_bytes()))
    key = forge.public(old, image.parent)
    report = verify(image, key, authorities, after=0)
    assert report, report.verdict
    assert report.evidence.manifests[0].existed_before
    assert "time-claimed" in codes(report)
    strict = verify(image, key, authorities, after=0, require_timestamp=True)
    assert strict.verdict.word is VerdictWord.UNTRUSTED


@pytest.mark.parametrize(
    ("reason", "word", "code"),
    [
        pytest.param(2, VerdictWord.VERIFIED, "time-proven", id="superseded since"),
        pytest.param(3, VerdictWord.VERIFIED, "time-proven", id="retired since"),
        pytest.param(1, VerdictWord.FAILED, "key-revoked", id="compromised"),
        pytest.param(0, VerdictWord.FAILED, "key-revoked", id="no reason given"),
    ],
)
def test_a_timestamp_does_not_undo_a_compromise(
    image: Path,
    forge: Forge,
    tsa: Tsa,
    authorities: Authorities,
    reason: int,
    word: VerdictWord,
    code: str,
) -> None:
    user = forge.key(OLGA)
    sign(forge, image, user, tsa)
    time.sleep(3)  # the timestamp is good to a second, a revocation bears whole seconds
    forge.revoke(user, reason, at="")
    report = verify(image, forge.public(user, image.parent), authorities, after=60)
    assert report.verdict.word is word
    assert code in codes(report)


def test_a_date_after_the_timestamp_is_a_contradiction_that_is_noted(
    image: Path, account: Account, tsa: Tsa, authorities: Authorities
) -> None:
    key = pem_key(account)
    fast_clock = SignRequest(timestamp_url=tsa.url, now=lambda: in_days(3))
    assert sign_image(image, prepare_file(key, None), fast_clock).timestamp
    public = account.home / "public.pem"
    public.write_bytes(LEAF.key.public_key().public_bytes(Encoding.PEM, SPKI))
    report = verify(image, public, authorities, after=5)
    assert report
    (note,) = [one for one in report.verdict.notes if one.code == "time-contradicted"]
    assert note.message.startswith("manifest climate.sif.sigstore.json says that it was made on")


def test_a_timestamp_from_the_future_proves_nothing(
    image: Path, forge: Forge, olga: str, tsa: Tsa, authorities: Authorities
) -> None:
    sign(forge, image, olga, tsa)
    report = verify(image, forge.public(olga, image.parent), authorities, after=-1)
    assert report.evidence.manifests[0].existed_before is None
    assert "which is in the future" in report.evidence.manifests[0].timestamp_problem


class Certified:
    """An image signed with the leaf's PEM key, verified by its certificate."""

    def __init__(self, account: Account, image: Path, clock: Authority) -> None:
        self.account, self.image = account, image
        self.authorities = read_authorities([clock.root])
        self.key = pem_key(account)

    def sign(self, tsa: Tsa | None) -> None:
        timestamp = ("--timestamp", tsa.url) if tsa else ()
        self.account.ok("sign", self.image, "--key", self.key, *timestamp)

    def verify(
        self, leaf: x509.Certificate, middle: x509.Certificate, *, after: int
    ) -> ImageReport:
        now = in_days(after)
        root = ROOT.certify(ROOT, authority=True, ends=timedelta(days=5000))
        first, between, last = (one.public_bytes(Encoding.PEM) for one in (leaf, middle, root))
        chain = read_chain(first, between, last, now)
        trusted: dict[SignerId, str] = {}
        if not chain.unproven:
            trusted[chain.key.fingerprint] = "its certificate"
        request = VerifyRequest(
            TrustPolicy(trusted),
            chains=(chain,),
            authorities=self.authorities,
            engine=Engine.NATIVE,
            where=ALONE,
            now=lambda: now,
        )
        return verify_image(self.image, request)


@pytest.fixture
def certified(account: Account, image: Path, clock: Authority) -> Certified:
    return Certified(account, image, clock)


FOR_LONG = timedelta(days=5000)
LEAF_BY_MIDDLE = MIDDLE.certify(LEAF, purpose=CODE)
"""Ends in 30 days."""
LASTING_LEAF = MIDDLE.certify(LEAF, purpose=CODE, ends=FOR_LONG)
SHORT_MIDDLE = ROOT.certify(MIDDLE, authority=True)
LASTING_MIDDLE = ROOT.certify(MIDDLE, authority=True, ends=FOR_LONG)


def test_an_expired_certificate_counts_where_a_timestamp_shows_that_it_was_valid(
    certified: Certified, tsa: Tsa
) -> None:
    certified.sign(None)
    undated = certified.verify(LEAF_BY_MIDDLE, LASTING_MIDDLE, after=LATER)
    assert undated.verdict.word is VerdictWord.FAILED
    assert undated.evidence.signatures[0].finding is Finding.KEY_EXPIRED
    certified.sign(tsa)
    for middle in (LASTING_MIDDLE, SHORT_MIDDLE):  # expired too, long since
        dated = certified.verify(LEAF_BY_MIDDLE, middle, after=LATER)
        assert dated
        assert {"key-since", "time-proven"} <= codes(dated)


def test_an_authority_between_that_expired_counts_where_a_timestamp_shows_that_it_was_valid(
    certified: Certified, tsa: Tsa
) -> None:
    certified.sign(None)
    undated = certified.verify(LASTING_LEAF, SHORT_MIDDLE, after=LATER)
    assert undated.verdict.word is VerdictWord.UNTRUSTED
    certified.sign(tsa)
    assert certified.verify(LASTING_LEAF, SHORT_MIDDLE, after=LATER)
    certified.account.ok("sign", certified.image, "--key", certified.key, "--again")
    again = certified.verify(LASTING_LEAF, SHORT_MIDDLE, after=LATER)
    assert (
        again.verdict.word is VerdictWord.UNTRUSTED
    )  # the new signature is from nobody knows when


def test_a_timestamp_from_after_a_certificates_end_does_not_help(
    certified: Certified, tsa: Tsa
) -> None:
    certified.sign(tsa)
    leaf = MIDDLE.certify(LEAF, purpose=CODE, ends=timedelta(days=-1))
    report = certified.verify(leaf, LASTING_MIDDLE, after=LATER)
    assert report.verdict.word is VerdictWord.FAILED
    assert report.evidence.signatures[0].finding is Finding.KEY_EXPIRED


def test_a_timestamp_makes_no_stranger_of_a_chain_trusted(certified: Certified, tsa: Tsa) -> None:
    certified.sign(tsa)
    expired = OTHER.certify(LEAF, purpose=CODE)
    assert certified.verify(expired, LASTING_MIDDLE, after=LATER).verdict.word is VerdictWord.FAILED
    lasting = OTHER.certify(LEAF, purpose=CODE, ends=FOR_LONG)
    report = certified.verify(lasting, LASTING_MIDDLE, after=LATER)
    assert report.verdict.word is VerdictWord.UNTRUSTED
