"""A new key: what it is, where its parts lie, what is refused before anything is made."""

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.account import Account, Result
from tests.conftest import Need

PERSON = ("--name", "Ada Author", "--email", "ada@uni.example")
STORES = pytest.mark.parametrize("store", ["apptainer", "gnupg"])


@pytest.fixture(autouse=True)
def _programs(need: Need) -> None:
    need("apptainer", "gpg")


def passphrase_file(account: Account, text: str = "open sesame", mode: int = 0o600) -> Path:
    path = account.home / "passphrase"
    path.write_text(text)
    path.chmod(mode)
    return path


def only(account: Account, *programs: str) -> Account:
    """The same account on a machine where just these programs are installed."""
    folder = account.home / "bin"
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(str(shutil.which(name)))
    return account.with_variables(PATH=str(folder))


def public_records(account: Account, path: str | Path) -> list[list[str]]:
    shown = account.program(
        *("gpg", "--homedir", account.home, "--show-keys", "--with-colons", path)
    ).out
    return [line.split(":") for line in shown.splitlines()]


def packets(account: Account, path: str | Path) -> str:
    """Give a listing of the packets in a file. Gpg says 2 where it lacks a passphrase."""
    return account.program("gpg", "--list-packets", path, check=False).out


def stored_in_clear(account: Account, store: str) -> bool:
    """Whether the secret key on disk can be read without a passphrase."""
    if store == "apptainer":
        listing = packets(account, account.home / ".apptainer" / "keys" / "pgp-secret")
        assert ":secret key packet:" in listing
        return "S2K" not in listing
    (path,) = (account.home / ".gnupg" / "private-keys-v1.d").iterdir()
    content = path.read_bytes()
    assert b"private-key" in content
    return b"protected-private-key" not in content


def nothing_was_made(account: Account) -> bool:
    left = {path.name for path in account.home.iterdir()}
    return left <= {"passphrase", ".gitconfig", "bin"}


@STORES
@pytest.mark.parametrize("protected", [True, False], ids=["passphrase", "no passphrase"])
def test_a_new_key_has_all_its_parts(account: Account, store: str, protected: bool) -> None:
    options = ("--passphrase-file", passphrase_file(account)) if protected else ("--no-passphrase",)
    result = account.ok("keygen", *PERSON, "--store", store, "--json", *options)
    made = result.json
    assert set(made) == {
        *("schema", "fingerprint", "public_key", "revocation_certificate", "store")
    }
    assert made["store"] == store
    assert made["public_key"] == f"{made['fingerprint']}.asc"
    public = account.home / made["public_key"]
    assert "secret" not in packets(account, public)
    assert b"PRIVATE" not in public.read_bytes()
    records = public_records(account, public)
    assert [one[9] for one in records if one[0] == "fpr"] == [made["fingerprint"]]
    assert [one[9] for one in records if one[0] == "uid"] == ["Ada Author <ada@uni.example>"]
    assert [(one[3], one[11]) for one in records if one[0] == "pub"] == [("22", "scSC")]
    assert stored_in_clear(account, store) is not protected
    assert "sesame" not in result.out + result.err


@STORES
def test_the_new_key_is_trusted_as_you(account: Account, store: str) -> None:
    made = account.ok("keygen", *PERSON, "--store", store, "--no-passphrase", "--json").json
    (entry,) = account.ok("trust", "list", "--json").json["signers"]
    assert (entry["fingerprint"], entry["name"]) == (made["fingerprint"], "you")


@STORES
def test_the_revocation_certificate_is_private_and_revokes(account: Account, store: str) -> None:
    made = account.ok("keygen", *PERSON, "--store", store, "--no-passphrase", "--json").json
    revocation = Path(made["revocation_certificate"])
    assert revocation.stat().st_mode & 0o777 == 0o600
    assert revocation.parent.stat().st_mode & 0o777 == 0o700
    with Account.new() as reader:
        reader.program("gpg", "--import", account.home / made["public_key"])
        before = reader.program("gpg", "--list-keys", "--with-colons").out
        assert "\npub:r:" not in before
        reader.program("gpg", "--import", revocation)
        after = reader.program("gpg", "--list-keys", "--with-colons").out
        assert "\npub:r:" in after


def test_the_public_key_goes_to_the_keys_folder_if_there_is_one(account: Account) -> None:
    (account.home / "keys").mkdir()
    make = ("keygen", *PERSON, "--store", "gnupg", "--no-passphrase", "--json")
    assert account.ok(*make).json["public_key"].startswith("keys/")
    (account.home / "elsewhere").mkdir()
    made = account.ok(*make, "--out", "elsewhere").json
    assert (account.home / "elsewhere" / f"{made['fingerprint']}.asc").is_file()
    assert len(list((account.home / "keys").iterdir())) == 1


def expiry(account: Account, *options: str) -> datetime | None:
    made = account.ok(
        *("keygen", *PERSON, "--store", "gnupg", "--no-passphrase", "--json", *options)
    ).json
    (when,) = (one[6] for one in public_records(account, made["public_key"]) if one[0] == "pub")
    return datetime.fromtimestamp(int(when), UTC) if when else None


def test_a_key_ends_after_three_years_unless_told_otherwise(account: Account) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    assert abs((expiry(account) or now) - now - 3 * 365 * day) < 2 * day
    assert abs((expiry(account, "--expires", "90d") or now) - now - 90 * day) < day
    assert expiry(account, "--expires", "never") is None
    date = expiry(account, "--expires", "2031-05-06")
    assert date is not None
    assert date.date().isoformat() == "2031-05-06"


@pytest.mark.parametrize(
    "text", ["soon", "0y", "3", "-1d", "2001-01-01", "2031-13-01", "3y\n%commit", ""]
)
def test_an_expiry_that_can_not_be_is_a_usage_error(account: Account, text: str) -> None:
    result = account.run("keygen", *PERSON, "--no-passphrase", f"--expires={text}")
    assert (result.status, result.out) == (2, "")
    assert nothing_was_made(account)


def test_name_and_address_come_from_git(account: Account) -> None:
    (account.home / ".gitconfig").write_text("[user]\nname = Gita Git\nemail = gita@git.example\n")
    made = account.ok("keygen", "--store", "gnupg", "--no-passphrase", "--json").json
    key = account.ok("key", "show", made["fingerprint"], "--json").json["key"]
    assert key["user_id"] == "Gita Git <gita@git.example>"


def test_without_name_or_address_it_is_a_usage_error(account: Account) -> None:
    for given, missing in (("--email", "--name"), ("--name", "--email")):
        result = account.run("keygen", given, "ada@uni.example", "--no-passphrase")
        assert (result.status, result.out) == (2, "")
        assert f"{missing} is needed" in result.err
    assert nothing_was_made(account)


@STORES
@pytest.mark.parametrize(
    "options",
    [
        ("--name", "Ada\n%commit\nName-Real: Eve"),
        ("--name", "Ada\x1b[2K"),
        ("--name", "Ada\u202eadA"),
        ("--name", "Ada <eve@evil.example>"),
        ("--name", "Ada (trusted)"),
        ("--name", "  "),
        ("--comment", "x\nName-Email: eve@evil.example"),
        ("--comment", "x) <eve@evil.example>"),
        ("--email", "ada@uni.example\nName-Comment: x"),
        ("--email", "ada@uni.example>"),
        ("--email", "ada"),
    ],
    ids=repr,
)
def test_text_that_would_say_something_else_in_a_key_is_refused(
    account: Account, store: str, options: tuple[str, str]
) -> None:
    result = account.run("keygen", *PERSON, *options, "--store", store, "--no-passphrase")
    assert (result.status, result.out) == (2, "")
    assert "\x1b" not in result.err
    assert "\u202e" not in result.err
    assert nothing_was_made(account)


@pytest.mark.parametrize(
    "text", ["", "\n", " sesame", "sesame ", "sesame\t\n", "s", "a\x07b", "s" * 300]
)
def test_a_passphrase_that_programs_would_read_otherwise_is_refused(
    account: Account, text: str
) -> None:
    path = passphrase_file(account, text)
    result = account.run("keygen", *PERSON, "--passphrase-file", path)
    assert (result.status, result.out) == (2, "")
    assert nothing_was_made(account)


def test_a_passphrase_file_that_is_not_fit_is_refused(account: Account) -> None:
    path = passphrase_file(account, "open\nsesame\n")
    assert account.run("keygen", *PERSON, "--passphrase-file", path).status == 1
    path = passphrase_file(account, mode=0o640)
    for who, option in (
        (account, ("--passphrase-file", str(path))),
        (account.with_variables(REPRO_SIGN_PASSPHRASE_FILE=str(path)), ()),
    ):
        result = who.run("keygen", *PERSON, *option)
        assert (result.status, result.out) == (1, "")
        assert "others can read" in result.err
        assert f"chmod 600 {path}" in result.err
    assert account.run("keygen", *PERSON, "--passphrase-file", account.home / "none").status == 3
    assert nothing_was_made(account)


def test_without_terminal_and_passphrase_option_it_is_a_usage_error(account: Account) -> None:
    for options in ((), ("--no-passphrase", "--passphrase-file", passphrase_file(account))):
        result = account.run("keygen", *PERSON, *options)
        assert (result.status, result.out) == (2, "")
        assert "passphrase" in result.err
    assert account.run("keygen", *PERSON, "--no-passphrase", "--out", "nowhere").status == 2
    assert nothing_was_made(account)


def rings(account: Account) -> tuple[bytes, bytes]:
    folder = account.home / ".apptainer" / "keys"
    return (folder / "pgp-public").read_bytes(), (folder / "pgp-secret").read_bytes()


def test_keys_that_are_in_the_ring_stay_byte_for_byte(account: Account) -> None:
    make = ("keygen", *PERSON, "--store", "apptainer", "--json")
    account.ok(*make, "--no-passphrase")
    account.ok(*make, "--passphrase-file", passphrase_file(account))
    public, secret = rings(account)
    account.ok(*make, "--no-passphrase")
    for before, after in zip((public, secret), rings(account), strict=True):
        assert after.startswith(before)
        assert len(after) > len(before)


def fingerprints_that_apptainer_lists(account: Account) -> Iterable[str]:
    listing = account.program("apptainer", "key", "list", "--secret").out.splitlines()
    return [line.split()[1] for line in listing if line.split()[:1] == ["Fingerprint:"]]


def test_apptainer_is_the_default_and_knows_the_key(account: Account) -> None:
    made = account.ok("keygen", *PERSON, "--no-passphrase", "--json").json
    assert made["store"] == "apptainer"
    assert fingerprints_that_apptainer_lists(account) == [made["fingerprint"]]


def test_without_apptainer_gnupg_is_the_default(account: Account) -> None:
    alone = only(account, "gpg")
    made = alone.ok("keygen", *PERSON, "--no-passphrase", "--json").json
    assert made["store"] == "gnupg"
    assert alone.run("keygen", *PERSON, "--no-passphrase", "--store", "apptainer").status == 3


def test_without_either_program_no_key_can_be_made(account: Account) -> None:
    result = only(account).run("keygen", *PERSON, "--no-passphrase")
    assert (result.status, result.out) == (3, "")
    assert "install Apptainer or GnuPG" in result.err


def refused_without_gpg(account: Account, *options: str | Path) -> Result:
    result = account.run("keygen", *PERSON, *options)
    assert (result.status, result.out) == (1, "")
    return result


def test_without_gpg_apptainer_makes_an_rsa_key_that_never_ends(account: Account) -> None:
    path = passphrase_file(account)
    alone = only(account, "apptainer")
    limited = refused_without_gpg(alone, "--expires", "3y", "--passphrase-file", path)
    assert "know no expiry" in limited.err
    assert "passphrase" in refused_without_gpg(alone, "--no-passphrase").err
    made = alone.ok("keygen", *PERSON, "--passphrase-file", path, "--json").json
    (public,) = (one for one in public_records(account, made["public_key"]) if one[0] == "pub")
    assert (public[3], public[2], public[6]) == ("1", "4096", "")
    assert fingerprints_that_apptainer_lists(account) == [made["fingerprint"]]
    listing = packets(account, account.home / ".apptainer" / "keys" / "pgp-secret")
    assert "S2K" in listing.split(":secret sub key packet:")[0]
    account.program("gpg", "--import", made["public_key"])
    account.program("gpg", "--import", made["revocation_certificate"])
    assert "\npub:r:" in account.program("gpg", "--list-keys", "--with-colons").out


def test_a_pem_key_is_encrypted_and_only_its_owner_can_read_it(
    account: Account, tmp_path: Path
) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    passphrase.chmod(0o600)
    made = account.ok("keygen", "--store", "pem", "--passphrase-file", passphrase, "--json").json
    assert made["fingerprint"].startswith("SHA256:")
    assert made["revocation_certificate"] is None
    secret = Path(made["secret_key"])
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in secret.read_bytes()
    assert (secret.stat().st_mode & 0o777, secret.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert b"PRIVATE" not in (account.home / made["public_key"]).read_bytes()


def test_a_pem_key_knows_no_expiry(account: Account) -> None:
    result = account.run("keygen", "--store", "pem", "--no-passphrase", "--expires", "2y")
    assert (result.status, result.out) == (1, "")
    assert "no expiry" in result.err


def test_the_text_tells_the_fingerprint_in_fours_and_what_to_do_next(account: Account) -> None:
    out = account.ok("keygen", *PERSON, "--store", "gnupg", "--no-passphrase").out
    (public,) = account.home.glob("*.asc")
    digits = public.stem
    assert " ".join(digits[at : at + 4] for at in range(0, 40, 4)) in out
    for part in (public.name, "revocations/", "Ada Author", "What to do next", "repro-sign sign"):
        assert part in out
