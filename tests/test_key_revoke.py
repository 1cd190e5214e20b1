"""`key revoke`: what readers see afterwards, and who learns of it."""

import shutil
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.rings import PUBLIC, Ring

REASONS = ("compromised", "superseded", "retired")


@pytest.fixture(params=["apptainer", "gnupg"])
def owner(request: pytest.FixtureRequest, account: Account, need: Need) -> Signer:
    """Give an author of their own, with a key in each of both stores in turn."""
    need("apptainer", "gpg")
    return account.make_signer("Rita Revoker", "rita@uni.example", request.param)


def stored(signer: Signer) -> Path:
    folder = signer.account.home / ".config" / "repro-sign" / "revocations"
    return folder / f"{signer.fingerprint}.asc"


def revoke(signer: Signer, reason: str, *options: str | Path) -> dict[str, object]:
    out = ("--out", signer.public_key.parent)
    done = signer.account.ok(
        *("key", "revoke", signer.fingerprint, "--reason", reason),
        *("--yes", "--json", *out, *options),
    )
    return dict(done.json)


def refused(signer: Signer, *argv: str | Path, status: int = 1) -> str:
    before = signer.public_key.read_bytes()
    result = signer.account.run("key", "revoke", signer.fingerprint, *argv)
    assert (result.status, result.out) == (status, "")
    assert signer.public_key.read_bytes() == before
    return result.err


def forget_secret(signer: Signer) -> None:
    """Lose the secret key, and keep the public one."""
    (signer.account.home / ".apptainer" / "keys" / "pgp-secret").unlink(missing_ok=True)
    shutil.rmtree(signer.account.home / ".gnupg" / "private-keys-v1.d", ignore_errors=True)


@pytest.mark.parametrize("reason", REASONS)
def test_readers_with_the_published_key_see_the_reason(
    owner: Signer, image: Path, reason: str
) -> None:
    owner.sign(image)
    done = revoke(owner, reason)
    assert (done["reason"], done["fingerprint"]) == (reason, owner.fingerprint)
    with Account.new() as reader:
        result = reader.verify(image, "--key", owner.public_key)
        if reason == "compromised":
            assert (result.image["verdict"], result.status) == ("failed", 1)
            assert "key-revoked" in result.codes
        else:
            assert (result.image["verdict"], result.status) == ("verified", 0)
            assert "key-since" in result.codes
        assert reason in result.out
        reader.ok("key", "import", owner.public_key)
        again = reader.verify(image, "--signer", owner.fingerprint)
        assert again.image["verdict"] == result.image["verdict"]


@pytest.mark.parametrize("reason", REASONS)
def test_the_key_signs_no_more_and_both_stores_know_it(
    owner: Signer, image: Path, reason: str
) -> None:
    account = owner.account
    for store in ("apptainer", "gnupg"):
        account.ok("key", "import", "--store", store, owner.public_key)
    done = revoke(owner, reason)
    assert done["learnt"] == ["the kept keys", "Apptainer's ring", "GnuPG"]
    result = account.run("sign", image)
    assert (result.status, "revoked" in result.err) == (1, True)
    listed = account.program("gpg", "--with-colons", "--list-keys", owner.fingerprint).out
    assert "\npub:r:" in f"\n{listed}"
    assert "revoked" in account.program("gpg", "--show-keys", account.home / PUBLIC).out
    (kept,) = (account.home / ".config" / "repro-sign" / "certificates").iterdir()
    assert "revoked" in account.program("gpg", "--show-keys", kept).out
    assert "revoked" in account.program("gpg", "--show-keys", owner.public_key).out


def test_the_certificate_stored_first_stays_beside_the_new_one(owner: Signer) -> None:
    before = stored(owner).read_text()
    revoke(owner, "retired")
    after = stored(owner).read_text()
    assert after.startswith(before)
    assert after.count("-----BEGIN PGP PUBLIC KEY BLOCK-----") == 2
    assert stored(owner).stat().st_mode & 0o777 == 0o600


def test_it_can_become_graver_but_not_milder(owner: Signer, image: Path) -> None:
    owner.sign(image)
    revoke(owner, "superseded")
    assert revoke(owner, "retired")["reason"] == "superseded"
    assert revoke(owner, "compromised")["reason"] == "compromised"
    with Account.new() as reader:
        judged = reader.verify(image, "--key", owner.public_key)
        assert judged.image["verdict"] == "failed"
    words = refused(owner, "--reason", "retired", "--yes")
    assert "revoked already: compromised" in words


def test_without_the_secret_key_the_stored_certificate_revokes(owner: Signer, image: Path) -> None:
    owner.sign(image)
    forget_secret(owner)
    for reason in ("superseded", "retired"):
        words = refused(owner, "--reason", reason, "--yes")
        assert "it undoes everything this key ever signed" in words
    done = revoke(owner, "compromised")
    assert done["reason"] == "no reason given"
    with Account.new() as reader:
        assert reader.verify(image, "--key", owner.public_key).image["verdict"] == "failed"


def test_on_another_machine_the_two_files_are_enough(owner: Signer, image: Path) -> None:
    owner.sign(image)
    with Account.new() as other:
        (out := other.home / "keys").mkdir()
        shutil.copy(owner.public_key, out)
        file = Path(shutil.copy(stored(owner), other.home / "revocation"))
        command = ("key", "revoke", owner.fingerprint, "--reason", "compromised", "--yes")
        words = other.run(*command)
        assert (words.status, "--certificate FILE" in words.err) == (1, True)
        other.ok(*command, "--certificate", file)
        judged = other.verify(image, "--key", out / owner.public_key.name)
        assert judged.image["verdict"] == "failed"


def test_a_lost_passphrase_does_not_keep_from_revoking(ring: Ring, image: Path) -> None:
    name, account = ring.keys["ours, encrypted"], ring.account
    account.ok("sign", "--key", name, *ring.options("ours, encrypted"), image)
    ring.passphrase.write_text("forgotten")
    command = ("key", "revoke", name, "--reason", "compromised", "--yes")
    result = account.run(*command, *ring.options("ours, encrypted"))
    assert (result.status, "Bad passphrase" in result.err) == (1, True)
    file = account.home / ".config" / "repro-sign" / "revocations" / f"{name}.asc"
    account.ok(*command, "--certificate", file)
    assert account.verify(image).image["verdict"] == "failed"


def test_anothers_certificate_is_refused(owner: Signer, ada: Signer) -> None:
    command = ("--reason", "compromised", "--yes", "--certificate")
    assert "no revocation certificate of the key" in refused(owner, *command, stored(ada))
    assert "holds no revocation" in refused(owner, *command, owner.public_key)
    words = refused(owner, "--reason", "retired", "--yes", "--certificate", stored(owner), status=2)
    assert "--reason compromised" in words
    words = refused(owner, "--yes", status=2)
    assert "--reason" in words


def test_it_asks_first_and_says_what_it_undoes(owner: Signer) -> None:
    words = refused(owner, "--reason", "compromised", status=2)
    assert "every signature it ever made will fail" in words
    assert owner.user_id in words
    assert "say --yes" in words
    words = refused(owner, "--reason", "superseded", status=2)
    assert "those made until now stay good" in words


def test_a_pem_key_can_not_be_revoked(account: Account) -> None:
    pem = account.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json["fingerprint"]
    result = account.run("key", "revoke", pem, "--reason", "compromised", "--yes")
    assert (result.status, result.out) == (1, "")
    assert "can't be revoked" in result.err
    assert "trust remove" in result.err


@pytest.mark.parametrize("kind", ["ours, encrypted", "newpair", "gpg", "gpg, encrypted"])
def test_no_other_key_of_the_ring_changes(ring: Ring, image: Path, kind: str) -> None:
    secrets = ring.secrets()
    name = ring.keys[kind]
    command = ("key", "revoke", name, "--reason", "superseded", "--yes", *ring.options(kind))
    ring.account.ok(*command)
    assert ring.secrets() == secrets
    listed = {
        one["fingerprint"]: one["revoked"]
        for one in ring.account.ok("key", "list", "--json").json["keys"]
    }
    assert listed == {one: one == name for one in ring.keys.values()}
    other = ring.keys["ours"]
    ring.account.ok("sign", "--key", other, image)
    shown = ring.account.program("apptainer", "key", "list").out
    assert all(one in shown for one in listed)


def test_without_gpg_only_the_stored_certificate_revokes(ring: Ring) -> None:
    bare = ring.account.with_variables(PATH="/nonexistent")
    command = ("key", "revoke", ring.keys["ours"], "--yes", "--reason")
    result = bare.run(*command, "retired")
    assert (result.status, "gpg is not on the PATH" in result.err) == (3, True)
    assert "no reason given" in bare.ok(*command, "compromised").out
    result = bare.run("key", "renew", ring.keys["newpair"])
    assert (result.status, "gpg is not on the PATH" in result.err) == (3, True)
