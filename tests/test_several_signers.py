"""Several people sign one image, in it and beside it: each counts once, by whatever they left."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.account import Account, Result
from tests.agents import PASSPHRASE, Pinentry, Vault
from tests.conftest import Need


@dataclass(frozen=True)
class Person:
    """Somebody with a key, of either kind, who signs in one of three ways."""

    account: Account
    fingerprint: str
    public_key: Path
    is_pem: bool

    def sign(self, image: Path, how: str) -> None:
        options = {"inside": ["--no-manifest"], "beside": ["--manifest-only"], "both": []}
        for word in how.split():
            again = ["--again"] if word == "again" else options[word]
            self.account.ok("sign", *again, image)

    @property
    def own_manifest(self) -> str:
        """What a manifest of theirs is called where somebody else has the first one."""
        if self.is_pem:
            return f"climate.sif.{self.public_key.stem[:16].upper()}.sigstore.json"
        return f"climate.sif.{self.fingerprint[-16:]}.manifest.asc"


@pytest.fixture(scope="module")
def people(need: Need) -> Iterator[dict[str, Person]]:
    """Give Ada (Apptainer's ring), Berta (GnuPG) and Cora (a PEM key)."""
    need("apptainer", "gpg")
    stores = {"ada": "apptainer", "berta": "gnupg", "cora": "pem"}
    found: dict[str, Person] = {}
    with Account.new() as one, Account.new() as two, Account.new() as three:
        for account, (name, store) in zip((one, two, three), stores.items(), strict=True):
            made = account.make_signer(name.title(), f"{name}@uni.example", store)
            public = made.public_key
            found[name] = Person(account, made.fingerprint, public, store == "pem")
        yield found


def require_two(account: Account, image: Path, people: dict[str, Person]) -> Result:
    named = [word for one in people.values() for word in ("--signer", one.fingerprint)]
    keys = (
        image.parent / "keys"
    )  # what a reader needs to check signatures by keys not in a manifest
    keys.mkdir(exist_ok=True)
    for one in people.values():
        shutil.copy(one.public_key, keys)
    return account.verify(image, *named, "--require", "2")


@pytest.mark.parametrize(
    ("left", "verdict"),
    [
        pytest.param({"ada": "inside"}, "untrusted", id="one, inside"),
        pytest.param({"ada": "both"}, "untrusted", id="one, inside and beside"),
        pytest.param({"ada": "both again"}, "untrusted", id="one, twice inside and a manifest"),
        pytest.param({"berta": "beside"}, "untrusted", id="one, beside"),
        pytest.param({"berta": "both again again"}, "untrusted", id="one, three times"),
        pytest.param({"cora": "both again"}, "untrusted", id="one, a PEM key, twice"),
        pytest.param({"ada": "inside", "berta": "inside"}, "verified", id="two inside"),
        pytest.param({"ada": "inside", "berta": "beside"}, "verified", id="one in, one beside"),
        pytest.param({"ada": "beside", "berta": "beside"}, "verified", id="two beside"),
        pytest.param({"cora": "inside", "ada": "inside"}, "verified", id="PEM and OpenPGP inside"),
        pytest.param({"cora": "beside", "ada": "beside"}, "verified", id="PEM and OpenPGP beside"),
        pytest.param({"berta": "both", "cora": "both"}, "verified", id="OpenPGP, then PEM"),
        pytest.param({"ada": "both", "berta": "both", "cora": "both"}, "verified", id="all three"),
    ],
)
def test_two_of_three_means_two_different_people(
    account: Account,
    image: Path,
    people: dict[str, Person],
    left: dict[str, str],
    verdict: str,
) -> None:
    for name, how in left.items():
        people[name].sign(image, how)
    result = require_two(account, image, people)
    assert result.image["verdict"] == verdict, result.out
    assert result.status == {"verified": 0, "untrusted": 5}[verdict]
    assert ("too-few-signers" in result.codes) == (verdict == "untrusted")
    trusted = {
        one["fingerprint"]
        for one in (*result.image["signatures"], *result.image["manifests"])
        if one["trusted"]
    }
    assert trusted == {people[name].fingerprint for name in left}


def test_copies_of_one_manifest_are_one_persons(
    account: Account, image: Path, people: dict[str, Person]
) -> None:
    people["ada"].sign(image, "beside")
    shutil.copy(
        f"{image}.manifest.asc", image.with_name("climate.sif.0123456789ABCDEF.manifest.asc")
    )
    result = require_two(account, image, people)
    assert (result.status, result.image["verdict"]) == (5, "untrusted")
    assert len(result.image["manifests"]) == 2


def test_a_key_that_is_named_in_two_ways_is_one_persons(
    account: Account, image: Path, people: dict[str, Person]
) -> None:
    ada = people["ada"]
    ada.sign(image, "both")
    named = ("--signer", ada.fingerprint, "--key", ada.public_key, "--require", "2")
    assert account.verify(image, *named).status == 5


def test_countersigned_manifests_all_speak_of_the_same_bytes(
    account: Account, image: Path, people: dict[str, Person]
) -> None:
    people["ada"].sign(image, "both")
    published = image.read_bytes()
    for name in ("berta", "cora"):
        people[name].sign(image, "beside")
    assert image.read_bytes() == published
    assert {path.name for path in image.parent.iterdir()} == {
        "climate.sif",
        "climate.sif.manifest.asc",
        people["berta"].own_manifest,
        "climate.sif.sigstore.json",
    }
    named = [word for one in people.values() for word in ("--signer", one.fingerprint)]
    result = account.verify(image, *named, "--require", "3", "--exact", "--deep")
    assert (result.status, result.image["verdict"]) == (0, "verified"), result.out
    assert {one["match"] for one in result.image["manifests"]} == {"exact"}
    digests = [one["statement"]["subject"][0]["digest"] for one in result.image["manifests"]]
    assert digests == [result.image["digest"]] * 3


@pytest.mark.parametrize("later", ["berta", "cora"])
def test_who_signs_after_another_leaves_the_first_manifest_in_force(
    account: Account, image: Path, people: dict[str, Person], later: str
) -> None:
    first, second = people["ada"], people[later]
    first.sign(image, "both")
    manifest = image.with_name("climate.sif.manifest.asc").read_bytes()
    second.sign(image, "both")
    assert image.with_name("climate.sif.manifest.asc").read_bytes() == manifest
    for person, match in ((first, "signatures-added"), (second, "exact")):
        result = account.verify(image, "--key", person.public_key, "--require-manifest")
        assert result.status == 0, result.out
        (own,) = (one for one in result.image["manifests"] if one["trusted"])
        assert (own["fingerprint"], own["match"]) == (person.fingerprint, match)
        assert len([one for one in result.image["signatures"] if one["finding"] == "good"]) == 2


def test_a_second_pem_signer_has_part_of_the_fingerprint_in_the_name(
    account: Account, image: Path, people: dict[str, Person]
) -> None:
    cora = people["cora"]
    cora.sign(image, "beside")
    with Account.new() as other:
        made = other.make_signer("Dora", "dora@uni.example", "pem")
        dora = Person(other, made.fingerprint, made.public_key, is_pem=True)
        dora.sign(image, "beside")
        assert image.with_name("climate.sif.sigstore.json").exists()
        assert image.with_name(dora.own_manifest).exists()
        named = ("--signer", cora.fingerprint, "--signer", dora.fingerprint)
        assert account.verify(image, *named, "--require", "2").status == 0


def test_one_person_with_two_signing_keys_in_one_is_one(
    account: Account, image: Path, people: dict[str, Person]
) -> None:
    """Signature by one subkey, manifest by another: the primary key is who counts."""
    asked = Pinentry.that_types(account.home, PASSPHRASE)
    with Vault.new(account, passphrase=PASSPHRASE, pinentry=asked) as vault:
        vault.be_linked(socket="S.gpg-agent")
        account.ok("sign", "--no-manifest", image)
        subkey = ("--quick-add-key", vault.fingerprint, "ed25519", "sign", "1y")
        account.program("gpg", "--batch", *subkey)
        account.ok("sign", "--manifest-only", image)
        checked = account.program("gpg", "--status-fd", "1", "--verify", f"{image}.manifest.asc")
        assert "VALIDSIG" in checked.out
        assert f"VALIDSIG {vault.fingerprint}" not in checked.out  # by the subkey, this time
        public = account.home / "vera.asc"
        account.ok("key", "export", vault.fingerprint, "-o", public)
        alone = ("--key", public)
        assert account.verify(image, *alone).status == 0
        assert account.verify(image, *alone, "--require", "2").status == 5
        people["ada"].sign(image, "beside")
        both = (*alone, "--signer", people["ada"].fingerprint)
        assert account.verify(image, *both, "--require", "2").status == 0
