"""What is inside an image, without a verdict; what is wrong with this machine, with a remedy."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

from tests.account import Account, Signer
from tests.conftest import Need


def test_inspect_shows_what_is_in_an_unsigned_image(image: Path, account: Account) -> None:
    shown = account.ok("inspect", "--json", image).json
    assert shown["schema"] == 1
    assert shown["path"] == str(image)
    assert shown["size"] == image.stat().st_size
    assert shown["digest"]["sha256"] == hashlib.sha256(image.read_bytes()).hexdigest()
    assert [one["id"] for one in shown["objects"]] == [1, 2, 3]
    assert shown["objects"][2]["type"] == "partition (squashfs, primary system)"
    assert (shown["signatures"], shown["manifests"]) == ([], [])
    assert "sandbox" in shown["definition"]
    out = account.ok("inspect", image).out
    for part in (shown["identity"], shown["uuid"], shown["digest"]["blake3"], "  none\n"):
        assert part in out


def test_inspect_lists_every_object_as_siftool_does(
    image: Path, account: Account, need: Need
) -> None:
    need("siftool")
    for one in account.ok("inspect", "--json", image).json["objects"]:
        data = image.parent.parent / "data"
        with data.open("wb") as file:
            file.write(_dump(account, image, one["id"]))
        assert data.stat().st_size == one["size"]
        assert hashlib.sha256(data.read_bytes()).hexdigest() == one["sha256"]


def _dump(account: Account, image: Path, number: int) -> bytes:
    path = image.parent.parent / "dump"
    account.program("sh", "-c", f'siftool dump {number} "$1" > "$2"', "sh", image, path)
    return path.read_bytes()


def test_the_identity_survives_further_signatures(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    before = account.ok("inspect", "--json", image).json
    for signer in (ada, grace):
        signer.sign(image)
    after = account.ok("inspect", "--json", image).json
    assert after["identity"] == before["identity"]
    assert after["digest"] != before["digest"]
    data = bytearray(image.read_bytes())
    data[700_000] ^= 1
    image.write_bytes(data)
    assert account.ok("inspect", "--json", image).json["identity"] != before["identity"]


def test_inspect_names_signers_and_decides_nothing(
    grace: Signer, mallory: Signer, image: Path, account: Account
) -> None:
    grace.sign(image)
    mallory.sign(image, "--no-manifest")
    account.ok("key", "import", mallory.public_key)
    shown = account.ok("inspect", "--json", image).json
    first, second = shown["signatures"]
    assert shown["manifests"] == ["climate.sif.manifest.asc"]
    assert (first["finding"], first["user_id"]) == ("unknown-key", None)
    assert first["fingerprint"] == grace.fingerprint
    assert (second["finding"], second["user_id"]) == ("good", mallory.user_id)
    assert "verdict" not in shown
    out = account.ok("inspect", image).out
    assert "not judged here" in out
    assert f"calls itself {mallory.user_id}" in out
    assert "verified" not in out.lower()
    (image.parent / "climate.sif.manifest.asc").write_text("junk")
    data = bytearray(image.read_bytes())
    data[700_000] ^= 1
    image.write_bytes(data)
    changed = account.ok("inspect", "--json", image).json["signatures"][1]
    assert changed["finding"] == "data-changed"


def test_inspect_of_what_is_no_image(image: Path, account: Account) -> None:
    image.write_text("no image")
    for path, status in ((image, 1), (image.with_name("missing.sif"), 3), (image.parent, 3)):
        result = account.run("inspect", path)
        assert (result.status, result.out) == (status, "")
        assert result.err.startswith("repro-sign: error: ")
    assert account.run("inspect").status == 2


def observations(account: Account, status: int = 0) -> dict[str, list[dict[str, Any]]]:
    result = account.run("doctor", "--json")
    assert (result.status, result.err) == (status, "")
    found: dict[str, list[dict[str, Any]]] = {}
    for one in result.json["observations"]:
        found.setdefault(one["about"], []).append(one)
    return found


def test_doctor_finds_an_empty_account_in_order(account: Account, need: Need) -> None:
    need("apptainer", "gpg")
    found = observations(account)
    version = account.program("apptainer", "--version").out.split()[-1]
    assert found["apptainer"][0]["message"] == version
    assert found["gpg"][0]["state"] == "ok"
    assert "Python 3." in found["repro-sign"][0]["message"]
    assert found["keys"][0]["remedy"] == "repro-sign keygen"
    assert not any(account.home.iterdir())


def test_doctor_names_the_keys(author: Signer) -> None:
    found = observations(author.account)
    grouped = " ".join(author.fingerprint[at : at + 4] for at in range(0, 40, 4))
    (fine,) = (one for one in found["key"] if one["state"] == "ok")
    assert fine["message"].startswith(f"{grouped} {author.user_id}: Ed25519")
    assert found["trust store"][0]["message"].startswith("1 trusted")


def test_doctor_warns_of_a_secret_key_without_passphrase(ada: Signer) -> None:
    text = ada.account.ok("doctor").out
    assert "stored without a passphrase" in text
    assert "mend: keep the folder on an encrypted disk" in text


def test_doctor_finds_what_others_can_read(ada: Signer, account: Account) -> None:
    account.ok("key", "import", ada.public_key)
    folder = account.home / ".apptainer" / "keys"
    folder.chmod(0o755)
    (wrong,) = observations(account, 1)["permissions"]
    assert wrong["state"] == "wrong"
    assert f"others have access to {folder}" in wrong["message"]
    text = account.run("doctor")
    assert text.status == 1
    remedy = next(line for line in text.out.splitlines() if "mend: chmod" in line)
    account.program("sh", "-c", remedy.split("mend: ")[1])
    assert "permissions" not in observations(account)


def test_doctor_finds_an_armored_ring(ada: Signer, account: Account) -> None:
    folder = account.home / ".apptainer" / "keys"
    folder.mkdir(parents=True, mode=0o700)
    shutil.copy(ada.public_key, ring := folder / "pgp-public")
    ring.chmod(0o600)
    (wrong,) = observations(account, 1)["Apptainer's ring"]
    assert "Apptainer reads binary rings only" in wrong["message"]


def test_doctor_finds_a_damaged_trust_file(account: Account) -> None:
    settings = account.home / ".config" / "repro-sign"
    settings.mkdir(parents=True)
    (settings / "trust.toml").write_text("[[signer]]\nfingerprint = 1\n")
    (wrong,) = observations(account, 1)["trust store"]
    assert (wrong["state"], "trust.toml" in wrong["message"]) == ("wrong", True)
    assert wrong["remedy"]


def test_doctor_tells_of_keys_that_end(account: Account, need: Need) -> None:
    need("gpg")
    make = ("keygen", "--store", "gnupg", "--no-passphrase", "--email", "ada@uni.example")
    account.ok(*make, "--name", "Soon Over", "--expires", "10d")
    (soon,) = (one for one in observations(account)["key"] if one["remedy"])
    assert soon["state"] == "note"
    assert "Soon Over <ada@uni.example>: expires on" in soon["message"]
    account.program("gpg", "--import", *(account.home / ".config/repro-sign/revocations").iterdir())
    assert [
        "revoked (no reason given" in one["message"] for one in observations(account)["key"]
    ] == [True]
