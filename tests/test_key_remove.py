"""`key remove`: one key goes, all others stay, and no last copy of a secret key is lost."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.rings import PASSPHRASE, SECRET, Ring

KINDS = ("ours", "ours, encrypted", "newpair", "gpg", "gpg, encrypted")


def back_up(ring: Ring, kind: str) -> tuple[Path, tuple[str, ...]]:
    """Save a key; return the file, and the options that open it."""
    file = ring.account.home / "backup.asc"
    opening = ("--passphrase-file", str(ring.passphrase))
    ring.account.ok("key", "backup", ring.keys[kind], "-o", file, *opening)
    return file, opening


def refused(account: Account, *argv: str | Path, status: int = 1) -> str:
    result = account.run("key", "remove", *argv)
    assert (result.status, result.out) == (status, "")
    return result.err


@pytest.mark.parametrize("kind", KINDS)
def test_each_key_can_go_and_the_four_others_stay_byte_for_byte(
    ring: Ring, image: Path, kind: str
) -> None:
    before = ring.secrets()
    file, opening = back_up(ring, kind)
    gone = ring.keys[kind]
    ring.account.ok("key", "remove", gone, "--yes", "--backup", file, *opening)
    del before[gone]
    assert ring.secrets() == before
    assert (ring.account.home / SECRET).read_bytes() == b"".join(before.values())
    assert ring.files() == {"pgp-public", "pgp-secret"}
    for listing in ((), ("--secret",)):
        shown = ring.account.program("apptainer", "key", "list", *listing).out
        assert gone not in shown
        assert all(one in shown for one in before)
    for other, fingerprint in ring.keys.items():
        if other != kind:
            ring.account.ok("sign", "--key", fingerprint, *ring.options(other), image)


def test_the_last_copy_of_a_secret_key_stays(ring: Ring) -> None:
    before = ring.secrets()
    words = refused(ring.account, ring.keys["ours"], "--yes")
    assert "last copy of the secret key" in words
    assert "--backup" in words
    other, opening = back_up(ring, "newpair")
    words = refused(ring.account, ring.keys["ours"], "--yes", "--backup", other, *opening)
    assert "the backup does not hold" in words
    (no_backup := ring.account.home / "text").write_text("no backup")
    refused(ring.account, ring.keys["ours"], "--yes", "--backup", no_backup, *opening)
    wrong = ring.account.home / "wrong"
    wrong.touch(0o600)
    wrong.write_text("another")
    file = ring.account.home / "other.asc"
    ring.account.ok("key", "backup", ring.keys["ours"], "-o", file, *opening)
    words = refused(
        ring.account, ring.keys["ours"], "--yes", "--backup", file, "--passphrase-file", wrong
    )
    assert "the passphrase does not open" in words
    assert ring.secrets() == before


def test_a_copy_in_another_store_is_enough(ring: Ring) -> None:
    (public := ring.account.home / "secret.asc").write_bytes(ring.secrets()[ring.keys["ours"]])
    ring.account.ok("key", "import", "--secret", "--store", "gnupg", public)
    assert "say which: --store" in refused(ring.account, ring.keys["ours"], "--yes", status=2)
    ring.account.ok("key", "remove", ring.keys["ours"], "--yes", "--store", "apptainer")
    assert ring.keys["ours"] not in ring.secrets()
    words = refused(ring.account, ring.keys["ours"], "--yes", "--store", "gnupg")
    assert "last copy" in words


def test_nothing_is_removed_without_a_yes(ring: Ring, ada: Signer) -> None:
    ring.account.ok("key", "import", ada.public_key)
    words = refused(ring.account, ada.fingerprint, status=2)
    assert "say --yes" in words
    assert ada.user_id in words
    assert ada.fingerprint in ring.account.ok("key", "list", "--json").out


@pytest.mark.parametrize("store", ["apptainer", "gnupg"])
def test_a_public_key_goes_without_a_backup(
    ring: Ring, ada: Signer, grace: Signer, store: str
) -> None:
    account, before = ring.account, ring.secrets()
    for one in (ada, grace):
        account.ok("key", "import", "--store", store, one.public_key)
    done = account.ok("key", "remove", ada.fingerprint, "--yes", "--json").json
    assert done == {
        "schema": 1, "fingerprint": ada.fingerprint, "store": store, "secret": False
    }  # fmt: skip
    listed = account.ok("key", "list", "--json").out
    assert ada.fingerprint not in listed
    assert grace.fingerprint in listed
    assert ring.secrets() == before
    assert refused(account, ada.fingerprint, "--yes").startswith("repro-sign: error: no key")


@pytest.mark.parametrize("store", ["gnupg", "pem"])
def test_a_secret_key_in_another_store_goes_when_it_is_saved(
    account: Account, need: Need, store: str
) -> None:
    need("gpg")
    secret = account.home / "passphrase"
    secret.touch(0o600)
    secret.write_text(PASSPHRASE)
    opening = ("--passphrase-file", secret)
    made = account.ok(
        *("keygen", "--store", store, *opening, "--json"),
        *(("--name", "Ada", "--email", "ada@uni.example") if store == "gnupg" else ()),
    ).json
    name = made["fingerprint"]
    refused(account, name, "--yes")
    file = account.home / "backup.asc"
    account.ok("key", "backup", name, "-o", file, *opening)
    account.ok("key", "remove", name, "--yes", "--backup", file, *opening)
    (kept,) = account.ok("key", "list", "--json").json["keys"]
    assert (kept["fingerprint"], kept["secret_in"]) == (name, [])
    for place in (".gnupg/private-keys-v1.d", ".config/repro-sign/pem-keys"):
        assert list(account.home.glob(f"{place}/*")) == []
    account.ok("key", "restore", file, *opening)
    assert account.ok("key", "list", "--json", "--secret").json["keys"][0]["secret_in"] == [store]


def test_a_ring_that_is_a_link_leaves_no_old_copy_behind_the_link(ring: Ring) -> None:
    link, kept = ring.account.home / SECRET, ring.account.home / "elsewhere"
    shutil.move(link, kept)
    link.symlink_to(kept)
    file, opening = back_up(ring, "gpg")
    secret = ring.secrets()[ring.keys["gpg"]]
    ring.account.ok("key", "remove", ring.keys["gpg"], "--yes", "--backup", file, *opening)
    assert link.is_symlink()
    assert secret not in kept.read_bytes()


def test_what_stands_before_the_first_key_and_keys_that_nobody_reads_stay(ring: Ring) -> None:
    path = ring.account.home / SECRET
    marker = bytes.fromhex("ca03504750")  # a marker packet (RFC 4880, section 5.8)
    odd = bytes.fromhex("c50402000000")  # a secret key packet of version 2
    path.write_bytes(marker + odd + path.read_bytes())
    file, opening = back_up(ring, "gpg")
    ring.account.ok("key", "remove", ring.keys["gpg"], "--yes", "--backup", file, *opening)
    assert path.read_bytes().startswith(marker + odd)


def test_several_at_once_do_not_undo_each_other(ring: Ring) -> None:
    opening = ("--passphrase-file", str(ring.passphrase))
    account, before = ring.account, ring.secrets()
    names = [ring.keys[kind] for kind in KINDS[:4]]
    files = {name: str(account.home / f"{name}.backup") for name in names}
    for name, file in files.items():
        account.ok("key", "backup", name, "-o", file, *opening)
    running = [
        subprocess.Popen(
            account.argv("key", "remove", name, "--yes", "--backup", file, *opening),
            env=account.environment,
            cwd=account.home,
            stdout=subprocess.DEVNULL,
        )
        for name, file in files.items()
    ]
    assert [one.wait(60) for one in running] == [0] * 4
    kept = ring.keys[KINDS[4]]
    assert ring.secrets() == {kept: before[kept]}
    assert ring.files() == {"pgp-public", "pgp-secret"}
