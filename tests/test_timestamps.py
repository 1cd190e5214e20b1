"""Timestamps: `sign --timestamp` with a real authority, `verify --tsa-cert`, openssl's answer."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from repro_sign.timestamps.proof import MAX_TIMESTAMP_BYTES
from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.tsa.authority import Authority, Tsa, serve

pytest_plugins = ["tests.tsa.plugin"]

NATIVE = ("--engine", "native")


def stamp_of(image: Path) -> Path:
    return image.with_name("climate.sif.manifest.asc.tsr")


def verify(reader: Account, image: Path, *options: str | Path) -> Result:
    return reader.verify(image, *NATIVE, *options)


@pytest.fixture
def stamped(grace: Signer, image: Path, tsa: Tsa) -> Path:
    """Give an image that is signed, with a manifest and its timestamp."""
    grace.sign(image, "--timestamp", tsa.url)
    return image


def test_a_timestamp_is_kept_beside_the_manifest_and_shows_since_when_both_were_there(
    grace: Signer, image: Path, tsa: Tsa, account: Account
) -> None:
    signed = grace.account.ok("sign", image, "--timestamp", tsa.url)
    assert f"timestamp {stamp_of(image)}  (written)" in signed.out
    assert tsa.types == ["application/timestamp-query"]
    options = ("--signer", grace.fingerprint, "--tsa-cert", tsa.root)
    result = verify(account, image, *options)
    assert result.status == 0
    (signature,), manifest = result.image["signatures"], result.image["manifest"]
    assert signature["existed_before"] == manifest["existed_before"] >= manifest["signed_at"]
    assert signature["timestamp_by"] == manifest["timestamp_by"] == "Example Clock"
    shown = account.ok("verify", image, *NATIVE, *options).out
    assert shown.count("existed before 20") == 2
    assert shown.count("(timestamp by Example Clock)") == 2


def test_openssl_accepts_the_timestamp_that_we_keep(
    stamped: Path, account: Account, tsa: Tsa
) -> None:
    manifest = stamped.with_name("climate.sif.manifest.asc")
    command = ("openssl", "ts", "-verify", "-data", manifest, "-in", stamp_of(stamped))
    assert "OK" in account.program(*command, "-CAfile", tsa.root).out
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    assert account.program(*command, "-CAfile", tsa.root, check=False).status != 0


def test_we_accept_the_timestamp_that_openssl_makes(
    grace: Signer, image: Path, clock: Authority, account: Account
) -> None:
    grace.sign(image)
    manifest = image.with_name("climate.sif.manifest.asc")
    stamp_of(image).write_bytes(clock.stamp(manifest.read_bytes()))
    result = verify(account, image, "--tsa-cert", clock.root)
    assert result.image["manifest"]["existed_before"]


def test_a_pem_keys_bundle_is_stamped_too(account: Account, image: Path, tsa: Tsa) -> None:
    made = account.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json
    account.ok("sign", image, "--key", made["fingerprint"], "--timestamp", tsa.url)
    assert image.with_name("climate.sif.sigstore.json.tsr").exists()
    result = verify(account, image, "--key", made["public_key"], "--tsa-cert", tsa.root)
    assert result.status == 0
    assert result.image["signatures"][0]["existed_before"]
    assert result.image["manifest"]["existed_before"]


def test_signing_again_adds_only_the_timestamp_that_is_missing(
    grace: Signer, image: Path, tsa: Tsa
) -> None:
    grace.sign(image)
    before = {path.name: path.read_bytes() for path in image.parent.iterdir()}
    (told,) = grace.sign(image, "--timestamp", tsa.url).json["images"]
    assert (told["added"], told["manifest_written"], told["timestamp_written"]) == ([], False, True)
    made = stamp_of(image).read_bytes()
    (told,) = grace.sign(image, "--timestamp", tsa.url).json["images"]
    assert told["timestamp_written"] is False
    assert len(tsa.asked) == 1
    after = {path.name: path.read_bytes() for path in image.parent.iterdir()}
    assert after == {**before, stamp_of(image).name: made}


def test_a_new_manifest_gets_a_new_timestamp(
    grace: Signer, stamped: Path, tsa: Tsa, account: Account
) -> None:
    old = stamp_of(stamped).read_bytes()
    (stamped.parent / "data.csv").write_text("1\n")
    told = grace.account.ok("sign", stamped, "--with", stamped.parent / "data.csv")
    assert "is of the manifest that was here before" in told.err
    grace.sign(stamped, "--timestamp", tsa.url)
    assert stamp_of(stamped).read_bytes() != old
    assert verify(account, stamped, "--tsa-cert", tsa.root).image["manifest"]["existed_before"]


def test_a_file_that_is_no_timestamp_is_not_replaced(
    grace: Signer, stamped: Path, tsa: Tsa
) -> None:
    stamp_of(stamped).write_text("my notes\n")
    result = grace.account.run("sign", stamped, "--timestamp", tsa.url)
    assert result.status == 3
    assert "move it away" in result.err
    assert stamp_of(stamped).read_text() == "my notes\n"


def flipped(tsa: Tsa) -> Callable[[bytes], bytes]:
    def answer(query: bytes) -> bytes:
        assert query.endswith(b"\x01\x01\xff"), "certReq, which follows the nonce"
        return tsa.authority.answer(query[:-4] + bytes([query[-4] ^ 1]) + query[-3:])

    return answer


def about_other_bytes(tsa: Tsa) -> Callable[[bytes], bytes]:
    return lambda _: tsa.authority.stamp(b"something else")


def refusing(tsa: Tsa) -> Callable[[bytes], bytes]:
    return lambda query: tsa.authority.answer(query[:-1])


def too_large(tsa: Tsa) -> Callable[[bytes], bytes]:
    return lambda _: bytes(MAX_TIMESTAMP_BYTES + 1)


def cut_short(tsa: Tsa) -> Callable[[bytes], bytes]:
    return lambda query: tsa.authority.answer(query)[:-20]


def a_page(tsa: Tsa) -> Callable[[bytes], bytes]:
    return lambda _: b"<html>Welcome\x1b[31m</html>"


def silent(tsa: Tsa) -> Callable[[bytes], bytes]:
    def answer(_: bytes) -> bytes:
        time.sleep(30)
        return b""

    return answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(flipped, "another question (the nonce differs)", id="another nonce"),
        pytest.param(about_other_bytes, "about other bytes", id="other bytes"),
        pytest.param(refusing, "the authority refused", id="refused"),
        pytest.param(too_large, "sends more than any timestamp", id="too large"),
        pytest.param(cut_short, "can't be read as a timestamp", id="cut short"),
        pytest.param(a_page, "can't be read as a timestamp", id="a web page"),
        pytest.param(silent, "gave no answer in time", id="silent"),
    ],
)
def test_an_authority_that_fails_leaves_image_and_manifest_signed(
    grace: Signer,
    image: Path,
    tsa: Tsa,
    account: Account,
    answer: Callable[[Tsa], Callable[[bytes], bytes]],
    words: str,
) -> None:
    right, tsa.answer = tsa.answer, answer(tsa)
    failed = grace.account.run("sign", image, "--json", "--timestamp", tsa.url)
    assert failed.status == 3
    assert words in failed.err
    assert "run it again" in failed.err
    assert "\x1b" not in failed.err
    assert failed.json["images"][0]["timestamp"] is None
    assert not stamp_of(image).exists()
    assert verify(account, image, "--signer", grace.fingerprint, "--require-manifest").status == 0
    tsa.answer = right
    (told,) = grace.sign(image, "--timestamp", tsa.url).json["images"]
    assert (told["added"], told["manifest_written"], told["timestamp_written"]) == ([], False, True)


def test_an_authority_that_is_not_there_leaves_all_images_signed(
    grace: Signer, image: Path, tsa: Tsa, account: Account
) -> None:
    second = Path(shutil.copy(image, image.with_name("second.sif")))
    nobody = "http://127.0.0.1:9/tsr"
    failed = grace.account.run("sign", image, second, "--timestamp", nobody)
    assert failed.status == 3
    assert failed.err.count("nobody listens at http://127.0.0.1:9") == 2
    result = account.verify(image.parent, *NATIVE, "--signer", grace.fingerprint)
    assert [one["verdict"] for one in result.json["images"]] == ["verified", "verified"]


def test_a_server_that_errs_is_told_apart(grace: Signer, image: Path, tsa: Tsa) -> None:
    tsa.status = 503
    failed = grace.account.run("sign", image, "--timestamp", tsa.url)
    assert failed.status == 3
    assert "status 503 (Service Unavailable)" in failed.err


@pytest.mark.parametrize("url", ["http://tsa.example/tsr", "file:///etc/passwd", "tsa.example"])
def test_an_address_that_is_never_asked_is_a_usage_error_before_anything_is_signed(
    grace: Signer, image: Path, url: str
) -> None:
    before = image.read_bytes()
    assert grace.account.run("sign", image, "--timestamp", url).status == 2
    assert grace.account.run("sign", image, "--no-manifest", "--timestamp", url).status == 2
    assert image.read_bytes() == before
    assert os.listdir(image.parent) == [image.name]


def test_a_full_disk_loses_neither_image_nor_manifest(
    grace: Signer, image: Path, tsa: Tsa, account: Account, need: Need
) -> None:
    need("strace")
    grace.sign(image)
    target = stamp_of(image).parent
    inject = ("strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fsync")
    fault = ("-e", "inject=fsync:error=ENOSPC:when=1")
    command = (*inject, *fault, *grace.account.argv("sign", image, "--timestamp", tsa.url))
    result = grace.account.program(*command, check=False)
    assert result.status == 3
    assert "could not be written" in result.err
    assert sorted(os.listdir(target)) == ["climate.sif", "climate.sif.manifest.asc"]
    assert verify(account, image, "--signer", grace.fingerprint).status == 0


def test_without_a_word_on_authorities_a_timestamp_is_named_and_proves_nothing(
    grace: Signer, stamped: Path, account: Account
) -> None:
    result = verify(account, stamped, "--signer", grace.fingerprint)
    assert result.status == 0
    assert "timestamp-not-used" in result.codes
    assert "was not looked at" in result.out
    assert result.image["manifest"]["existed_before"] is None


def junk(stamp: Path, manifest: Path, other: Authority) -> None:
    stamp.write_bytes(b"\x30\x82junk\x1b[31m")


def changed_manifest(stamp: Path, manifest: Path, other: Authority) -> None:
    manifest.write_bytes(manifest.read_bytes().rstrip(b"\n"))


def anothers(stamp: Path, manifest: Path, other: Authority) -> None:
    stamp.write_bytes(other.stamp(manifest.read_bytes()))


def bad_signature(stamp: Path, manifest: Path, other: Authority) -> None:
    data = bytearray(stamp.read_bytes())
    data[-5] ^= 1
    stamp.write_bytes(data)


def huge(stamp: Path, manifest: Path, other: Authority) -> None:
    os.truncate(stamp, MAX_TIMESTAMP_BYTES + 1)


def empty(stamp: Path, manifest: Path, other: Authority) -> None:
    stamp.write_bytes(b"")


def pipe(stamp: Path, manifest: Path, other: Authority) -> None:
    stamp.unlink()
    os.mkfifo(stamp)


def folder(stamp: Path, manifest: Path, other: Authority) -> None:
    stamp.unlink()
    stamp.mkdir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (junk, "can't be read as a timestamp"),
        (changed_manifest, "about other bytes"),
        (anothers, "no chain leads from it"),
        (bad_signature, "its signature is not good"),
        (huge, "larger than any timestamp"),
        (empty, "can't be read as a timestamp"),
        (pipe, "not a regular file"),
        (folder, "not a regular file"),
    ],
)
def test_a_timestamp_that_proves_nothing_is_named_and_harmless(
    grace: Signer,
    stamped: Path,
    account: Account,
    clock: Authority,
    other_clock: Authority,
    damage: Callable[[Path, Path, Authority], None],
    words: str,
) -> None:
    damage(stamp_of(stamped), stamped.with_name("climate.sif.manifest.asc"), other_clock)
    options = ("--signer", grace.fingerprint, "--require-manifest", "--tsa-cert", clock.root)
    result = verify(account, stamped, *options)
    assert (result.status, result.err) == (0, "")
    assert words in result.out
    assert "timestamp-not-used" in result.codes
    assert "\x1b" not in result.out
    assert "error:" not in result.out  # OpenSSL's words
    assert result.image["manifest"]["existed_before"] is None
    assert result.image["signatures"][0]["existed_before"] is None


def test_several_authorities_may_be_believed(
    stamped: Path, account: Account, clock: Authority, other_clock: Authority
) -> None:
    both = ("--tsa-cert", other_clock.root, "--tsa-cert", clock.root)
    assert verify(account, stamped, *both).image["manifest"]["existed_before"]
    bundle = account.home / "both.pem"
    bundle.write_bytes(other_clock.root.read_bytes() + clock.root.read_bytes())
    assert verify(account, stamped, "--tsa-cert", bundle).image["manifest"]["existed_before"]


@pytest.mark.parametrize("name", ["tsa.crt", "tsa.key", "reply"])
def test_what_is_no_root_certificate_is_a_usage_error(
    stamped: Path, account: Account, clock: Authority, name: str
) -> None:
    result = verify(account, stamped, "--tsa-cert", clock.folder / name)
    assert result.status == 2
    assert "the root certificate of a time-stamping authority is needed" in result.err


def test_an_authority_that_sends_its_root_is_checked_at_once(
    grace: Signer, image: Path, tmp_path: Path, account: Account, need: Need
) -> None:
    need("openssl")
    authority = Authority(tmp_path / "rooted", "Rooted Clock", with_root=True)
    with serve(authority) as tsa:

        def spoilt(query: bytes) -> bytes:
            reply = bytearray(authority.answer(query))
            reply[-5] ^= 1
            return bytes(reply)

        tsa.answer = spoilt
        failed = grace.account.run("sign", image, "--timestamp", tsa.url)
        assert failed.status == 3
        assert "its signature is not good" in failed.err
        tsa.answer = authority.answer
        grace.sign(image, "--timestamp", tsa.url)
    result = verify(account, image, "--tsa-cert", authority.root)
    assert result.image["manifest"]["timestamp_by"] == "Rooted Clock"


def test_an_authority_that_signs_over_a_weak_hash_proves_nothing(
    grace: Signer, image: Path, tmp_path: Path, need: Need
) -> None:
    need("openssl")
    with serve(Authority(tmp_path / "weak", "Weak Clock", hash="sha1")) as tsa:
        failed = grace.account.run("sign", image, "--timestamp", tsa.url)
    assert failed.status == 3
    assert "signed with a hash that is not accepted" in failed.err


def test_the_name_of_an_authority_is_hostile_text(
    grace: Signer, image: Path, tmp_path: Path, account: Account, need: Need
) -> None:
    need("openssl")
    authority = Authority(tmp_path / "evil", "Clock\x1b[31m\x07")
    with serve(authority) as tsa:
        grace.sign(image, "--timestamp", tsa.url)
    options = ("--signer", grace.fingerprint, "--tsa-cert", authority.root)
    shown = account.ok("verify", image, *NATIVE, *options).out
    assert "timestamp by Clock" in shown
    assert not {"\x1b", "\x07"} & set(shown)


def test_a_second_signers_timestamp_dates_what_their_manifest_lists(
    grace: Signer, ada: Signer, image: Path, tsa: Tsa, account: Account
) -> None:
    ada.sign(image)
    grace.sign(image, "--timestamp", tsa.url)
    theirs = f"climate.sif.{grace.fingerprint[-16:]}.manifest.asc"
    assert image.with_name(f"{theirs}.tsr").exists()
    result = verify(account, image, "--signer", ada.fingerprint, "--tsa-cert", tsa.root)
    assert result.status == 0
    first, second = result.image["signatures"]
    assert first["existed_before"] == second["existed_before"]  # though Grace is not trusted here
    assert first["existed_before"]
    dated = {one["name"]: one["existed_before"] for one in result.image["manifests"]}
    assert dated["climate.sif.manifest.asc"] is None
    assert dated[theirs] == first["existed_before"]


def test_a_signature_that_was_added_later_is_not_dated_by_an_earlier_timestamp(
    grace: Signer, ada: Signer, stamped: Path, account: Account, clock: Authority
) -> None:
    ada.sign(stamped)
    options = ("--signer", ada.fingerprint, "--tsa-cert", clock.root)
    first, second = verify(account, stamped, *options).image["signatures"]
    assert first["existed_before"]
    assert second["existed_before"] is None


def test_the_earliest_of_several_timestamps_counts(
    grace: Signer, ada: Signer, stamped: Path, clock: Authority, account: Account
) -> None:
    options = ("--signer", grace.fingerprint, "--tsa-cert", clock.root)
    before = verify(account, stamped, *options).image["signatures"][0]["existed_before"]
    while True:  # until the clock has moved on
        ada.sign(stamped, "--manifest-only", "--again")
        manifest = stamped.with_name(f"climate.sif.{ada.fingerprint[-16:]}.manifest.asc")
        manifest.with_name(f"{manifest.name}.tsr").write_bytes(clock.stamp(manifest.read_bytes()))
        result = verify(account, stamped, *options)
        dates = {one["existed_before"] for one in result.image["manifests"]}
        if len(dates) == 2:
            break
    assert min(dates) == before
    assert result.image["signatures"][0]["existed_before"] == before


def test_a_manifest_of_another_image_dates_nothing_in_this_one(
    grace: Signer, stamped: Path, clock: Authority, account: Account, base_image: Path
) -> None:
    shutil.copy(base_image, stamped)
    with stamped.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    grace.sign(stamped, "--no-manifest")
    result = verify(account, stamped, "--tsa-cert", clock.root)
    assert result.image["signatures"][0]["existed_before"] is None


def test_a_policy_names_authorities_and_requires_their_timestamps(
    grace: Signer, image: Path, tsa: Tsa, account: Account
) -> None:
    policy = account.home / "policy.toml"
    shutil.copy(tsa.root, account.home / "root.pem")
    policy.write_text(
        f"""
timestamp_authorities = ["root.pem"]
[[signer]]
name = "Grace"
fingerprint = ["{grace.fingerprint}"]
[[rule]]
require = "Grace"
require_timestamp = true
"""
    )
    grace.sign(image)
    result = verify(account, image, "--policy", policy)
    assert (result.status, result.err) == (5, "")
    assert "no-timestamp" in result.codes
    grace.sign(image, "--timestamp", tsa.url)
    assert verify(account, image, "--policy", policy).status == 0
