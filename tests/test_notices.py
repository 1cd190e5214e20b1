"""`verify` and notices: whose have force, and what can't be read is no answer."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from repro_sign.digest import Digest
from repro_sign.fingerprint import Fingerprint
from repro_sign.sif import layout
from repro_sign.statements.notice import NoticeKind, Successor
from repro_sign.statements.statement import SignerRecord
from tests.account import Account, Signer
from tests.corpus import surgery
from tests.forge import Forge, attach, judged
from tests.notices import WORDS, forged, rebuilt, verify, withdraw

HOSTILE = "\x1b[2J<script>alert(1)</script>\u202egnp.exe\u2066 VERIFIED"
NEW = Successor("new.sif", Digest("sha256", "1" * 64), Digest("sha256", "2" * 64))
SUPERSEDED: dict[str, Any] = {"kind": NoticeKind.SUPERSEDED, "successor": NEW}


@pytest.fixture
def signed(ada: Signer, image: Path) -> Path:
    """Give an image that Ada has signed."""
    ada.sign(image)
    return image


# Whose notices have force


def test_a_strangers_notice_is_named_and_has_no_force(
    ada: Signer, signed: Path, account: Account, forge: Forge
) -> None:
    user = forge.key("Ada Author <ada@uni.example>")
    notice = forged(signed, forge, user)
    forged(signed, forge, user, **SUPERSEDED)
    result = verify(account, signed, ada)
    judged(result, "verified", "notice-without-force")
    assert len(result.image["notices"]) == 2
    for one in result.image["notices"]:
        assert (one["in_force"], one["trusted"], one["fingerprint"]) == (False, False, user)
        assert (one["words"], one["successor"], one["user_id"]) == ([], None, None)
    text = account.run("verify", signed, "--signer", ada.fingerprint).out
    assert f"notice {notice.name}, by " in text
    assert "it has no force: its signer is not trusted here" in text
    assert WORDS not in result.out + text
    assert "new.sif" not in result.out + text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(WORDS, "Nothing is wrong.", id="other words"),
        pytest.param('"action": "withdrawn"', '"action" : "withdrawn"', id="a blank"),
    ],
)
def test_a_notice_whose_text_was_changed_has_no_force(
    ada: Signer, signed: Path, account: Account, old: str, new: str
) -> None:
    notice = withdraw(ada, signed)
    notice.write_text(notice.read_text().replace(old, new))
    result = verify(account, signed, ada)
    judged(result, "verified", "notice-without-force")
    (one,) = result.image["notices"]
    assert (one["finding"], one["words"]) == ("bad-signature", [])
    assert "Nothing is wrong" not in result.out


def test_somebody_trusted_who_did_not_sign_the_image_has_no_say(
    ada: Signer, signed: Path, account: Account, forge: Forge
) -> None:
    user = forge.key("Olga Other <olga@uni.example>")
    forged(signed, forge, user)
    result = verify(account, signed, ada, "--signer", user)
    judged(result, "verified", "notice-without-force")
    assert "its signer did not sign this image" in result.out


def test_a_notice_that_names_another_signer_than_its_key_has_no_force(
    ada: Signer, signed: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key("Olga Other <olga@uni.example>")
    attach(signed, forge.sign(text, user), user)
    ada_says = SignerRecord(Fingerprint.parse(ada.fingerprint), None, ada.public_key.read_text())
    public = forge.public(user, signed.parent.parent)
    forged(signed, forge, user, signer=ada_says)
    result = verify(account, signed, ada, "--key", public)
    judged(result, "verified", "notice-without-force")
    (one,) = result.image["notices"]
    assert (one["finding"], one["words"]) == ("bad-metadata", [])


def test_a_notice_about_another_image_is_nothing(
    ada: Signer, signed: Path, account: Account, base_image: Path
) -> None:
    other = rebuilt(base_image, signed.with_name("other.sif"))
    ada.sign(other)
    notice = withdraw(ada, other)
    notice.rename(signed.with_name(notice.name.replace("other", "climate")))
    result = verify(account, signed, ada)
    judged(result, "verified")
    assert result.image["notices"] == []


@pytest.mark.parametrize(
    ("reason", "verdicts"),
    [
        pytest.param(3, ("failed", "verified"), id="retired before the notice"),
        pytest.param(1, ("failed", "failed"), id="compromised"),
    ],
)
def test_a_withdrawal_outlives_its_key_and_a_successor_does_not(
    image: Path, account: Account, forge: Forge, text: bytes, reason: int, verdicts: tuple[str, str]
) -> None:
    user = forge.key("Olga Old <olga@uni.example>", at="2020-01-01")
    attach(image, forge.sign(text, user, at="2020-06-01"), user)
    withdrawal = forged(image, forge, user, at="2022-01-01")
    successor = forged(image, forge, user, at="2022-01-01", **SUPERSEDED)
    forge.revoke(user, reason, at="2021-01-01")
    options = ("--key", forge.public(user, account.home), "--engine", "native")
    result = account.verify(image, *options)
    judged(result, verdicts[0], "withdrawn", "notice-without-force")
    found = {one["name"]: one for one in result.image["notices"]}
    assert {one["finding"] for one in found.values()} == {"key-revoked"}
    assert found[withdrawal.name]["in_force"]
    assert found[withdrawal.name]["words"] == [WORDS]
    assert not found[successor.name]["in_force"]
    assert "new.sif" not in result.out
    withdrawal.unlink()
    judged(account.verify(image, *options), verdicts[1], "notice-without-force")


def test_a_notice_from_the_future_has_no_force_yet(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key("Olga Old <olga@uni.example>", at="2020-01-01")
    attach(image, forge.sign(text, user, at="2020-06-01"), user)
    forged(image, forge, user, at="2036-01-01")
    result = account.verify(image, "--key", forge.public(user, account.home), "--engine", "native")
    judged(result, "verified", "notice-without-force")
    assert "which is in the future" in result.out


def repeated_in_group_2(data: bytearray) -> None:
    """Repeat group 1, signature and all, as group 2: every signature in it is still good."""
    for number in (1, 2, 3):
        fields = surgery.row(data, surgery.slot_of(data, number))
        kept = ("type", "link", "created", "uid", "gid", "name", "extra")
        members = {name: fields[name] for name in kept}
        copy = surgery.data_of(data, number)
        surgery.append(data, copy, group=layout.GROUP_MASK | 2, **members)
    fields = surgery.row(data, surgery.slot_of(data, 4))
    copy, link = surgery.data_of(data, 4), layout.GROUP_MASK | 2
    surgery.append(data, copy, type=fields["type"], link=link, extra=fields["extra"])


def test_repeating_a_group_gives_another_identity_and_evades_no_notice(
    ada: Signer, image: Path, account: Account
) -> None:
    ada.sign(image, "--no-manifest")
    notice = withdraw(ada, image, "--out", account.home)
    public = ("--key", ada.public_key)
    before = account.verify(image, *public).image["identity"]
    data = bytearray(image.read_bytes())
    repeated_in_group_2(data)
    image.write_bytes(data)
    result = account.verify(image, *public)
    judged(result, "verified")
    assert result.image["identity"] != before
    judged(account.verify(image, *public, "--notices", notice), "failed", "withdrawn")


# Where notices are read


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder on loopback; give its address and what is asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def elsewhere(ada: Signer, grace: Signer, signed: Path, account: Account, base_image: Path) -> Path:
    """Give a folder with Ada's notice about the image, Grace's of another, and a PEM key's."""
    folder = account.home / "notices"
    folder.mkdir()
    withdraw(ada, signed, "--out", folder)
    other = account.home / "other"
    other.mkdir()
    theirs = rebuilt(base_image, other / "theirs.sif")
    grace.sign(theirs)
    withdraw(grace, theirs, "--out", folder)
    key = ("keygen", "--store", "pem", "--no-passphrase", "--out", other, "--json")
    private = account.ok(*key).json["secret_key"]
    account.ok("sign", theirs, "--key", private)
    account.ok("withdraw", theirs, "--reason", "x", "--yes", "--key", private, "--out", folder)
    assert len(list(folder.iterdir())) == 3
    return folder


def joined(folder: Path, name: str = "all.txt", head: bytes = b"") -> Path:
    """Put all notices of a folder into one file, as cat does."""
    path = folder.parent / name
    path.write_bytes(head + b"".join(one.read_bytes() for one in sorted(folder.iterdir())))
    return path


def test_notices_are_read_from_a_folder_a_file_and_an_address(
    ada: Signer, signed: Path, account: Account, elsewhere: Path
) -> None:
    judged(verify(account, signed, ada), "verified")
    (elsewhere / "README.txt").write_text("not a notice, and not looked at\n")
    judged(verify(account, signed, ada, "--notices", elsewhere), "failed", "withdrawn")
    (elsewhere / "README.txt").unlink()
    together = joined(elsewhere, head=b"# Notices about climate.sif\r\n\r\n")
    judged(verify(account, signed, ada, "--notices", together), "failed", "withdrawn")
    with served(account.home) as (url, _):
        address = f"{url}/all.txt"
        judged(verify(account, signed, ada, "--notices", address), "failed", "withdrawn")
    windows = account.home / "windows.txt"
    windows.write_bytes(together.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    judged(verify(account, signed, ada, "--notices", windows), "failed", "withdrawn")


def test_a_notice_in_several_places_is_told_once(
    ada: Signer, signed: Path, account: Account, elsewhere: Path
) -> None:
    withdraw(ada, signed)
    one = next(elsewhere.glob("climate*"))
    shutil.copy(one, signed.parent)
    options = ("--notices", elsewhere, "--notices", joined(elsewhere))
    result = verify(account, signed, ada, *options)
    assert [reason["code"] for reason in result.image["reasons"]] == ["withdrawn"]


def test_an_address_is_asked_once_for_many_images(
    ada: Signer, signed: Path, account: Account, elsewhere: Path
) -> None:
    for number in range(3):
        shutil.copy(signed, signed.with_name(f"{number}.sif"))
    joined(elsewhere)
    with served(account.home) as (url, asked):
        result = verify(account, signed.parent, ada, "--notices", f"{url}/all.txt")
    assert len(asked) == 1
    assert len(result.json["images"]) == 4


def _cut(together: Path) -> None:
    together.write_bytes(together.read_bytes()[:-40])


def _letter(together: Path) -> None:
    together.write_bytes(together.read_bytes() + b"Dear reader\n")


def _manifest(together: Path) -> None:
    manifest = together.parent / "other" / "theirs.sif.manifest.asc"
    together.write_bytes(together.read_bytes() + manifest.read_bytes())


def _empty(together: Path) -> None:
    together.write_bytes(b"\n")


def _huge(together: Path) -> None:
    with together.open("ab") as file:
        file.truncate(33 << 20)


@pytest.mark.parametrize("spoil", [_cut, _letter, _manifest, _empty, _huge, Path.unlink])
def test_notices_that_can_not_be_read_are_no_answer(
    ada: Signer, grace: Signer, signed: Path, account: Account, elsewhere: Path, spoil: Any
) -> None:
    next(elsewhere.glob("climate*")).unlink()  # nothing in them is about this image
    together = joined(elsewhere)
    judged(verify(account, signed, ada, "--notices", together), "verified")
    spoil(together)
    result = verify(account, signed, ada, "--notices", together)
    judged(result, "unknown", "not-read")
    assert result.status == 3
    assert "all.txt" in result.image["reasons"][0]["message"]
    with served(account.home) as (url, _):
        address = f"{url}/all.txt"
        result = verify(account, signed, ada, "--notices", address)
    judged(result, "unknown", "not-read")
    judged(verify(account, signed, ada, "--notices", address), "unknown", "not-read")
    quiet = account.run("verify", "-q", signed, "--signer", ada.fingerprint, "--notices", address)
    assert quiet.out.startswith("unknown  ")


def test_a_changed_image_fails_also_where_notices_can_not_be_read(
    ada: Signer, signed: Path, account: Account
) -> None:
    data = bytearray(signed.read_bytes())
    data[600_000] ^= 1
    signed.write_bytes(data)
    result = verify(account, signed, ada, "--notices", account.home / "missing.asc")
    judged(result, "failed", "data-changed")


def test_a_remark_alone_is_a_file_without_notices(
    ada: Signer, signed: Path, account: Account
) -> None:
    path = account.home / "notices.asc"
    path.write_text("# none so far\n")
    judged(verify(account, signed, ada, "--notices", path), "verified")


@pytest.mark.parametrize(
    "address",
    ["http://notices.example/all.asc", "ftp://127.0.0.1/x", "https://ada:secret@uni.example/"],
)
def test_an_address_that_is_never_asked_is_a_usage_error(
    ada: Signer, signed: Path, account: Account, address: str
) -> None:
    result = verify(account, signed, ada, "--notices", address)
    assert (result.status, result.out) == (2, "")
    assert "secret" not in result.err


def test_what_merely_lies_beside_an_image_is_named_and_harmless(
    ada: Signer, signed: Path, account: Account
) -> None:
    bad = signed.with_name("climate.sif.0123456789ABCDEF.withdrawn.asc")
    bad.write_bytes(b"\x1b[2Jjunk")
    deep = signed.with_name("climate.sif.0123456789ABCDEF.superseded.sigstore.json")
    deep.write_bytes(b'{"a":' * 100_000)
    folder = signed.with_name("climate.sif.AAAAAAAAAAAAAAAA.withdrawn.asc")
    folder.mkdir()
    result = verify(account, signed, ada)
    judged(result, "verified", "warning")
    messages = [note["message"] for note in result.image["notes"]]
    for path in (bad, deep, folder):
        assert any(path.name in message for message in messages)


def test_so_many_files_beside_an_image_are_not_all_read(
    ada: Signer, signed: Path, account: Account
) -> None:
    for number in range(100):
        signed.with_name(f"climate.sif.{number:016X}.withdrawn.asc").write_bytes(b"junk")
    result = verify(account, signed, ada)
    judged(result, "verified", "warning")
    assert sum(note["code"] == "warning" for note in result.image["notes"]) == 65
    assert "holds more than 64" in result.out


# What is shown


def test_hostile_words_reach_no_terminal(
    ada: Signer, signed: Path, account: Account, base_image: Path
) -> None:
    withdraw(ada, signed, reason=f"{HOSTILE}\nsecond line\x07")
    options = ("verify", signed, "--signer", ada.fingerprint, "--engine", "native")
    for more in ((), ("-q",), ("--json",), ("--jsonl",), ("-v",)):
        result = account.run(*options, *more)
        assert result.status == 1
        shown = result.out + result.err
        assert not {"\x1b", "\u202e", "\u2066", "\x07", "\r"} & set(shown)
    notice = next(signed.parent.glob("*.withdrawn.asc"))
    assert not {"\x1b", "\u202e", "\u2066", "\x07"} & set(notice.read_text(encoding="utf-8"))
    assert account.verify(*options[1:]).image["notices"][0]["words"][0] == HOSTILE


def test_a_notices_file_name_reaches_no_terminal_as_it_is(
    ada: Signer, signed: Path, account: Account, elsewhere: Path
) -> None:
    name = elsewhere.parent / "a\x1b[2J.asc"
    joined(elsewhere, name.name)
    for spoilt in (False, True):
        if spoilt:
            name.write_text("junk")
        options = ("--signer", ada.fingerprint, "--notices", name)
        for more in ((), ("-q",), ("--json",)):
            assert "\x1b" not in account.run("verify", signed, *options, *more).out


def test_long_words_are_shown_in_full(ada: Signer, signed: Path, account: Account) -> None:
    lines = ["all of it " * 190 + "end", *(f"line {number}" for number in range(99))]
    withdraw(ada, signed, reason="\n".join(lines))
    result = account.run("verify", signed, "--signer", ada.fingerprint)
    assert all(line in result.out for line in lines)


def test_a_notice_whose_key_expired_since_is_heeded(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key("Olga Old <olga@uni.example>", at="2020-01-01", expires="1y")
    attach(image, forge.sign(text, user, at="2020-06-01"), user)
    forged(image, forge, user, at="2020-07-01")
    result = account.verify(image, "--key", forge.public(user, account.home), "--engine", "native")
    judged(result, "failed", "withdrawn")
