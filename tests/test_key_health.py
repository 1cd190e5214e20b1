"""What is wrong with a key is said where keys are made, shown, used and looked over."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.forge import Forge
from tests.programs import PROJECT
from tests.rings import Ring


def health(account: Account, name: str) -> dict[str, dict[str, Any]]:
    found = account.ok("key", "show", "--json", name).json["key"]["health"]
    return {one["code"]: one for one in found}


def only_key(account: Account) -> str:
    (key,) = account.ok("key", "list", "--json").json["keys"]
    return str(key["fingerprint"])


def moved(forge: Forge, account: Account, store: str) -> str:
    """Move the forge's key into a store of the account; return its fingerprint."""
    secret = account.home / "secret.asc"
    secret.write_text(forge.gpg("--batch", "--armor", "--export-secret-keys"))
    account.ok("key", "import", "--secret", "--store", store, secret)
    return only_key(account)


def test_a_healthy_key_has_no_finding(ring: Ring) -> None:
    name = ring.keys["ours, encrypted"]
    assert health(ring.account, name) == {}
    shown = ring.account.ok("key", "show", name).out
    assert "mend:" not in shown


def test_a_key_without_passphrase_is_told_of_everywhere(ada: Signer, image: Path) -> None:
    words = "stored without a passphrase"
    (finding,) = health(ada.account, ada.fingerprint).values()
    assert (finding["code"], finding["state"]) == ("not-encrypted", "note")
    assert words in ada.account.ok("key", "show", ada.fingerprint).out
    assert words in ada.account.ok("doctor").out
    signed = ada.account.ok("sign", image)
    assert f"repro-sign: note: the key {ada.user_id}" in signed.err
    assert words in signed.err
    assert ada.account.ok("sign", "-q", image).err == ""
    with Account.new() as other:
        made = other.ok("keygen", "--store", "pem", "--no-passphrase")
        assert words in made.err


@pytest.mark.parametrize("store", ["apptainer", "pem"])
def test_a_secret_key_that_others_can_read_is_told_of_everywhere(
    account: Account, need: Need, image: Path, store: str
) -> None:
    need("apptainer", "gpg")
    person = ("--name", "Ada", "--email", "ada@uni.example") if store == "apptainer" else ()
    command = ("keygen", "--store", store, "--no-passphrase", *person)
    account.ok(*command)
    folder = {"apptainer": ".apptainer/keys", "pem": ".config/repro-sign/pem-keys"}[store]
    (account.home / folder).chmod(0o755)
    words = f"others have access to {account.home / folder}"
    name = only_key(account)
    found = health(account, name)["readable-by-others"]
    assert (found["state"], words in found["message"]) == ("wrong", True)
    assert words in account.ok("sign", "--key", name, image).err
    assert words in account.run("doctor").out
    account.program("sh", "-c", found["remedy"])
    assert "readable-by-others" not in health(account, name)


def test_a_pem_file_that_others_can_read_is_told_of_when_it_signs(
    account: Account, need: Need, image: Path
) -> None:
    need("openssl")
    key = account.home / "mine.pem"
    account.program("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
    key.chmod(0o644)
    signed = account.ok("sign", "--key", key, image)
    assert f"others have access to {key}" in signed.err
    assert "stored without a passphrase" in signed.err


def test_a_key_that_ends_soon_names_the_command_that_renews_it(
    account: Account, need: Need, image: Path
) -> None:
    need("gpg")
    person = ("--name", "Soon Over", "--email", "soon@uni.example", "--expires", "10d")
    made = account.ok("keygen", "--store", "gnupg", "--no-passphrase", *person)
    name = only_key(account)
    found = health(account, name)["expires-soon"]
    assert found["state"] == "note"
    for words in (made.err, account.ok("sign", image).err, account.ok("doctor").out):
        assert "expires on" in words
        assert f"repro-sign key renew {name}" in words
    account.ok("key", "renew", name)
    assert "expires-soon" not in health(account, name)


def test_an_expired_and_a_revoked_key_say_so(account: Account, forge: Forge) -> None:
    forge.key("Old <old@uni.example>", at="2020-01-01", expires="1y")
    name = moved(forge, account, "gnupg")
    assert "2020-12-31" in health(account, name)["expired"]["message"]
    account.ok("key", "renew", name)
    account.ok("key", "revoke", name, "--reason", "superseded", "--yes")
    found = health(account, name)
    assert "superseded" in found["revoked"]["message"]
    assert "expired" not in found
    states = [one["state"] for one in account.ok("doctor", "--json").json["observations"]]
    assert "wrong" not in states


@pytest.mark.parametrize("store", ["apptainer", "gnupg"])
def test_a_primary_key_that_only_certifies_is_told_of(
    account: Account, forge: Forge, store: str
) -> None:
    user = "Sub <sub@uni.example>"
    forge.gpg("--batch", "--quick-gen-key", user, "ed25519", "cert", "never")
    name = moved(forge, account, store)
    assert health(account, name)["cannot-sign"]["state"] == "wrong"
    assert account.run("doctor").status == 1
    forge.gpg("--batch", "--quick-add-key", name, "ed25519", "sign", "1y")
    shutil.rmtree(account.home / ".apptainer", ignore_errors=True)
    assert moved(forge, account, store) == name
    found = health(account, name)["certify-only"]
    assert found["state"] == "note"
    assert "apptainer sign would use it" in found["message"]
    assert "cannot-sign" not in health(account, name)


@pytest.mark.parametrize(
    ("kind", "state"), [("rsa1024", "wrong"), ("rsa2048", "note"), ("dsa2048", "wrong")]
)
def test_a_weak_algorithm_is_told_of(account: Account, forge: Forge, kind: str, state: str) -> None:
    forge.gpg("--batch", "--quick-gen-key", "Weak <weak@uni.example>", kind, "sign", "never")
    name = moved(forge, account, "gnupg")
    assert health(account, name)["weak-algorithm"]["state"] == state


def test_rsa_3072_is_not_weak(account: Account, forge: Forge) -> None:
    forge.gpg("--batch", "--quick-gen-key", "Fine <f@uni.example>", "rsa3072", "sign", "never")
    assert "weak-algorithm" not in health(account, moved(forge, account, "gnupg"))


def test_a_self_signature_that_can_be_forged_is_told_of(account: Account, forge: Forge) -> None:
    old = ("--cert-digest-algo", "SHA1", "--quick-gen-key", "Old <o@uni.example>")
    forge.gpg("--batch", *old, "ed25519", "sign", "never")
    name = moved(forge, account, "gnupg")
    assert health(account, name)["unusable"]["state"] == "wrong"


def test_a_key_without_a_user_id_is_told_of(account: Account, forge: Forge) -> None:
    """As a key server hands it out until its owner has confirmed the address."""
    user = forge.key("Nobody <nobody@uni.example>")
    drop = ("--export-options", "export-minimal", "--export-filter", "keep-uid=uid=none")
    forge.gpg("--batch", "--quick-add-key", user, "ed25519", "sign", "never")
    (bare := account.home / "bare.asc").write_text(forge.gpg(*drop, "--armor", "--export", user))
    account.ok("key", "import", "--store", "apptainer", bare)
    assert health(account, user)["no-user-id"]["state"] == "wrong"
    assert "unusable" not in health(account, user)


def test_every_code_is_explained() -> None:
    source = (PROJECT / "repro_sign" / "key_health.py").read_text(encoding="utf-8")
    page = (PROJECT / "docs" / "commands-key.md").read_text(encoding="utf-8")
    table = page.partition("### What is wrong with a key")[2].partition("\n### ")[0]
    told = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert len(told) > 8
    assert all(f'"{code}"' in source for code in told)
    missing = [part for part in source.split("HealthFinding(")[1:] if '"' in part]
    codes = {part.split('"')[1] for part in missing}
    assert codes == told
