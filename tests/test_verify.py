"""Verifying: every exit status and verdict, what is demanded, and the forms of the answer."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need

STRANGE = "0123456789ABCDEF0123456789ABCDEF01234567"
MANIFEST = "climate.sif.manifest.asc"


def answer(result: Result, status: int, verdict: str, *codes: str) -> None:
    assert (result.status, result.image["verdict"], result.err) == (status, verdict, "")
    assert set(codes) <= result.codes


@pytest.fixture
def signed(grace: Signer, image: Path) -> Path:
    grace.sign(image)
    return image


def without(account: Account, *programs: str) -> Account:
    """The same account on a machine where none of these programs is installed."""
    folders = os.environ["PATH"].split(os.pathsep)
    kept = [one for one in folders if not any(Path(one, name).exists() for name in programs)]
    return account.with_variables(PATH=os.pathsep.join(kept or ["/nonexistent"]))


# One verdict, one status


def test_verified_is_0(grace: Signer, signed: Path, account: Account) -> None:
    answer(account.verify(signed, "--signer", grace.fingerprint), 0, "verified")


def test_a_changed_byte_is_1(grace: Signer, signed: Path, account: Account) -> None:
    data = bytearray(signed.read_bytes())
    data[-1] ^= 1
    signed.write_bytes(data)
    answer(account.verify(signed, "--signer", grace.fingerprint), 1, "failed")
    answer(account.verify(signed), 1, "failed")


def test_what_is_no_image_is_1(signed: Path, account: Account) -> None:
    whole = signed.read_bytes()
    for content, code in ((b"", "not-sif"), (b"text" * 99, "not-sif"), (whole[:99], "malformed")):
        signed.write_bytes(content)
        answer(account.verify(signed), 1, "failed", code)
    signed.write_bytes(whole[:-1])
    answer(account.verify(signed), 1, "failed", "out-of-file")


def test_an_unreadable_file_is_3(image: Path, account: Account) -> None:
    os.mkfifo(pipe := image.with_name("pipe.sif"))
    for path in (image.with_name("missing.sif"), pipe, Path("/dev/null"), image / "below"):
        answer(account.verify(path), 3, "unknown", "unreadable")


def test_an_unsigned_image_is_4(grace: Signer, image: Path, account: Account) -> None:
    answer(account.verify(image, "--signer", grace.fingerprint), 4, "unsigned", "unsigned")
    out = account.run("verify", image).out
    assert "an unsigned image is not broken" in out


def test_a_partly_signed_image_is_4(ada: Signer, image: Path, account: Account) -> None:
    ada.account.program("apptainer", "sign", "-k", "0", "-i", "1", image)
    trust = ("--key", ada.public_key)
    answer(account.verify(image, *trust), 4, "unsigned", "partly-signed")


def test_an_old_signature_of_the_data_alone_is_4(
    grace: Signer, image: Path, account: Account, need: Need
) -> None:
    need("siftool")
    definition = account.program("siftool", "dump", "1", image).out.encode()
    text = f"SIFHASH:\n{hashlib.sha384(definition).hexdigest()}\n"
    block = image.parent.parent / "legacy"
    block.write_text(grace.account.program("gpg", "--clearsign", stdin=text.encode()).out)
    account.program(
        *("siftool", "add", image, block, "--datatype", "5", "--signhash", "2"),
        *("--signentity", grace.fingerprint, "--link", "1"),
    )
    answer(account.verify(image, "--key", grace.public_key), 4, "unsigned", "legacy-only")


def test_by_nobody_trusted_is_5(grace: Signer, signed: Path, account: Account) -> None:
    for trust in ((), ("--signer", STRANGE)):
        answer(account.verify(signed, *trust), 5, "untrusted", "signer-not-trusted")
    text = account.run("verify", signed).out
    assert text.startswith("UNTRUSTED")
    assert "take the author's fingerprint from the paper" in text
    answer(grace.account.verify(signed), 0, "verified")


@pytest.mark.parametrize(
    "options",
    [
        *(("--signer", "56F8"), ("--signer", STRANGE[:16]), ("--signer", STRANGE + "00")),
        *(("--signer", "ada@uni.example"), ("--key", "missing.asc"), ("--require", "0")),
        *(("--expect", "sha256:123"), ("--expect", "md5:" + "0" * 32), ("--engine", "none")),
        *(("--expect", "identity:blake3:" + "0" * 64), ("--json", "--jsonl"), ("--color", "red")),
    ],
    ids=" ".join,
)
def test_a_value_that_can_not_be_is_2(
    signed: Path, account: Account, options: tuple[str, ...]
) -> None:
    result = account.run("verify", signed, *options)
    assert (result.status, result.out) == (2, "")
    assert result.err


def test_a_key_file_that_holds_no_public_key_is_2(signed: Path, account: Account) -> None:
    for content in ("", "no key", "-----BEGIN PUBLIC KEY-----\n"):
        (path := account.home / "key").write_text(content)
        assert account.run("verify", signed, "--key", path).status == 2


# Several images


def test_several_images_give_the_gravest_status(
    grace: Signer, signed: Path, base_image: Path, account: Account
) -> None:
    folder = signed.parent
    trust = ("--signer", grace.fingerprint)
    assert account.verify(folder, *trust).status == 0
    shutil.copy(base_image, folder / "another.sif")
    both = account.verify(folder, *trust)
    assert both.status == 4
    assert [one["verdict"] for one in both.json["images"]] == ["unsigned", "verified"]
    assert account.verify(signed, folder / "missing.sif", folder / "another.sif").status == 3
    (below := folder / "below").mkdir()
    (below / "broken.SIF").write_text("broken")
    third = account.run("verify", *trust, cwd=folder)
    assert third.status == 1
    assert third.out.splitlines()[-1] == "3 images: 1 verified, 1 failed, 1 unsigned"
    lines = account.run("verify", "--jsonl", folder, *trust).out.splitlines()
    assert len([json.loads(line)["path"] for line in lines]) == 3


def test_a_folder_without_images_is_3(tmp_path: Path, account: Account) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    answer(account.verify(tmp_path), 3, "unknown", "unreadable")
    assert account.run("verify", cwd=tmp_path).status == 3


def test_an_image_is_found_by_its_content_and_by_its_manifest(
    grace: Signer, signed: Path, account: Account
) -> None:
    trust = ("--signer", grace.fingerprint)
    manifest = signed.with_name(MANIFEST)
    answer(account.verify(manifest, *trust), 0, "verified")
    renamed = signed.rename(signed.with_name("climate.simg"))
    answer(account.verify(signed.parent, "--key", grace.public_key), 0, "verified")
    answer(account.verify(manifest, *trust), 3, "unknown", "unreadable")
    manifest.rename(renamed.with_name("climate.simg.manifest.asc"))
    answer(account.verify(renamed, *trust), 0, "verified", "manifest-note")
    assert "signed under the name climate.sif" in account.run("verify", renamed, *trust).out


# Demands


def test_expect_compares_with_what_the_paper_prints(
    grace: Signer, signed: Path, account: Account
) -> None:
    shown = account.verify(signed).image
    assert shown["digest"]["sha256"] == hashlib.sha256(signed.read_bytes()).hexdigest()
    trust = ("--signer", grace.fingerprint)
    for right in (
        f"sha256:{shown['digest']['sha256']}",
        f"SHA256:{shown['digest']['sha256'].upper()}",
        f"blake3:{shown['digest']['blake3']}",
        f"identity:{shown['identity']}",
        f"identity:{shown['identity'].removeprefix('sha256:')}",
    ):
        answer(account.verify(signed, *trust, "--expect", right), 0, "verified")
    for other in (f"sha256:{'0' * 64}", f"identity:sha256:{shown['digest']['sha256']}"):
        result = account.verify(signed, *trust, "--expect", other)
        answer(result, 1, "failed", "not-expected")


def test_require_counts_different_people(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    grace.sign(image)
    both = ("--signer", grace.fingerprint, "--signer", ada.fingerprint, "--require", "2")
    answer(account.verify(image, *both), 5, "untrusted", "too-few-signers")
    grace.sign(image, "--again")
    answer(account.verify(image, *both), 5, "untrusted", "too-few-signers")
    ada.sign(image, "--manifest-only")
    answer(account.verify(image, *both), 0, "verified", "signed-by-trusted")
    answer(account.verify(image, *both[:2], *both[-2:]), 5, "untrusted", "too-few-signers")


def test_a_demanded_manifest_can_not_be_deleted(
    grace: Signer, signed: Path, account: Account
) -> None:
    demand = (signed, "--key", grace.public_key, "--require-manifest")
    answer(account.verify(*demand), 0, "verified")
    signed.with_name(MANIFEST).unlink()
    answer(account.verify(*demand), 1, "failed", "no-manifest")
    assert "get the manifest too" in account.run("verify", *demand).out


def test_exact_refuses_signatures_added_since(
    ada: Signer, grace: Signer, signed: Path, account: Account
) -> None:
    trust = (signed, "--key", grace.public_key)
    answer(account.verify(*trust, "--exact"), 0, "verified")
    ada.sign(signed, "--no-manifest")
    added = account.verify(*trust)
    answer(added, 0, "verified", "manifest-note")
    assert "covered by it no more" in added.out
    answer(account.verify(*trust, "--exact"), 1, "failed", "manifest-not-exact")


def test_a_named_signer_takes_the_place_of_the_trust_store(
    ada: Signer, grace: Signer, signed: Path, account: Account
) -> None:
    account.ok("trust", "add", grace.public_key, "--yes")
    answer(account.verify(signed), 0, "verified")
    for trust in (("--signer", ada.fingerprint), ("--key", ada.public_key)):
        answer(account.verify(signed, *trust), 5, "untrusted", "signer-not-trusted")


@pytest.mark.parametrize("engine", ["native", "auto", "both", "apptainer"])
def test_engines_with_and_without_apptainer(
    grace: Signer, signed: Path, account: Account, engine: str, need: Need
) -> None:
    need("apptainer")
    ask = (signed, "--signer", grace.fingerprint, "--engine", engine)
    asked = account.verify(*ask)
    answer(asked, 0, "verified")
    second = None if engine == "native" else "verified"
    assert asked.image["engines"] == {"native": "verified", "apptainer": second}
    alone = without(account, "apptainer").verify(*ask)
    if engine in ("native", "auto"):
        answer(alone, 0, "verified")
    else:
        answer(alone, 3, "unknown", "no-second-opinion")
    answered = "unknown" if engine in ("both", "apptainer") else None
    assert alone.image["engines"] == {"native": "verified", "apptainer": answered}


def test_settings_of_apptainer_and_gnupg_change_nothing(
    grace: Signer, signed: Path, account: Account
) -> None:
    wild = account.with_variables(
        APPTAINER_VERIFY_KEY="/nonexistent",
        SINGULARITY_LOCAL_VERIFY="false",
        APPTAINER_KEYSDIR="/nonexistent",
        GNUPGHOME="/nonexistent",
        RUST_BACKTRACE="1",
    )
    answer(wild.verify(signed, "--signer", grace.fingerprint), 0, "verified")


# Forms of the answer


def test_the_json_document_has_the_members_of_the_design(
    grace: Signer, signed: Path, account: Account
) -> None:
    result = account.verify(signed, "--signer", grace.fingerprint)
    document = result.json
    assert set(document) == {"schema", "images"}
    assert document["schema"] == 1
    members = {"path", "verdict", "reasons", "signatures", "digest", "manifest", "engines"}
    assert members <= set(result.image)
    assert result.image["path"] == str(signed)
    assert set(result.image["digest"]) == {"sha256", "blake3"}
    assert set(result.image["engines"]) == {"native", "apptainer"}
    assert set(result.image["reasons"][0]) == {"code", "message"}
    (signature,) = result.image["signatures"]
    assert signature.pop("signed_at").endswith("Z")
    assert {"object", "kind", "covers", "finding", "user_id"} <= set(signature)
    assert (signature["object"], signature["kind"]) == (4, "openpgp")
    assert (signature["fingerprint"], signature["user_id"]) == (grace.fingerprint, grace.user_id)
    assert (signature["covers"], signature["finding"]) == ([1, 2, 3], "good")
    assert (signature["trusted"], signature["trusted_by"]) == (True, "--signer")
    one_line = account.run("verify", "--jsonl", signed, "--signer", grace.fingerprint).out
    assert one_line.count("\n") == 1
    assert json.loads(one_line) == result.image


def test_the_text_says_verdict_then_who_then_what_is_covered(
    grace: Signer, signed: Path, account: Account
) -> None:
    out = account.run("verify", signed, "--key", grace.public_key).out
    grouped = " ".join(grace.fingerprint[at : at + 4] for at in range(0, 40, 4))
    order = [
        *(f"VERIFIED  {signed}", grace.user_id, grouped, f"trusted: --key {grace.public_key}"),
        *("3 of 3 objects", "the whole file, every byte", "blake3", "sha256", "identity"),
    ]
    places = [out.find(part) for part in order]
    assert -1 not in places
    assert places == sorted(places)


def test_quiet_is_one_line(grace: Signer, signed: Path, account: Account) -> None:
    result = account.run("verify", "-q", signed, "--signer", grace.fingerprint)
    assert (result.status, result.out, result.err) == (0, f"verified  {signed}\n", "")
    result = account.run("verify", "-q", signed)
    assert result.out.startswith(f"untrusted  {signed}: ")
    assert result.out.count("\n") == 1


def test_colours_only_where_they_are_asked_for(
    grace: Signer, signed: Path, account: Account
) -> None:
    plain = account.run("verify", signed).out
    assert "\x1b" not in plain
    assert account.run("verify", signed, "--color", "never").out == plain
    coloured = account.run("verify", signed, "--color", "always").out
    assert coloured.startswith("\x1b[")
    assert "\x1b" not in account.verify(signed, "--color", "always").out


@pytest.mark.parametrize("setting", [{}, {"NO_COLOR": "1"}, {"NO_COLOR": ""}], ids=str)
def test_no_color_is_heeded_on_a_terminal(
    signed: Path, account: Account, need: Need, setting: dict[str, str]
) -> None:
    need("script")
    command = " ".join(account.argv("verify", "-q", signed))
    seen = account.with_variables(TERM="xterm", **setting).program(
        *("script", "-qec", command, "/dev/null"), check=False
    )
    assert seen.status == 5
    assert ("\x1b[" in seen.out) is (setting.get("NO_COLOR", "") == "")
