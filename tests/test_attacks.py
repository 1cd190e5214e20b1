"""What attackers write into images, manifests and keys, and what must not come of it."""

import shutil
from pathlib import Path

import pysequoia
import pytest

from tests.account import Account, Signer
from tests.forge import LINKED, Forge, attach, judged


def all_output(account: Account, image: Path, *trust: str | Path) -> str:
    """Everything that verify and inspect say of an image, in every form."""
    said = ""
    for form in ((), ("--quiet",), ("--verbose",), ("--json",), ("--jsonl",)):
        result = account.run("verify", *form, image, *trust)
        said += result.out + result.err
    for form in ((), ("--json",)):
        result = account.run("inspect", *form, image)
        said += result.out + result.err
    return said


MARKER = "EVILMARK"


@pytest.mark.parametrize("place", ["", ".0123456789abcdef"], ids=["first place", "later place"])
def test_a_strangers_manifest_shows_nothing_of_its_content(
    grace: Signer, image: Path, account: Account, forge: Forge, place: str
) -> None:
    fingerprint = forge.key(f"{MARKER} <{MARKER}@evil.example>")
    data = image.with_name(f"{MARKER}.csv")
    data.write_text("1")
    forge.account.ok("sign", "--manifest-only", "--with", data, image)
    strange = image.with_name("climate.sif.manifest.asc")
    statement = strange.read_bytes()
    assert MARKER.encode() in statement
    strange.unlink()
    data.unlink()
    grace.sign(image, "--no-manifest")
    strange.with_name(f"climate.sif{place}.manifest.asc").write_bytes(statement)
    for trust in ((), ("--key", grace.public_key)):
        assert MARKER not in all_output(account, image, *trust)
    result = account.verify(image, "--key", grace.public_key)
    judged(result, "verified", "manifest-not-used")
    (shown,) = result.image["manifests"]
    assert (shown["trusted"], shown["statement"], shown["match"]) == (False, None, None)
    assert fingerprint in shown["fingerprint"]
    judged(account.verify(image, "--key", grace.public_key, "--require-manifest"), "failed")


def test_a_strangers_odd_manifest_shows_nothing_either(
    grace: Signer, image: Path, account: Account, forge: Forge
) -> None:
    grace.sign(image)
    user = forge.key(f"{MARKER} <{MARKER}@evil.example>")
    other = image.with_name("climate.sif.0123456789abcdef.manifest.asc")
    for payload in (f'{{"{MARKER}": 1}}', MARKER, f'{{"_type": "{MARKER}", "_type": 1}}'):
        other.write_bytes(forge.sign(payload.encode(), user))
        assert MARKER not in all_output(account, image, "--key", grace.public_key)
        judged(account.verify(image, "--key", grace.public_key), "verified", "manifest-not-used")


def test_a_manifest_of_another_image_fails(
    author: Signer, image: Path, base_image: Path, account: Account
) -> None:
    other = Path(shutil.copy(base_image, image.with_name("other.sif")))
    with other.open("r+b") as file:
        file.seek(600_000)
        file.write(b"other")
    author.sign(other)
    author.sign(image)
    manifest = other.with_name("other.sif.manifest.asc")
    manifest.replace(image.with_name("climate.sif.manifest.asc"))
    judged(account.verify(image, "--signer", author.fingerprint), "failed", "manifest-differs")


@pytest.mark.parametrize("link", [0, LINKED, 1], ids=["unlinked", "to the group", "to an object"])
@pytest.mark.parametrize("junk", [b"", b"junk", b"{}", b"-----BEGIN PGP SIGNED MESSAGE-----\n"])
def test_junk_that_says_it_is_a_signature_is_not_passed_over(
    grace: Signer, image: Path, account: Account, link: int, junk: bytes
) -> None:
    grace.sign(image, "--no-manifest")
    number = attach(image, junk or b" ", grace.fingerprint, link)
    result = account.verify(image, "--key", grace.public_key)
    assert f"signature {number}" in str(result.image["reasons"] + result.image["notes"])
    if junk != b"{}":
        judged(result, "failed", "malformed")


def test_a_good_signature_that_is_linked_to_nothing_is_noted(
    grace: Signer, image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key("Una Unlinked <una@uni.example>")
    attach(image, forge.sign(text, user), user, link=0)
    certificate = forge.public(user, image.parent)
    judged(account.verify(image, "--key", certificate), "unsigned")
    grace.sign(image, "--no-manifest")
    judged(account.verify(image, "--key", grace.public_key), "verified", "unlinked")
    both = ("--key", grace.public_key, "--key", certificate)
    judged(account.verify(image, *both), "verified", "unlinked")
    judged(account.verify(image, *both, "--require", "2"), "untrusted", "too-few-signers")


def test_appended_bytes_are_named_and_fail_a_manifest(
    author: Signer, image: Path, account: Account
) -> None:
    author.sign(image)
    with image.open("ab") as file:
        file.write(b"appended")
    judged(account.verify(image, "--key", author.public_key), "failed", "manifest-differs")
    image.with_name("climate.sif.manifest.asc").unlink()
    result = account.verify(image, "--key", author.public_key)
    judged(result, "verified", "warning")
    assert "8 bytes after its last object" in result.out


def test_text_around_a_signed_block_fails(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key("Fred Framed <fred@uni.example>")
    block, certificate = forge.sign(text, user), forge.public(user, image.parent)
    head, rest = block.split(b"\n", 1)
    untouched = image.read_bytes()
    for framed in (
        *(b"Read this first\n" + block, block + b"And this\n", block + block),
        *(b"\n" + block, head + b"\nComment: x\n" + rest, head + b"\nNotDashEscaped: 1\n" + rest),
        block.replace(b"\n\n{", b"\n\n- {\n", 1),
    ):
        image.write_bytes(untouched)
        attach(image, framed, user)
        assert account.verify(image, "--key", certificate).status == 1
    image.write_bytes(untouched)
    manifest = image.with_name("climate.sif.manifest.asc")
    forge.account.ok("sign", image)
    good = manifest.read_bytes()
    for framed in (b"Read this first\n" + good, good + b"And this\n", good + good):
        manifest.write_bytes(framed)
        judged(account.verify(image, "--key", certificate), "failed", "manifest-malformed")


def test_two_signature_packets_in_one_block_fail(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    first, second = (forge.key(f"{name} <{name}@uni.example>") for name in ("Fred", "Eve"))
    certificate = forge.public(first, image.parent)
    attach(image, forge.sign(text, first, second), first)
    judged(account.verify(image, "--key", certificate), "failed", "malformed")


def test_a_stranger_beside_the_author_is_named_and_harmless(
    author: Signer, mallory: Signer, image: Path, account: Account
) -> None:
    author.sign(image)
    mallory.sign(image, "--no-manifest")
    trust = ("--signer", author.fingerprint)
    judged(account.verify(image, *trust), "verified", "unknown-key")
    assert mallory.fingerprint in account.verify(image, *trust).out
    (keys := image.parent / "keys").mkdir()
    shutil.copy(mallory.public_key, keys)
    judged(account.verify(image, *trust), "verified", "stranger-signature")
    text = account.run("verify", image, *trust).out
    assert f"somebody who calls themselves {mallory.user_id}" in text
    assert "not trusted here" in text


def test_a_stranger_alone_is_untrusted(
    author: Signer, mallory: Signer, image: Path, account: Account
) -> None:
    mallory.sign(image)
    for trust in ((), ("--signer", author.fingerprint), ("--key", author.public_key)):
        result = account.verify(image, *trust)
        judged(result, "untrusted", "signer-not-trusted")
        assert result.status == 5
    image.with_name("climate.sif.manifest.asc").unlink()
    judged(account.verify(image, "--key", author.public_key), "untrusted", "unknown-key")


@pytest.mark.parametrize("known", [True, False], ids=["known key", "unknown key"])
def test_a_signature_from_another_image_fails(
    image: Path, account: Account, forge: Forge, text: bytes, known: bool
) -> None:
    user = forge.key("Tim Transplanted <tim@uni.example>")
    block = forge.sign(text, user)
    data = bytearray(image.read_bytes())
    data[600_000] ^= 1
    image.write_bytes(data)
    attach(image, block, user)
    trust = ("--key", forge.public(user, image.parent)) if known else ("--signer", user)
    code = "data-changed" if known else "claim-disagrees"
    judged(account.verify(image, *trust), "failed", code)


def test_a_signature_that_claims_another_name_in_its_descriptor_counts_for_nobody(
    author: Signer, image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key("Ida Impostor <ida@evil.example>")
    attach(image, forge.sign(text, user), author.fingerprint)
    forge.public(user, image.parent / "..")
    both = ("--key", author.public_key, "--key", forge.public(user, image.parent))
    assert account.verify(image, "--signer", author.fingerprint).status == 5
    judged(account.verify(image, *both), "failed", "wrong-fingerprint")


HOSTILE = "Ada\x1b[2J\x1b]0;pwned\x07\u202eadA\nVERIFIED  climate.sif\u2028<ada@uni.example>"


def test_hostile_names_are_shown_escaped(image: Path, account: Account, text: bytes) -> None:
    secret = pysequoia.Tsk.generate(HOSTILE)
    certificate = image.with_name("hostile.asc")
    certificate.write_text(str(secret.extract_certificate()))
    block = pysequoia.sign(secret.signer(), text, mode=pysequoia.SignatureMode.CLEAR)
    fingerprint = secret.extract_certificate().fingerprint
    attach(image, block, fingerprint)
    image = image.rename(image.with_name("cli\x1b[31mmate\u202e.sif"))
    judged(account.verify(image, "--key", certificate), "verified")
    said = all_output(account, image, "--key", certificate)
    account.ok("trust", "add", certificate, "--yes")
    account.ok("key", "import", certificate)
    said += all_output(account, image)
    for command in (
        ("trust", "add", certificate, "--yes"),
        *(("trust", "list"), ("trust", "list", "--json"), ("doctor",), ("doctor", "--json")),
        *(("key", "list"), ("key", "list", "--json"), ("key", "import", certificate)),
        *(("key", "show", fingerprint), ("key", "show", fingerprint, "--json")),
    ):
        result = account.run(*command)
        said += result.out + result.err
    for raw in ("\x1b", "\x07", "\u202e", "\u2028", "\nVERIFIED  climate.sif"):
        assert raw not in said
    assert "Ada\\x1b[2J" in said
