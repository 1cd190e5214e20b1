"""`ecl generate` and `ecl lint`: lists that say what is meant, and the traps in others."""

import os
import shutil
import tomllib
from pathlib import Path

import pytest

from repro_sign.ecl.linting import RULES, lint_control_list
from repro_sign.known_keys import read_keys
from repro_sign.openpgp.certificate import Certificate
from repro_sign.times import utc_now
from tests.account import Account, Result, Signer
from tests.ecl_gate import Gate
from tests.key_states import gpg_export, revoke

pytest_plugins = ["tests.gate_plugin"]

MACHINE = {"user-namespaces"}
"""What is said of the machine, whatever the list."""


def write(folder: Path, text: str) -> Path:
    path = folder / "ecl.toml"
    path.write_text(text)
    return path


def codes(path: Path, ring: tuple[Certificate, ...] | None = None) -> dict[str, int]:
    """Give the codes that are found, with their lines."""
    found = lint_control_list(path, utc_now(), ring)
    return {one.code: one.line for one in found if one.code not in MACHINE}


def certificate(signer: Signer) -> Certificate:
    return read_keys(signer.public_key.read_bytes(), "key").certificates[0]


GROUP = """activated = true

[[execgroup]]
tagname = "site"
mode = "whitelist"
dirpath = ""
keyfp = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
"""
TRAPS = {
    "unloadable": (GROUP.replace("true", '"true"'), 1),
    "not-activated": (GROUP.replace("true", "false"), 1),
    "unknown-member": (GROUP.replace("keyfp =", "keyfps ="), 7),
    "no-groups": ("activated = true\n", 1),
    "mode-unknown": (GROUP.replace("whitelist", "Whitelist"), 5),
    "dirpath-twice": (GROUP + GROUP.partition("\n")[2], 12),
    "dirpath-relative": (GROUP.replace('dirpath = ""', 'dirpath = "images"'), 6),
    "dirpath-missing": (GROUP.replace('dirpath = ""', 'dirpath = "/none/such"'), 6),
    "dirpath-not-real": (GROUP.replace('dirpath = ""', 'dirpath = "/usr/../usr"'), 6),
    "fingerprint-malformed": (GROUP.replace('"AAAA', '"0xAAAA'), 7),
    "legacy-insecure": (f"legacyinsecure = true\n{GROUP}", 1),
    "whitelist-empty": (GROUP.replace('"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"', ""), 7),
    "whitestrict-empty": (
        GROUP.replace('"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"', "").replace(
            "whitelist", "whitestrict"
        ),
        7,
    ),
    "blacklist-weak": (GROUP.replace("whitelist", "blacklist"), 5),
    "no-fallback": (GROUP.replace('dirpath = ""', 'dirpath = "/usr/share"'), 1),
    "subfolder-not-covered": (GROUP.replace('dirpath = ""', 'dirpath = "/usr/share"'), 6),
}


def test_a_list_without_traps_gives_no_finding(tmp_path: Path) -> None:
    assert codes(write(tmp_path, GROUP)) == {}


@pytest.mark.parametrize("code", TRAPS)
def test_each_trap_is_found_where_it_is(code: str, tmp_path: Path) -> None:
    text, line = TRAPS[code]
    assert codes(write(tmp_path, text))[code] == line


def test_keys_are_held_against_the_ring(tmp_path: Path, account: Account, grace: Signer) -> None:
    one = account.make_signer("Olga Old", "olga@uni.example", "gnupg")
    before = certificate(one)
    path = write(tmp_path, GROUP.replace("A" * 40, one.fingerprint.lower()))
    assert codes(path, (before,)) == {}
    assert codes(path, (certificate(grace),)) == {"key-not-in-ring": 7}
    revoke(one)
    revoked = read_keys(gpg_export(one), "key").certificates[0]
    assert codes(path, (revoked,)) == {"key-does-not-count": 7}
    assert "key-twice-in-ring" in codes(path, (before, revoked))


def test_who_can_write_is_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path, GROUP.replace('dirpath = ""', f'dirpath = "{tmp_path}"'))
    tmp_path.chmod(0o777)
    path.chmod(0o666)
    assert {"folder-writable", "file-writable"} <= codes(path).keys()
    tmp_path.chmod(0o755)
    path.chmod(0o644)
    assert not {"folder-writable", "file-writable"} & codes(path).keys()


def test_every_rule_is_tested() -> None:
    others = {"key-not-in-ring", "key-does-not-count", "key-twice-in-ring"}
    others |= {"folder-writable", "file-writable"}
    assert RULES.keys() == TRAPS.keys() | others | MACHINE


def test_the_command_ends_with_status_1_for_problems_only(tmp_path: Path, account: Account) -> None:
    path = write(tmp_path, GROUP)
    assert account.run("ecl", "lint", path).status == 0
    path.write_text(GROUP.replace("true", "false"))
    result = account.run("ecl", "lint", path, "--json")
    assert result.status == 1
    (found,) = [one for one in result.json["findings"] if one["level"] == "problem"]
    assert (found["code"], found["line"], found["file"]) == ("not-activated", 1, str(path))
    assert account.run("ecl", "lint", path, "-q").out.count("\n") == 1
    path.write_bytes(b"\xff" * 10)
    assert account.run("ecl", "lint", path).status == 1
    with path.open("wb") as file:
        file.truncate(1 << 30)
    assert account.run("ecl", "lint", path).status == 3


# Generate


@pytest.fixture
def site(account: Account, grace: Signer, mallory: Signer) -> Account:
    """Give an administrator who believes Grace and Mallory."""
    account.ok("trust", "add", grace.public_key, "--yes")
    account.ok("trust", "add", mallory.public_key, "--as", "Mal \u202e of the lab", "--yes")
    return account


def generate(account: Account, *arguments: str | Path) -> Result:
    (account.home / "out").mkdir(exist_ok=True)
    return account.run("ecl", "generate", "--out", account.home / "out", *arguments)


def test_the_trust_store_becomes_a_list_that_apptainer_obeys(
    site: Account, image: Path, base_image: Path, grace: Signer, ada: Signer, gate: Gate
) -> None:
    grace.sign(image, "--no-manifest")
    other = Path(shutil.copy(base_image, image.with_name("other.sif")))
    ada.sign(other, "--no-manifest")
    result = generate(site, image.parent)
    assert result.status == 0, result.err
    out = site.home / "out"
    text = (out / "ecl.toml").read_text()
    gate.install(text, (out / "global-pgp-public").read_bytes())
    assert gate.run(image) == "runs"
    assert gate.run(other) == "refused"
    (group,) = tomllib.loads(text)["execgroup"]
    assert group["dirpath"] == str(image.parent)
    assert grace.fingerprint in group["keyfp"]
    assert "\u202e" not in text
    assert {"no-fallback"} == codes(out / "ecl.toml").keys()
    for name in ("ecl.toml", "global-pgp-public"):
        assert f"install -o root -g root -m 644 {out / name} /etc/apptainer/{name}" in result.out


def test_nothing_is_overwritten_and_nothing_installed(site: Account, image: Path) -> None:
    assert generate(site, "--everywhere").status == 0
    before = (site.home / "out" / "ecl.toml").read_bytes()
    assert generate(site, image.parent).status == 1
    assert (site.home / "out" / "ecl.toml").read_bytes() == before
    assert site.run("ecl", "generate", "--everywhere").status == 2
    assert site.run("ecl", "generate", "--everywhere", "--out", site.home / "none").status == 2


def test_a_lock_file_becomes_a_group_for_each_folder(
    site: Account, image: Path, base_image: Path, grace: Signer, ada: Signer
) -> None:
    folder = image.parent
    (folder / "more").mkdir()
    other = Path(shutil.copy(base_image, folder / "more" / "other.sif"))
    grace.sign(image)
    ada.sign(other)
    keys = ("--key", grace.public_key, "--key", ada.public_key)
    site.ok("lock", *keys, cwd=folder)
    (folder / "more" / "keys").mkdir()
    shutil.copy(ada.public_key, folder / "more" / "keys")
    result = generate(site, "--lock", folder / "repro-sign.lock", "--json", "--mode", "whitestrict")
    assert result.json["groups"] == [
        {"dirpath": str(folder), "fingerprints": [grace.fingerprint]},
        {"dirpath": str(folder / "more"), "fingerprints": [ada.fingerprint]},
    ]
    answer = site.run("ecl", "check", folder, "--ecl", site.home / "out" / "ecl.toml")
    assert answer.status == 0, answer.out


def test_keys_that_apptainer_can_not_use_are_left_out_and_named(
    site: Account, account: Account, tmp_path: Path, image: Path
) -> None:
    with Account.new() as other:
        pem = other.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json
        ended = other.make_signer("Olga Old", "olga@uni.example", "gnupg")
        revoke(ended)
        copy = tmp_path / "olga.asc"
        copy.write_bytes(gpg_export(ended))
        site.ok("trust", "add", Path(other.home / pem["public_key"]), "--as", "Pem", "--yes")
        site.ok("trust", "add", ended.fingerprint, "--as", "Olga", "--yes")
        site.ok("trust", "add", "D" * 40, "--as", "Nobody", "--yes")
        site.run("key", "import", copy)
    result = generate(site, image.parent, "--json")
    why = {one["name"]: one["why"] for one in result.json["left_out"]}
    assert "PEM key" in why["Pem"]
    assert "revoked" in why["Olga"]
    assert "no copy" in why["Nobody"]
    assert len(result.json["groups"][0]["fingerprints"]) == 2


def test_a_list_of_nobody_is_not_written(account: Account) -> None:
    account.ok("trust", "add", "D" * 40, "--yes")
    result = generate(account, "--everywhere")
    assert result.status == 1
    assert "nobody's key can be listed" in result.err
    assert not list((account.home / "out").iterdir())


@pytest.mark.parametrize("name", ["a\u202e\x9bb\n\x1b[2J", "a\U000e0041\ue000", 'a"b\\u202e'])
def test_a_folder_of_any_name_is_listed_as_itself_and_in_plain_sight(
    ada: Signer, account: Account, tmp_path: Path, name: str
) -> None:
    (folder := tmp_path / name).mkdir()
    account.ok("trust", "add", ada.public_key, "--yes")
    account.ok("ecl", "generate", folder, "--out", tmp_path)
    text = (tmp_path / "ecl.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["execgroup"][0]["dirpath"] == str(folder)
    assert not {"\u202e", "\x9b", "\x1b", "\U000e0041", "\ue000"} & set(text)


def test_a_folder_whose_name_is_no_text_is_refused(
    ada: Signer, account: Account, tmp_path: Path
) -> None:
    (folder := tmp_path / os.fsdecode(b"a\xff\x9b")).mkdir()
    account.ok("trust", "add", ada.public_key, "--yes")
    result = account.run("ecl", "generate", folder, "--out", tmp_path)
    assert (result.status, result.out) == (2, "")
    assert r"a\udcff\udc9b has a name that is no UTF-8 text" in result.err
    assert not (tmp_path / "ecl.toml").exists()
