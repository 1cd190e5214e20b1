"""What attackers write into images, manifests and keys, and what must not come of it."""

import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pysequoia
import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need

LINKED = 0xF0000001
"""The link of a signature object over group 1."""


@dataclass(frozen=True)
class Forge:
    """A GnuPG home whose clock can be set, and what it makes signed texts with."""

    account: Account

    def gpg(self, *arguments: str | Path, at: str = "", stdin: bytes = b"") -> str:
        clock = ("--faked-system-time", f"{at.replace('-', '')}T120000") if at else ()
        quiet = ("--no-tty", "--pinentry-mode", "loopback", "--passphrase", "")
        return self.account.program("gpg", *quiet, *clock, *arguments, stdin=stdin).out

    def key(self, user_id: str, *, at: str = "", expires: str = "never") -> str:
        """Make a key; return its fingerprint."""
        self.gpg("--batch", "--quick-gen-key", user_id, "ed25519", "sign", expires, at=at)
        listed = self.gpg("--list-secret-keys", "--with-colons", user_id).splitlines()
        return next(line.split(":")[9] for line in listed if line.startswith("fpr:"))

    def sign(self, text: bytes, *users: str, at: str = "", digest: str = "SHA256") -> bytes:
        names = [word for user in users for word in ("--local-user", user)]
        options = ("--batch", "--digest-algo", digest, "--clearsign")
        return self.gpg(*names, *options, at=at, stdin=text).encode()

    def revoke(self, user: str, reason: int, *, at: str) -> None:
        """Revoke a key: 0 without a reason, 1 compromised, 2 superseded, 3 retired."""
        answers = f"y\n{reason}\n\ny\n".encode()
        command = ("--command-fd", "0", "--gen-revoke", user)
        self.gpg("--import", stdin=self.gpg(*command, at=at, stdin=answers).encode())

    def public(self, user: str, folder: Path, name: str = "public.asc") -> Path:
        path = folder / name
        path.write_text(self.gpg("--armor", "--export", user))
        return path


@pytest.fixture
def forge(need: Need) -> Iterator[Forge]:
    need("gpg", "siftool")
    with Account.new() as one:
        yield Forge(one)


def siftool(*arguments: str | Path) -> bytes:
    return subprocess.run(
        ["siftool", *map(str, arguments)], check=True, capture_output=True, timeout=60
    ).stdout


def attach(image: Path, block: bytes, entity: str, link: int = LINKED) -> int:
    """Add a signature object with the real siftool; return its id."""
    path = image.parent.parent / "block"
    path.write_bytes(block)
    siftool(
        *("add", image, path, "--datatype", "5", "--signhash", "1"),
        *("--signentity", entity, "--link", str(LINKED)),
    )
    data = bytearray(image.read_bytes())
    free, total, table = struct.unpack_from("<3q", data, 80)
    number = int(total - free)
    struct.pack_into("<I", data, table + (number - 1) * 585 + 13, link)
    image.write_bytes(data)
    return number


@pytest.fixture
def text(grace: Signer, base_image: Path, tmp_path: Path) -> bytes:
    """Give the text that everybody signs who signs the image."""
    (folder := tmp_path / "text").mkdir()
    copy = Path(shutil.copy(base_image, folder / "climate.sif"))
    (number,) = grace.sign(copy, "--no-manifest").json["images"][0]["added"]
    return signed_text(siftool("dump", str(number), copy))


def signed_text(block: bytes) -> bytes:
    return block.split(b"\n\n", 1)[1].split(b"\n-----BEGIN")[0]


def judged(result: Result, verdict: str, *codes: str) -> None:
    assert (result.image["verdict"], result.err) == (verdict, ""), result.out
    assert set(codes) <= result.codes


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


OLD = "Olga Old <olga@uni.example>"


def signed_at(image: Path, forge: Forge, text: bytes, user: str, when: str) -> None:
    attach(image, forge.sign(text, user, at=when), user)


def test_a_key_that_expired_since_is_noted(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD, at="2020-01-01", expires="1y")
    signed_at(image, forge, text, user, "2020-06-01")
    result = account.verify(image, "--key", forge.public(user, image.parent))
    judged(result, "verified", "key-since")
    assert "expired since, on 2020-12-31" in result.out
    assert result.image["signatures"][0]["signed_at"] == "2020-06-01T12:00:00Z"


def test_a_signature_made_after_its_key_expired_fails(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD, at="2020-01-01")
    signed_at(image, forge, text, user, "2022-06-01")
    forge.gpg("--batch", "--quick-set-expire", user, "1y", at="2020-02-01")
    certificate = forge.public(user, image.parent)
    judged(account.verify(image, "--key", certificate), "failed", "key-expired")


def test_a_signature_older_than_its_key_or_from_the_future_fails(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD, at="2020-01-01")
    untouched = image.read_bytes()
    signed_at(image, forge, text, user, "2036-06-01")
    certificate = forge.public(user, image.parent)
    judged(account.verify(image, "--key", certificate), "failed", "dated-in-future")
    image.write_bytes(untouched)
    options = ("--ignore-time-conflict", "--batch", "--local-user", user, "--clearsign")
    attach(image, forge.gpg(*options, at="2019-06-01", stdin=text).encode(), user)
    judged(account.verify(image, "--key", certificate), "failed", "key-not-yet-valid")


@pytest.mark.parametrize(
    ("reason", "when", "verdict"),
    [
        pytest.param(3, "2021-01-01", "verified", id="retired later"),
        pytest.param(2, "2021-01-01", "verified", id="superseded later"),
        pytest.param(3, "2020-03-01", "failed", id="retired before"),
        pytest.param(2, "2020-03-01", "failed", id="superseded before"),
        pytest.param(1, "2021-01-01", "failed", id="compromised"),
        pytest.param(0, "2021-01-01", "failed", id="no reason given"),
    ],
)
def test_a_revocation_counts_by_its_reason_and_time(
    image: Path, forge: Forge, text: bytes, reason: int, when: str, verdict: str
) -> None:
    user = forge.key(OLD, at="2020-01-01")
    signed_at(image, forge, text, user, "2020-06-01")
    forge.revoke(user, reason, at=when)
    certificate = forge.public(user, image.parent)
    with Account.new() as reader:
        result = reader.verify(image, "--key", certificate)
    judged(result, verdict, "key-since" if verdict == "verified" else "key-revoked")
    assert when in result.out


def test_a_renewed_certificate_undoes_nothing(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD, at="2020-01-01", expires="1y")
    signed_at(image, forge, text, user, "2020-06-01")
    forge.gpg("--batch", "--quick-set-expire", user, "20y", at="2020-09-01")
    new = account.home / "new.asc"
    options = ("--export-options", "export-clean", "--armor", "--export", user)
    new.write_text(forge.gpg(*options))
    result = account.verify(image, "--key", new)
    judged(result, "verified", "key-since")
    assert "renewed after this signature was made" in result.out


def test_a_signature_with_a_hash_that_can_be_forged_fails(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD)
    attach(image, forge.sign(text, user, digest="SHA1"), user)
    certificate = forge.public(user, image.parent)
    judged(account.verify(image, "--key", certificate), "failed", "weak-hash")
    judged(account.verify(image, "--signer", "0" * 40), "untrusted")
