"""`key backup` and `key restore`: a secret key comes back whole, and is never written in clear."""

import re
import shutil
from pathlib import Path

import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.rings import PASSPHRASE, Ring

KINDS = ("ours", "ours, encrypted", "newpair", "gpg", "gpg, encrypted")
STORES = pytest.mark.parametrize("store", ["apptainer", "gnupg", "pem"])
GPG = ("gpg", "--batch", "--pinentry-mode", "loopback")


def passphrase_in(account: Account, text: str = PASSPHRASE) -> tuple[str, str]:
    """Write a passphrase into a file; return the option that names it."""
    path = account.home / f"passphrase-{len(text)}"
    path.touch(0o600)
    path.write_text(text)
    return "--passphrase-file", str(path)


def make(account: Account, store: str, *options: str | Path) -> str:
    person = () if store == "pem" else ("--name", "Ben Backup", "--email", "ben@uni.example")
    made = account.ok("keygen", "--store", store, *person, "--json", *options)
    return str(made.json["fingerprint"])


def refused(result: Result, *words: str, status: int = 1) -> None:
    assert (result.status, result.out) == (status, "")
    for one in words:
        assert one in result.err


def signs(account: Account, name: str, image: Path, *options: str | Path) -> None:
    account.ok("sign", "--key", name, *options, image)
    with Account.new() as reader:
        assert reader.verify(image, "--signer", name).status in (0, 5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["backup", "sheet"])
def test_a_key_comes_back_into_an_empty_account_and_signs(
    ring: Ring, image: Path, account: Account, kind: str, form: str
) -> None:
    opening = ("--passphrase-file", ring.passphrase)
    files = {"backup": account.home / "backup.asc", "sheet": account.home / "sheet.txt"}
    name = ring.keys[kind]
    done = ring.account.ok(
        *("key", "backup", name, "-o", files["backup"], "--sheet", files["sheet"]),
        *("--json", *opening),
    ).json
    assert done["complete"] is True
    assert {one.stat().st_mode & 0o777 for one in files.values()} == {0o600}
    account.ok("key", "restore", "--store", "apptainer", files[form], *opening)
    back = Ring(account, ring.keys)
    assert back.secrets() == {name: ring.secrets()[name]}
    signs(account, name, image, *(opening if kind in ring.encrypted else ()))
    stored = account.home / ".config" / "repro-sign" / "revocations" / f"{name}.asc"
    assert "BEGIN PGP PUBLIC KEY BLOCK" in stored.read_text()
    assert account.ok("trust", "list", "--json").json["signers"] == []


@STORES
@pytest.mark.parametrize("protected", [True, False], ids=["encrypted", "not encrypted"])
def test_each_store_gives_a_key_back_to_where_it_came_from(
    account: Account, image: Path, need: Need, store: str, protected: bool
) -> None:
    need("apptainer", "gpg")
    opening = passphrase_in(account)
    name = make(account, store, *(opening if protected else ("--no-passphrase",)))
    file = account.home / "backup.asc"
    account.ok("key", "backup", name, "-o", file, *opening)
    with Account.new() as other:
        done = other.ok("key", "restore", file, *opening, "--json").json
        assert done == {"schema": 1, "fingerprint": name, "store": store, "restored": True}
        (key,) = other.ok("key", "list", "--json", "--secret").json["keys"]
        assert key["secret_in"] == [store]
        assert key["encrypted"] in (protected, None)
        signs(other, name, image, *(opening if protected else ()))
        again = other.ok("key", "restore", file, *opening)
        assert "was there already" in again.out


def test_gpg_alone_opens_a_backup_and_importing_it_revokes_nothing(
    ring: Ring, image: Path, account: Account
) -> None:
    """The two ways by hand that the sheet prints."""
    name, opening = ring.keys["ours, encrypted"], ("--passphrase-file", str(ring.passphrase))
    sheet = account.home / "sheet.txt"
    ring.account.ok(
        *("key", "backup", name, "-o", account.home / "backup.asc"), "--sheet", sheet, *opening
    )
    for file in ("backup.asc", "sheet.txt"):
        with Account.new() as other:
            text = other.program(*GPG, *opening, "-d", account.home / file).out
            (key := other.home / "key.txt").write_text(text)
            other.program("gpg", "--batch", "--import", key)
            listed = other.program("gpg", "--with-colons", "-K").out
            assert name in listed
            assert "sec:r" not in listed
            other.program("sh", "-c", f"echo {PASSPHRASE} | apptainer key import key.txt")
            assert name in other.program("apptainer", "key", "list", "--secret").out
            signs(other, name, image, *opening)
            revocation = text[text.index(":-----BEGIN PGP PUBLIC") + 1 :]
            other.program("gpg", "--batch", "--import", stdin=revocation.encode())
            assert "revoked" in other.program("gpg", "--list-keys", name).out


def test_a_pem_key_comes_back_by_hand(account: Account, image: Path, need: Need) -> None:
    need("gpg", "openssl")
    opening = passphrase_in(account)
    name = make(account, "pem", *opening)
    file = account.home / "backup.asc"
    account.ok("key", "backup", name, "-o", file, *opening)
    (key := account.home / "key.pem").write_text(account.program(*GPG, *opening, "-d", file).out)
    shown = account.program("openssl", "pkey", "-in", key, "-passin", f"pass:{PASSPHRASE}")
    assert "BEGIN PRIVATE KEY" in shown.out
    signs(account, name, image, *opening)
    signed = account.ok("sign", "--again", "--key", key, *opening, "--json", image).json
    assert signed["fingerprint"] == name


def test_nothing_of_it_is_written_in_clear(account: Account, need: Need) -> None:
    need("gpg")
    opening = passphrase_in(account)
    name = make(account, "gnupg", "--no-passphrase")
    file, sheet = account.home / "backup.asc", account.home / "sheet.txt"
    account.ok("key", "backup", name, "-o", file, "--sheet", sheet, *opening)
    for one in (file, sheet):
        assert one.read_text().count("-----BEGIN ") == 1
        assert "-----BEGIN PGP MESSAGE-----" in one.read_text()
    listed = account.program(*GPG, *opening, "--list-packets", file)
    assert "symkey enc packet" in listed.out
    assert "mdc_method" in listed.out


def test_the_passphrase_of_the_key_has_to_be_right(ring: Ring) -> None:
    wrong = passphrase_in(ring.account, "another")
    file = ring.account.home / "backup.asc"
    for kind in sorted(ring.encrypted):
        result = ring.account.run("key", "backup", ring.keys[kind], "-o", file, *wrong)
        refused(result, "the passphrase does not open the secret key")
    result = ring.account.run("key", "backup", ring.keys["ours"], "-o", file)
    refused(result, "no terminal to ask on", status=2)
    result = ring.account.run(
        "key", "backup", ring.keys["ours"], "-o", file, *passphrase_in(ring.account, "")
    )
    refused(result, "the passphrase is empty", status=2)
    assert not file.exists()


def test_an_expired_and_a_revoked_key_can_be_saved(account: Account, need: Need) -> None:
    need("apptainer", "gpg")
    opening = passphrase_in(account)
    with Account.new() as maker:
        command = ("--quick-gen-key", "Old <old@uni.example>", "ed25519", "sign", "1y")
        clock = ("--faked-system-time", "20200101T000000")
        maker.program(*GPG, *opening, *clock, *command)
        (secret := account.home / "secret.asc").write_text(
            maker.program(*GPG, *opening, "--armor", "--export-secret-keys").out
        )
    account.ok("key", "import", "--secret", "--store", "apptainer", secret)
    name = account.ok("key", "list", "--json").json["keys"][0]["fingerprint"]
    file = account.home / "backup.asc"
    wrong = passphrase_in(account, "another")
    refused(account.run("key", "backup", name, "-o", file, *wrong), "does not open the secret key")
    shown = account.ok("key", "backup", name, "-o", file, *opening)
    assert "without a revocation certificate" in shown.out
    account.ok("key", "renew", name, *opening)
    account.ok("key", "revoke", name, "--reason", "retired", "--yes", *opening)
    later = account.home / "later.asc"
    account.ok("key", "backup", name, "-o", later, *opening)
    with Account.new() as other:
        other.ok("key", "restore", later, *opening)
        (key,) = other.ok("key", "list", "--json", "--secret").json["keys"]
        assert (key["fingerprint"], key["revoked"]) == (name, True)


def test_no_file_is_overwritten(ring: Ring) -> None:
    opening = ("--passphrase-file", ring.passphrase)
    (there := ring.account.home / "there").write_text("precious")
    new, name = ring.account.home / "new", ring.keys["ours"]
    for files in ((there,), (new, "--sheet", there)):
        result = ring.account.run("key", "backup", name, "-o", *files, *opening)
        refused(result, "is there already")
    refused(
        ring.account.run("key", "backup", name, "-o", new, "--sheet", new, *opening),
        "the same file",
        status=2,
    )
    assert there.read_text() == "precious"
    assert not new.exists()


def test_another_copy_of_the_key_is_not_overwritten(ring: Ring) -> None:
    """The ring has the key with a passphrase, the backup the same key without."""
    name, opening = ring.keys["ours"], ("--passphrase-file", ring.passphrase)
    file = ring.account.home / "backup.asc"
    ring.account.ok("key", "backup", name, "-o", file, *opening)
    ring.account.ok("key", "remove", name, "--yes", "--backup", file, *opening)
    with Account.new() as other:
        other.ok("key", "restore", "--store", "gnupg", file, *opening)
        (secret := ring.account.home / "secret.asc").write_text(
            other.program("gpg", "--batch", "--armor", "--export-secret-keys").out
        )
    ring.account.ok("key", "import", "--secret", "--store", "apptainer", secret)
    before = ring.secrets()
    ring.account.ok("key", "restore", file, *opening)  # the same: nothing to do
    assert ring.secrets() == before


def test_a_copy_with_another_passphrase_is_left_alone(ring: Ring, account: Account) -> None:
    name = ring.keys["ours, encrypted"]
    opening = ("--passphrase-file", ring.passphrase)
    file = account.home / "backup.asc"
    ring.account.ok("key", "backup", name, "-o", file, *opening)
    account.program("gpg", "--batch", "--import", stdin=ring.secrets()[name])
    again = (*GPG, *opening, "--armor", "--export-secret-keys")
    (secret := account.home / "secret.asc").write_text(account.program(*again).out)
    account.ok("key", "import", "--secret", "--store", "apptainer", secret)
    other = Ring(account, ring.keys)
    before = other.secrets()
    assert before != {name: ring.secrets()[name]}  # encrypted anew, with another salt
    result = account.run("key", "restore", "--store", "apptainer", file, *opening)
    refused(result, "another copy of the secret key", "key remove")
    assert other.secrets() == before


def test_what_is_no_backup_is_refused(ring: Ring, account: Account, ada: Signer) -> None:
    opening = passphrase_in(account)
    refused(account.run("key", "restore", ada.public_key, *opening), "holds no backup")
    (text := account.home / "text").write_text("some text")
    account.program(*GPG, *opening, "--armor", "--output", "other.asc", "-c", text)
    result = account.run("key", "restore", account.home / "other.asc", *opening)
    refused(result, "no backup of a key")
    file = account.home / "backup.asc"
    ring.account.ok("key", "backup", ring.keys["ours"], "-o", file, *opening)
    wrong = passphrase_in(account, "another")
    refused(account.run("key", "restore", file, *wrong), "the passphrase does not open")
    result = account.run("key", "restore", "--store", "pem", file, *opening)
    refused(result, "PEM", status=2)
    assert not (account.home / ".apptainer").exists()


def test_a_mistake_in_a_copied_sheet_is_told(ring: Ring, account: Account) -> None:
    opening = ("--passphrase-file", ring.passphrase)
    sheet = account.home / "sheet.txt"
    ring.account.ok(
        *("key", "backup", ring.keys["ours"], "-o", account.home / "b", "--sheet", sheet), *opening
    )
    text = sheet.read_text()
    sheet.write_text("  " + text.replace("\n", "  \r\n    "))  # as a scanner gives it back
    account.ok("key", "restore", sheet, *opening)
    line = next(one for one in text.splitlines() if re.fullmatch(r"[A-Za-z0-9+/]{64}", one))
    sheet.write_text(text.replace(line, line.swapcase(), 1))
    refused(account.run("key", "restore", sheet, *opening), "its sha256", "line by line")


def test_a_key_whose_secret_half_is_elsewhere_is_not_saved(account: Account, need: Need) -> None:
    """As gpg keeps keys whose secret half is on a card, or stays in the safe: as stubs."""
    need("apptainer", "gpg")
    opening = passphrase_in(account)
    with Account.new() as maker:
        user = "Stub <stub@uni.example>"
        maker.program(*GPG, *opening, "--quick-gen-key", user, "ed25519", "sign", "1y")
        gone = maker.home / ".gnupg" / "private-keys-v1.d"
        listed = maker.program("gpg", "--with-colons", "--with-keygrip", "-K").out
        name = next(one.split(":")[9] for one in listed.splitlines() if one.startswith("fpr:"))
        add = ("--quick-add-key", name, "ed25519", "sign", "1y")
        maker.program(*GPG, *opening, *add)
        grips = [one.split(":")[9] for one in listed.splitlines() if one.startswith("grp:")]
        (gone / f"{grips[0]}.key").unlink()
        (secret := account.home / "stub.asc").write_text(
            maker.program(*GPG, *opening, "--armor", "--export-secret-keys").out
        )
    account.ok("key", "import", "--secret", "--store", "gnupg", secret)
    file = account.home / "backup.asc"
    done = account.ok("key", "backup", name, "-o", file, *opening)
    assert "without the primary key's secret" in done.out
    shutil.rmtree(account.home / ".gnupg" / "private-keys-v1.d")
    file.unlink()
    assert account.run("key", "backup", name, "-o", file, *opening).status == 1
    assert not file.exists()


def test_no_program_is_needed_to_save_a_key_of_the_ring(ring: Ring, account: Account) -> None:
    opening = ("--passphrase-file", ring.passphrase)
    name, file = ring.keys["ours, encrypted"], account.home / "backup.asc"
    ring.account.with_variables(PATH="/nonexistent").ok("key", "backup", name, "-o", file, *opening)
    account.with_variables(PATH="/nonexistent").ok("key", "restore", file, *opening)
    assert Ring(account, ring.keys).secrets() == {name: ring.secrets()[name]}
