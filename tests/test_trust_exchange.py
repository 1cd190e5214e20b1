"""A trust store with notes, taken from manifests, and handed on as a text."""

import os
import pty
import select
import subprocess
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.stores.trust_exchange import read_exported
from tests.account import Account, Result, Signer
from tests.conftest import Need

pytest_plugins = ["tests.spoilt_keys"]

TRUST_FILE = Path(".config", "repro-sign", "trust.toml")


def signers(account: Account) -> dict[str, tuple[str, str]]:
    """Give name and note of everybody in the trust store."""
    rows = account.ok("trust", "list", "--json").json["signers"]
    return {one["fingerprint"]: (one["name"], one["note"]) for one in rows}


def export(account: Account) -> str:
    return account.ok("trust", "export").out


def at_a_terminal(account: Account, answers: str, *arguments: str | Path) -> Result:
    """Run a command on a terminal, and type the answers as they are asked for."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        account.argv(*arguments),
        env=account.environment,
        cwd=account.home,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as process:
        os.close(slave)
        shown, waiting, deadline = "", iter(answers.splitlines()), time.monotonic() + 60
        try:
            while time.monotonic() < deadline and select.select([master], [], [], 30)[0]:
                shown += os.read(master, 4096).decode()
                if shown.endswith("[y/N]: "):
                    shown += "\n"
                    os.write(master, f"{next(waiting)}\n".encode())
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(master)
    return Result(process.returncode, shown, "")


def test_a_signer_is_taken_from_a_manifest_and_their_fingerprint_shown(
    author: Signer, image: Path, account: Account
) -> None:
    author.sign(image)
    manifest = image.with_name("climate.sif.manifest.asc")
    refused = account.run("trust", "add", manifest)
    assert (refused.status, refused.out) == (2, "")
    assert signers(account) == {}
    added = account.ok("trust", "add", manifest, "--yes", "--note", "page 3 of the paper")
    assert " ".join([author.fingerprint[at : at + 4] for at in range(0, 40, 4)]) in added.err
    assert "proves nothing about its owner" in added.err
    assert signers(account) == {author.fingerprint: (author.user_id, "page 3 of the paper")}
    assert account.verify(image, "--require-manifest").status == 0


def test_a_signer_is_taken_from_the_manifest_of_a_pem_key(image: Path, account: Account) -> None:
    with Account.new() as other:
        made = other.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json
        other.ok("sign", image)
    account.ok("trust", "add", image.with_name("climate.sif.sigstore.json"), "--yes")
    assert set(signers(account)) == {made["fingerprint"]}
    assert account.verify(image).status == 0


def _flip(manifest: bytes) -> bytes:
    return manifest.replace(b'"arch": "amd64"', b'"arch": "arm64"')


def _another_key(manifest: bytes) -> bytes:
    return manifest.replace(b'"public_key"', b'"public_kex"')


@pytest.mark.parametrize("damage", [_flip, _another_key, lambda one: one[:-300]])
def test_a_manifest_whose_signature_is_not_good_introduces_nobody(
    grace: Signer, image: Path, account: Account, damage: Callable[[bytes], bytes]
) -> None:
    grace.sign(image)
    manifest = image.with_name("climate.sif.manifest.asc")
    manifest.write_bytes(damage(manifest.read_bytes()))
    result = account.run("trust", "add", manifest, "--yes")
    assert (result.status, result.out) == (1, "")
    assert signers(account) == {}


def test_another_signed_text_than_a_manifest_introduces_nobody(
    grace: Signer, account: Account
) -> None:
    letter = account.home / "letter.asc"
    letter.write_text(grace.account.program("gpg", "--clearsign", stdin=b"dear all").out)
    assert account.run("trust", "add", letter, "--yes").status == 1
    assert signers(account) == {}


def test_name_and_note_of_somebody_who_is_there_are_changed(
    grace: Signer, account: Account
) -> None:
    add = ("trust", "add", grace.fingerprint, "--yes")
    account.ok(*add, "--as", "Grace")
    changed = account.ok(*add, "--note", "from her web page").out
    assert changed == "was trusted already; changed: note\n"
    assert account.ok(*add).out == "was trusted already\n"
    assert signers(account) == {grace.fingerprint: ("Grace", "from her web page")}
    both = account.ok(*add, "--as", "Dr Grace", "--note", "", "--json").json
    assert (both["added"], both["changed"]) == (False, ["name", "note"])
    assert signers(account) == {grace.fingerprint: ("Dr Grace", "")}
    assert account.run(*add, "--note", "x" * 5000).status == 2
    assert account.run(*add, "--as", "x" * 500).status == 2
    assert signers(account) == {grace.fingerprint: ("Dr Grace", "")}


def test_invisible_characters_in_a_name_do_not_reach_the_file(
    grace: Signer, account: Account
) -> None:
    hostile = "Gra\u202ece\x1b[31m\nname"
    account.ok("trust", "add", grace.fingerprint, "--yes", "--as", hostile, "--note", hostile)
    text = (account.home / TRUST_FILE).read_text(encoding="utf-8")
    assert not {"\u202e", "\x1b"} & set(text)
    assert "\x1b" not in account.ok("trust", "show", grace.fingerprint).out


def test_an_entry_written_by_hand_on_one_line_can_be_added_to_and_removed(
    ada: Signer, grace: Signer, mallory: Signer, account: Account
) -> None:
    account.ok("trust", "add", ada.fingerprint, "--yes")
    path = account.home / TRUST_FILE
    path.write_text(f'signer = [{{fingerprint = "{ada.fingerprint}"}}]  # by hand\n')
    account.ok("trust", "add", grace.fingerprint, "--yes", "--note", "hello")
    account.ok("trust", "add", ada.fingerprint, "--yes", "--as", "Ada")
    assert set(signers(account)) == {ada.fingerprint, grace.fingerprint}
    account.ok("trust", "remove", ada.fingerprint)
    assert signers(account) == {grace.fingerprint: ("", "hello")}
    assert "# by hand" in path.read_text()


def test_show_tells_all_there_is(grace: Signer, image: Path, account: Account) -> None:
    grace.sign(image)
    account.ok("trust", "add", grace.public_key, "--yes", "--as", "Grace", "--note", "met her")
    account.ok("verify", image, "--remember")
    account.ok("key", "import", "--store", "gnupg", grace.public_key)
    shown = account.ok("trust", "show", grace.fingerprint).out
    for part in (
        "Grace\n",
        "met her",
        grace.user_id,
        "until 20",
        "GnuPG, kept keys",
        "climate.sif",
    ):
        assert part in shown
    found = account.ok("trust", "show", grace.fingerprint, "--json").json["signer"]
    assert found["pins"] == ["climate.sif"]
    assert found["copies"] == ["GnuPG", "kept keys"]
    account.ok("trust", "remove", grace.fingerprint)
    assert account.run("trust", "show", grace.fingerprint).status == 1


def test_show_says_where_no_key_is_at_hand(account: Account) -> None:
    account.ok("trust", "add", "A" * 40, "--yes")
    assert "no public key is at hand" in account.ok("trust", "show", "A" * 40).out
    assert account.ok("trust", "show", "A" * 40, "--json").json["signer"]["expires"] is None


def test_an_exported_store_is_the_same_text_each_time_and_comes_back(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    for one in (grace, ada):
        account.ok("trust", "add", one.public_key, "--yes", "--note", f"note on {one.user_id}")
    text = export(account)
    assert text == export(account)
    rows = tomllib.loads(text)["signer"]
    names = [one["fingerprint"].replace(" ", "") for one in rows]
    assert names == sorted(names)
    grace.sign(image, "--no-manifest")
    file = image.with_name("people.toml")
    account.ok("trust", "export", "-o", file)
    assert file.read_text() == text
    with Account.new() as other:
        for _ in range(2):
            other.ok("trust", "import", file, "--yes")
            assert signers(other) == signers(account)
        assert other.verify(image).status == 0
        assert _without_dates(export(other)) == _without_dates(text)


def _without_dates(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("added")]


def test_the_exporters_own_key_is_not_you_for_others(grace: Signer, account: Account) -> None:
    text = export(grace.account)
    assert '"you"' not in text
    file = account.home / "grace.toml"
    file.write_text(text.replace(f'name = "{grace.user_id}"', 'name = "you"'))
    account.ok("trust", "import", file, "--yes")
    assert signers(account) == {grace.fingerprint: (grace.user_id, "")}


def people(account: Account, *some: Signer) -> Path:
    """Give the exported trust store of somebody who believes these people."""
    with Account.new() as other:
        for one in some:
            other.ok("trust", "add", one.public_key, "--yes")
        file = account.home / "people.toml"
        other.ok("trust", "export", "-o", file)
        return file


def test_each_new_fingerprint_is_asked_for(ada: Signer, grace: Signer, account: Account) -> None:
    file = people(account, ada, grace)
    refused = account.run("trust", "import", file)
    assert (refused.status, refused.out) == (2, "")
    assert signers(account) == {}
    first, second = sorted((ada, grace), key=lambda one: one.fingerprint)
    result = at_a_terminal(account, "n\ny\n", "trust", "import", file)
    assert result.status == 0
    for one in (ada, grace):
        assert one.user_id in result.out
    assert "1 trusted from now on, 0 trusted already, 1 left out" in result.out
    assert set(signers(account)) == {second.fingerprint}
    kept = account.home / ".config" / "repro-sign" / "certificates"
    assert not (kept / f"{first.fingerprint}.asc").exists()


def test_an_import_renames_and_removes_nobody_and_brings_revocations(
    rita: Signer, grace: Signer, image: Path, account: Account
) -> None:
    rita.sign(image)
    account.ok("trust", "add", rita.public_key, "--yes", "--as", "R.", "--note", "mine")
    account.ok("trust", "add", grace.fingerprint, "--yes")
    assert account.verify(image).status == 0
    with Account.new() as other:
        other.ok("trust", "add", rita.account.home / "revoked.asc", "--yes", "--as", "Somebody")
        file = account.home / "people.toml"
        other.ok("trust", "export", "-o", file)
    result = account.ok("trust", "import", file, "--json").json
    assert (result["imported"], result["known"]) == ([], [rita.fingerprint])
    assert signers(account)[rita.fingerprint] == ("R.", "mine")
    assert grace.fingerprint in signers(account)
    assert "key-revoked" in account.verify(image).codes


def test_what_is_not_understood_is_refused_as_a_whole(
    ada: Signer, grace: Signer, account: Account
) -> None:
    file = people(account, ada, grace)
    text = file.read_text()
    rows = text.split("[[signer]]\n")
    first = min(ada.fingerprint, grace.fingerprint)
    key = grace.public_key.read_text()
    for wrong in (
        "no toml",
        text + 'level = "full"\n',
        text + "\n[group]\nlab = []\n",
        text.replace('name = "', 'name = 1 # "', 1),
        text.replace("public_key", "key", 1),
        text.replace("\nfingerprint", "\nfinger", 1),
        text + "[[signer]]\n" + rows[1],
        text.replace(first[:4], "0000", 1),
        text.replace("BEGIN PGP PUBLIC", "BEGIN PGP PUBLIK"),
        f'[[signer]]\nfingerprint = "{ada.fingerprint}"\npublic_key = """{key}"""\n',
        f'[[signer]]\nfingerprint = "{ada.fingerprint}"\nname = "{"x" * 500}"\n',
        f'[[signer]]\nfingerprint = "{ada.fingerprint[-16:]}"\n',
        "signer = 1\n",
        "signer = [1]\n",
        "x = " + "[" * 100_000,
        "a." * 100_000 + "a = 1",
    ):
        file.write_text(wrong)
        result = account.run("trust", "import", file, "--yes")
        assert (result.status, result.out) == (1, ""), wrong
        assert "Traceback" not in result.err
    assert signers(account) == {}
    file.write_bytes(b"\xff\xfe")
    assert account.run("trust", "import", file, "--yes").status == 1


def test_a_secret_key_in_the_text_is_refused(
    sam: Signer, grace: Signer, account: Account, need: Need
) -> None:
    secret = (sam.account.home / "secret.asc").read_text()
    disguised = secret.replace("PRIVATE KEY BLOCK", "PUBLIC KEY BLOCK")
    good = people(account, grace).read_text()
    file = account.home / "secret.toml"
    row = f'[[signer]]\nfingerprint = "{sam.fingerprint}"\n'
    for text in (secret, disguised):
        file.write_text(f"{good}{row}public_key = '''{text}'''\n")
        result = account.run("trust", "import", file, "--yes")
        assert (result.status, result.out) == (1, "")
        assert "SECRET" in result.err
    assert signers(account) == {}


def test_an_export_that_can_not_be_written_leaves_the_old_file(
    grace: Signer, account: Account
) -> None:
    (folder := account.home / "people.toml").mkdir()
    assert account.run("trust", "export", "-o", folder).status == 2
    assert account.run("trust", "export", "-o", folder / "no" / "people.toml").status == 1


GOOD = f"""
[[signer]]
fingerprint = "{"A" * 40}"
name = "Ada"
note = "page 3"
added = "2026-11-23T22:19:54Z"

[[signer]]
fingerprint = "SHA256:{"A" * 43}"
"""


@given(st.data())
def test_any_other_text_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    assert len(read_exported(GOOD.encode(), "people.toml")) == 2
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, len(GOOD)))
    middle = data.draw(st.one_of(st.binary(max_size=20), st.just(GOOD[start // 2 : end].encode())))
    with suppress(MalformedError, RefusedError):
        read_exported(GOOD[:start].encode() + middle + GOOD[end:].encode(), "people.toml")
