"""Where a trusted manifest exists BLAKE3 alone proves the file, and never proves more than that."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from repro_sign.digest import Digest
from repro_sign.examining.comparison import record_of
from repro_sign.fingerprint import Fingerprint, SignerId, parse_signer
from repro_sign.sif.reader import open_image
from repro_sign.statements.manifest import ImageRecord, Manifest, from_bytes, to_bytes
from repro_sign.statements.statement import SignerRecord
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now
from repro_sign.trust.evidence import Match
from repro_sign.trust.policy import Expectation, TrustPolicy
from repro_sign.verifying import Engine, ImageReport, VerifyRequest, verify_image
from tests.account import Account, Signer
from tests.forge import Forge, attach, signed_text

NOWHERE = Path("/nonexistent")
ALONE = Locations(apptainer_keys=NOWHERE, gnupg_home=NOWHERE, settings=NOWHERE)
OTHER = Digest("sha256", "0" * 64)


def look(image: Path, *signers: str, deep: bool = False, **demands: Any) -> ImageReport:
    """Verify natively, believing these signers; keys come from manifests and `keys/`."""
    trusted: dict[SignerId, str] = dict.fromkeys(map(parse_signer, signers), "--signer")
    policy = TrustPolicy(trusted, **demands)
    return verify_image(image, VerifyRequest(policy, engine=Engine.NATIVE, where=ALONE, deep=deep))


def both(image: Path, *signers: str, **demands: Any) -> ImageReport:
    """Verify as usual and with every digest computed: the two may not differ in their verdict."""
    usual, deep = (look(image, *signers, deep=one, **demands) for one in (False, True))
    assert deep.evidence.problem or set(deep.evidence.digests) == {"sha256", "blake3"}
    assert usual.verdict == deep.verdict
    assert usual.evidence.identity == deep.evidence.identity
    assert basis(deep) <= {"computed"}
    return usual


def basis(report: ImageReport) -> set[str]:
    """What the findings rest on; `blake3` or `sha256` for the file."""
    return {one.basis.value for one in report.evidence.signatures}


def computed(report: ImageReport) -> bool:
    """Whether SHA-256 was computed: the long way."""
    return "sha256" in report.evidence.digests


def flip(image: Path, place: int) -> None:
    data = bytearray(image.read_bytes())
    data[place] ^= 1
    image.write_bytes(data)


def test_an_unchanged_file_is_proven_by_blake3_and_the_rest_is_not_made_up(
    author: Signer, image: Path
) -> None:
    author.sign(image)
    report = both(image, author.fingerprint)
    assert report
    assert basis(report) == {"manifest"}
    assert {one: each.hex for one, each in report.evidence.digests.items()} == {
        "blake3": blake3(image.read_bytes()).hexdigest()
    }
    (manifest,) = report.evidence.manifests
    assert manifest.match is Match.EXACT


def test_json_says_null_and_text_says_blake3(grace: Signer, image: Path, account: Account) -> None:
    grace.sign(image)
    trust = (image, "--signer", grace.fingerprint)
    usual, deep = account.verify(*trust).image, account.verify(*trust, "--deep").image
    sha256 = hashlib.sha256(image.read_bytes()).hexdigest()
    assert (usual["digest"]["sha256"], deep["digest"]["sha256"]) == (None, sha256)
    assert usual["digest"]["blake3"] == deep["digest"]["blake3"]
    bases = [one["signatures"][0]["basis"] for one in (usual, deep)]
    assert bases == ["manifest", "computed"]
    text = account.run("verify", *trust).out
    assert f"blake3       {usual['digest']['blake3']}\n  sha256       not computed: --deep" in text
    for asked in (("--deep",), ("--expect", f"sha256:{sha256}")):
        assert f"sha256       {sha256}" in account.run("verify", *trust, *asked).out


@pytest.mark.parametrize(
    "place", [10, 60, 4096 + 40, 4096 + 585 * 3 + 17, 33_000, 600_000, -1], ids=str
)
def test_any_changed_byte_fails_and_says_what_the_long_way_says(
    grace: Signer, image: Path, place: int
) -> None:
    grace.sign(image)
    assert look(image, grace.fingerprint)
    flip(image, place)
    assert both(image, grace.fingerprint).verdict.word == "failed"


def test_an_unsigned_image_with_a_trusted_manifest_needs_no_more_either(
    grace: Signer, image: Path
) -> None:
    grace.sign(image, "--manifest-only")
    report = both(image, grace.fingerprint)
    assert report
    assert not computed(report)


def test_a_pem_key_signs_for_itself_as_well(image: Path, account: Account) -> None:
    cora = account.make_signer("Cora Curve", "cora@uni.example", "pem")
    cora.sign(image)
    report = both(image, cora.fingerprint)
    assert report
    assert basis(report) == {"manifest"}


# What asks for more than BLAKE3


@pytest.mark.parametrize("kind", ["sha256", "identity", "blake3"])
def test_a_digest_that_the_caller_expects_is_computed(
    grace: Signer, image: Path, kind: str
) -> None:
    grace.sign(image)
    found = look(image, grace.fingerprint, deep=True).evidence
    right = {
        "sha256": Expectation("file", found.digests["sha256"]),
        "blake3": Expectation("file", found.digests["blake3"]),
        "identity": Expectation("identity", found.identity or OTHER),
    }[kind]
    report = both(image, grace.fingerprint, expect=(right,))
    assert report
    assert computed(report) == (kind != "blake3")
    wrong = replace(right, digest=Digest(right.digest.algorithm, "0" * 64))
    assert both(image, grace.fingerprint, expect=(wrong,)).verdict.word == "failed"


def test_nobody_untrusted_is_relied_on(grace: Signer, mallory: Signer, image: Path) -> None:
    mallory.sign(image)
    for trusted in ((), (grace.fingerprint,)):
        report = both(image, *trusted)
        assert report.verdict.word == "untrusted"
        assert basis(report) == {"computed"}


def test_a_strangers_manifest_about_the_right_bytes_brings_nothing(
    grace: Signer, mallory: Signer, image: Path
) -> None:
    grace.sign(image)
    mallory.sign(image, "--manifest-only")
    report = both(image, grace.fingerprint)
    assert report
    assert basis(report) == {"computed"}
    image.with_name("climate.sif.manifest.asc").unlink()
    only_strange = both(image, grace.fingerprint)
    assert basis(only_strange) == {"computed"}


@pytest.mark.parametrize("known", [True, False], ids=["known key", "unknown key"])
def test_anybody_elses_signature_in_the_image_is_held_against_computed_digests(
    ada: Signer, grace: Signer, image: Path, known: bool
) -> None:
    ada.sign(image, "--no-manifest")
    grace.sign(image, "--manifest-only")
    if known:
        (keys := image.parent / "keys").mkdir()
        (keys / "ada.asc").write_bytes(ada.public_key.read_bytes())
    trusted = (ada.fingerprint, grace.fingerprint)
    report = both(image, *trusted)
    assert report
    assert basis(report) == {"computed"}
    two = both(image, *trusted, require=2)
    assert two.verdict.word == ("verified" if known else "untrusted")


def test_a_bad_signature_by_a_known_stranger_fails_under_a_trusted_manifest(
    grace: Signer, image: Path, forge: Forge, text: bytes
) -> None:
    user = forge.key("Bad Stranger <bad@evil.example>")
    (keys := image.parent / "keys").mkdir()
    forge.public(user, keys)
    block = forge.sign(text, user)
    attach(image, block.replace(b"sha256:", b"sha256;", 1), user)
    grace.account.ok("sign", "--manifest-only", image)
    report = both(image, grace.fingerprint)
    assert report.verdict.word == "failed"
    assert {one.code for one in report.verdict.reasons} == {"bad-signature"}


def test_two_who_countersigned_the_same_bytes_are_both_proven_at_once(
    ada: Signer, grace: Signer, image: Path
) -> None:
    ada.sign(image)
    grace.sign(image, "--manifest-only")
    report = both(image, ada.fingerprint, grace.fingerprint, require=2)
    assert report
    assert not computed(report)
    alone = both(image, ada.fingerprint)
    assert alone
    assert computed(alone)


def test_an_older_manifest_beside_a_newer_one_is_compared_the_long_way(
    ada: Signer, grace: Signer, image: Path
) -> None:
    ada.sign(image)
    grace.sign(image)
    report = both(image, ada.fingerprint, grace.fingerprint, require=2)
    assert report
    assert computed(report)
    matches = {one.match for one in report.evidence.manifests}
    assert matches == {Match.EXACT, Match.SIGNATURES_ADDED}


@pytest.mark.parametrize("days", [-1, 1], ids=["ended before", "ends later"])
def test_a_signer_whose_right_to_vouch_has_ended_is_not_relied_on(
    grace: Signer, image: Path, days: int
) -> None:
    grace.sign(image)
    end = utc_now() + timedelta(days=days)
    report = both(image, grace.fingerprint, until={parse_signer(grace.fingerprint): end})
    assert (bool(report), computed(report)) == (days > 0, days < 0)


def test_a_policy_that_asks_for_timestamps_relies_on_no_manifest_without(
    grace: Signer, image: Path
) -> None:
    grace.sign(image)
    report = both(image, grace.fingerprint, require_timestamp=True)
    assert report.verdict.word == "untrusted"
    assert computed(report)


# Manifests that lie, by somebody trusted

Lie = Callable[[ImageRecord], ImageRecord]


def about_data(record: ImageRecord) -> ImageRecord:
    first, *rest = record.objects
    return replace(record, objects=(replace(first, sha256=OTHER), *rest))


def about_a_name(record: ImageRecord) -> ImageRecord:
    first, *rest = record.objects
    return replace(record, objects=(replace(first, name="innocent"), *rest))


def without_an_object(record: ImageRecord) -> ImageRecord:
    return replace(record, objects=record.objects[1:])


def with_one_twice(record: ImageRecord) -> ImageRecord:
    return replace(record, objects=(*record.objects, record.objects[-1]))


def about_the_identity(record: ImageRecord) -> ImageRecord:
    return replace(record, identity=OTHER)


def lying(image: Path, forge: Forge, user: str, lie: Lie, sha256: Digest | None = None) -> None:
    """Put a manifest by this key beside an image that is right about the file and lies besides."""
    path = image.with_name("climate.sif.manifest.asc")
    honest = from_bytes(signed_text(path.read_bytes()))
    public = forge.public(user, image.parent.parent).read_text()
    who = SignerRecord(Fingerprint.parse(user), None, public)
    subject = honest.subjects[0]
    about = replace(subject, sha256=sha256 or subject.sha256)
    lied: Manifest = replace(honest, subjects=(about,), image=lie(honest.image), signer=who)
    path.write_bytes(forge.sign(to_bytes(lied), user))


@pytest.fixture
def liar(forge: Forge) -> str:
    return forge.key("Lia Liar <lia@uni.example>")


@pytest.mark.parametrize(
    "lie", [about_data, about_a_name, without_an_object, with_one_twice, about_the_identity]
)
def test_a_trusted_manifest_that_contradicts_itself_or_the_image_fails(
    grace: Signer, image: Path, forge: Forge, liar: str, lie: Lie
) -> None:
    grace.sign(image, "--manifest-only")
    lying(image, forge, liar, lie)
    report = both(image, liar)
    assert report.verdict.word == "failed"
    assert computed(report)
    assert "otherwise than it is" in report.verdict.reasons[0].message


def about_all_that_hangs_together(record: ImageRecord, image: Path) -> ImageRecord:
    """Lie about an object's data, and say the identity that goes with the lie."""
    digests = {(one.id, "sha256"): one.sha256 for one in record.objects}
    digests[record.objects[0].id, "sha256"] = OTHER
    with open_image(image) as opened:
        return record_of(opened, digests)


def test_a_lie_that_hangs_together_is_believed_of_its_signer_until_all_is_computed(
    grace: Signer, image: Path, forge: Forge, liar: str
) -> None:
    grace.sign(image, "--manifest-only")
    lying(image, forge, liar, lambda record: about_all_that_hangs_together(record, image))
    assert look(image, liar)  # the bytes are those that she signed
    deep = look(image, liar, deep=True)
    assert deep.verdict.word == "failed"
    assert {one.code for one in deep.verdict.reasons} == {"manifest-differs"}


def test_a_wrong_sha256_of_the_file_is_found_where_it_is_computed(
    grace: Signer, image: Path, forge: Forge, liar: str
) -> None:
    grace.sign(image, "--manifest-only")
    lying(image, forge, liar, lambda record: record, sha256=OTHER)
    assert look(image, liar)
    for deep in (
        look(image, liar, deep=True),
        look(image, liar, expect=(Expectation("file", OTHER),)),
    ):
        assert deep.verdict.word == "failed"
        assert "manifest-differs" in {one.code for one in deep.verdict.reasons}


def test_such_a_lie_helps_nobody_elses_signature(
    grace: Signer, image: Path, forge: Forge, liar: str, text: bytes
) -> None:
    """Her own signature in the image contradicts the manifest, and a stranger's is computed."""
    attach(image, forge.sign(text, liar), liar)
    grace.account.ok("sign", "--manifest-only", image)
    lying(image, forge, liar, lambda record: about_all_that_hangs_together(record, image))
    report = both(image, liar)
    assert report.verdict.word == "failed"
    assert basis(report) == {"computed"}


def test_a_manifest_of_another_image_of_the_same_size_fails(
    author: Signer, image: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.sif"
    other.write_bytes(image.read_bytes())
    flip(other, 600_000)
    author.sign(other)
    author.sign(image)
    theirs = other.with_name("other.sif.manifest.asc").read_bytes()
    image.with_name("climate.sif.manifest.asc").write_bytes(theirs)
    report = both(image, author.fingerprint)
    assert report.verdict.word == "failed"
    assert {one.code for one in report.verdict.reasons} == {"manifest-differs"}


def test_a_changed_manifest_is_relied_on_for_nothing(grace: Signer, image: Path) -> None:
    grace.sign(image)
    path = image.with_name("climate.sif.manifest.asc")
    flip(image, 600_000)
    right = blake3(image.read_bytes()).hexdigest().encode()
    honest = from_bytes(signed_text(path.read_bytes())).subjects[0].blake3.hex.encode()
    path.write_bytes(path.read_bytes().replace(honest, right))
    report = both(image, grace.fingerprint)
    assert report.verdict.word == "failed"
    assert "manifest-bad-signature" in {one.code for one in report.verdict.reasons}


def test_what_rests_on_a_manifest_is_always_good(
    grace: Signer, image: Path, forge: Forge, text: bytes
) -> None:
    """A signature of the signer's own that does not hold is found in the long way."""
    grace.sign(image)
    before = image.read_bytes()
    flip(image, 600_000)
    grace.account.ok("sign", "--manifest-only", "--again", image)
    report = both(image, grace.fingerprint)
    assert report.verdict.word == "failed"
    assert {one.code for one in report.verdict.reasons} == {"data-changed"}
    image.write_bytes(before)
    assert both(image, grace.fingerprint).verdict.word == "failed"
