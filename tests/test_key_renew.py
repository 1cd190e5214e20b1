"""`key renew`: another end, and everything that was signed before and after stays good."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need
from tests.rings import PUBLIC, Ring


def ends_in(days: float, text: str) -> bool:
    end = datetime.fromisoformat(text)
    return abs(end - datetime.now(UTC) - timedelta(days=days)) < timedelta(days=2)


def accepted(image: Path, public: Path, fingerprint: str) -> None:
    """A reader who has the public key only accepts the image, and so does Apptainer."""
    with Account.new() as reader:
        result = reader.verify(image, "--key", public, "--engine", "both")
        assert result.status == 0, result.out
        assert result.image["signatures"][-1]["fingerprint"] == fingerprint
        reader.program("apptainer", "key", "import", public)
        reader.program("apptainer", "verify", "--local", image)


@pytest.fixture(params=["apptainer", "gnupg"])
def owner(request: pytest.FixtureRequest, account: Account, need: Need) -> Signer:
    """Give an author of their own, whose key ends in 20 days, in each of both stores."""
    need("apptainer", "gpg")
    made = account.ok(
        *("keygen", "--name", "Rene Newer", "--email", "rene@uni.example", "--expires", "20d"),
        *("--store", request.param, "--no-passphrase", "--json"),
    ).json
    path = account.home / made["public_key"]
    return Signer(account, made["fingerprint"], path, "Rene Newer <rene@uni.example>")


def test_images_signed_before_and_after_verify_with_the_renewed_public_key_only(
    owner: Signer, image: Path, base_image: Path
) -> None:
    later = image.with_name("later.sif")
    later.write_bytes(base_image.read_bytes())
    owner.sign(image)
    old = owner.public_key.read_bytes()
    done = owner.account.ok("key", "renew", owner.fingerprint, "--expires", "5y", "--json").json
    assert ends_in(5 * 365, done["expires"])
    assert owner.account.home / done["public_key"] == owner.public_key
    assert owner.public_key.read_bytes() != old
    owner.sign(later)
    for one in (image, later):
        accepted(one, owner.public_key, owner.fingerprint)
    (before := image.with_name("before.asc")).write_bytes(old)
    accepted(later, before, owner.fingerprint)


def test_every_store_learns_it_and_a_second_time_works_too(owner: Signer, image: Path) -> None:
    account = owner.account
    for store in ("apptainer", "gnupg"):
        account.ok("key", "import", "--store", store, owner.public_key)
    for period in ("1y", "2y"):
        done = account.ok("key", "renew", owner.fingerprint, "--expires", period, "--json").json
        assert "the kept keys" in done["learnt"]
    listed = account.program("gpg", "--with-colons", "--list-keys", owner.fingerprint).out
    end = next(line for line in listed.splitlines() if line.startswith("pub:")).split(":")[6]
    day = datetime.fromtimestamp(int(end), UTC)
    assert ends_in(730, day.isoformat())
    shown = account.program("gpg", "--show-keys", account.home / PUBLIC).out
    assert f"expires: {day:%Y-%m-%d}" in shown
    owner.sign(image)
    accepted(image, owner.public_key, owner.fingerprint)


def test_a_key_can_be_made_to_end_never_or_on_a_day(owner: Signer) -> None:
    name = owner.fingerprint
    never = owner.account.ok("key", "renew", name, "--expires", "never")
    assert "now never ends" in never.out
    assert "key publish" in never.out
    day = owner.account.ok("key", "renew", name, "--expires", "2041-01-31", "--json").json
    assert day["expires"].startswith("2041-01-3")
    for wrong in ("2020-01-31", "soon", "0"):
        result = owner.account.run("key", "renew", name, "--expires", wrong)
        assert (result.status, result.out) == (2, "")


def test_an_expired_key_signs_again_after_it_was_renewed(
    account: Account, image: Path, need: Need
) -> None:
    need("apptainer", "gpg")
    gpg = ("gpg", "--batch", "--passphrase", "", "--pinentry-mode", "loopback")
    with Account.new() as maker:
        old = ("--faked-system-time", "20200101T000000")
        user = "Old Key <old@uni.example>"
        maker.program(*gpg, *old, "--quick-gen-key", user, "ed25519", "sign", "1y")
        secret = account.home / "secret.asc"
        secret.write_text(maker.program(*gpg, "--armor", "--export-secret-keys").out)
    account.ok("key", "import", "--secret", "--store", "apptainer", secret)
    (key,) = account.ok("key", "list", "--json").json["keys"]
    assert "expired on 2020-12-31" in account.run("sign", image).err
    account.ok("key", "renew", key["fingerprint"])
    account.ok("sign", image)
    accepted(image, account.home / f"{key['fingerprint']}.asc", key["fingerprint"])


def test_signing_subkeys_get_the_new_end_too(account: Account, image: Path, need: Need) -> None:
    need("apptainer", "gpg")
    gpg = ("gpg", "--batch", "--passphrase", "", "--pinentry-mode", "loopback")
    old = ("--faked-system-time", "20240101T000000")
    user = "Sub <sub@uni.example>"
    account.program(*gpg, *old, "--quick-gen-key", user, "ed25519", "cert", "1y")
    name = account.ok("key", "list", "--json").json["keys"][0]["fingerprint"]
    account.program(*gpg, *old, "--quick-add-key", name, "ed25519", "sign", "1y")
    account.program(*gpg, *old, "--quick-add-key", name, "cv25519", "encr", "never")
    account.ok("key", "renew", name, "--expires", "4y")
    listed = account.program("gpg", "--with-colons", "--list-keys", name).out.splitlines()
    ends = [one.split(":")[6] for one in listed if one.startswith(("pub:", "sub:"))]
    assert ends[2] == ""
    for end in ends[:2]:
        assert ends_in(4 * 365, datetime.fromtimestamp(int(end), UTC).isoformat())
    account.ok("sign", image)
    accepted(image, account.home / f"{name}.asc", name)


@pytest.mark.parametrize("kind", ["ours, encrypted", "newpair", "gpg, encrypted"])
def test_no_other_key_of_the_ring_changes(ring: Ring, image: Path, kind: str) -> None:
    secrets = ring.secrets()
    public = (ring.account.home / PUBLIC).read_bytes()
    name = ring.keys[kind]
    ring.account.ok("key", "renew", name, "--expires", "6y", *ring.options(kind))
    assert ring.secrets() == secrets
    listed = ring.account.program("apptainer", "key", "list").out
    assert all(one in listed for one in ring.keys.values())
    assert len((ring.account.home / PUBLIC).read_bytes()) > len(public)
    ring.account.ok("sign", "--key", name, *ring.options(kind), image)
    accepted(image, ring.account.home / f"{name}.asc", name)


def test_a_wrong_passphrase_changes_nothing(ring: Ring) -> None:
    wrong = ring.account.home / "wrong"
    wrong.touch(0o600)
    wrong.write_text("not it")
    public, secrets = (ring.account.home / PUBLIC).read_bytes(), ring.secrets()
    name = ring.keys["ours, encrypted"]
    result = ring.account.run("key", "renew", name, "--passphrase-file", wrong)
    assert (result.status, result.out) == (1, "")
    assert "Bad passphrase" in result.err
    assert ((ring.account.home / PUBLIC).read_bytes(), ring.secrets()) == (public, secrets)
    assert not (ring.account.home / f"{name}.asc").exists()


def test_what_can_not_be_renewed_is_refused(account: Account, ada: Signer) -> None:
    account.ok("key", "import", ada.public_key)
    result = account.run("key", "renew", ada.fingerprint)
    assert (result.status, result.out) == (1, "")
    assert "only it can renew" in result.err
    pem = account.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json["fingerprint"]
    assert "never expires" in account.run("key", "renew", pem).err
