"""Keys whose primary may only certify: a signing subkey signs, where there is one that may."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from repro_sign.sif import layout
from repro_sign.sif.reader import OpenImage
from repro_sign.system.files import open_regular
from tests.account import Account
from tests.agents import PASSPHRASE, fingerprints, gpg, tree
from tests.conftest import Need

STORES = pytest.mark.parametrize("store", ["apptainer", "gnupg"])
LONG_AGO = "20200101T000000"
MONTHS_AGO = f"{datetime.now(UTC) - timedelta(days=90):%Y%m%dT000000}"


@dataclass(frozen=True)
class Master:
    """A key made by gpg, whose primary may certify and no more (unless it is made otherwise)."""

    account: Account
    fingerprint: str
    passphrase: str = ""

    @property
    def home(self) -> Path:
        return self.account.home / ".gnupg"

    def gpg(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return gpg(self.account, self.home, *arguments, stdin=stdin, passphrase=self.passphrase)

    @classmethod
    def new(
        cls, account: Account, *, passphrase: str = "", usage: str = "cert", at: str = LONG_AGO
    ) -> "Master":
        made = cls(account, "", passphrase)
        made.home.mkdir(0o700)
        user_id, clock = "Mina Master <mina@uni.example>", ("--faked-system-time", at)
        made.gpg(*clock, "--quick-gen-key", user_id, "ed25519", usage, "never")
        (fingerprint,) = fingerprints(account, made.home)
        return cls(account, fingerprint, passphrase)

    def add(self, usage: str = "sign", algorithm: str = "ed25519", *, at: str = "") -> None:
        """Add a subkey; one made long ago ended a year later."""
        clock = ("--faked-system-time", at) if at else ()
        self.gpg(*clock, "--quick-add-key", self.fingerprint, algorithm, usage, "1y")

    def revoke_subkey(self) -> None:
        edit = ("--command-fd", "0", "--edit-key", self.fingerprint, "key 1", "revkey", "save")
        self.gpg(*edit, stdin=b"y\n3\n\ny\n")

    def keygrips(self) -> list[str]:
        """Return the keygrips, the primary key's first."""
        listed = self.gpg("--list-keys", "--with-colons", "--with-keygrip").decode()
        return [line.split(":")[9] for line in listed.splitlines() if line.startswith("grp:")]

    def forget(self, number: int) -> None:
        """Take the secret half of one key away: 0 is the primary key."""
        (self.home / "private-keys-v1.d" / f"{self.keygrips()[number]}.key").unlink()

    def move_to(self, store: str, *, how: str = "--export-secret-keys") -> None:
        """Put the key into Apptainer's ring, if it is to be there."""
        if store == "apptainer":
            secret = self.account.home / "secret.gpg"
            secret.write_bytes(self.gpg(how, self.fingerprint))
            self.account.end_agents(self.home)
            shutil.rmtree(self.home)
            self.account.ok("key", "import", "--secret", "--store", "apptainer", secret)
            secret.unlink()

    def sign(self, image: Path) -> None:
        given = self.account.home / "passphrase"
        given.touch(0o600)
        given.write_text(self.passphrase)
        self.account.ok("sign", image, *(("--passphrase-file", given) if self.passphrase else ()))

    def refuses(self, image: Path, *words: str) -> None:
        """Signing is refused before anything happens, whether or not the key is named."""
        before = tree(image.parent)
        for options in ((), ("--key", self.fingerprint)):
            refused = self.account.run("sign", image, *options)
            assert (refused.status, refused.out) == (1, "")
            for part in words:
                assert part in refused.err
        assert tree(image.parent) == before


@pytest.fixture(autouse=True)
def programs(need: Need) -> None:
    need("gpg", "gpgconf", "apptainer")


@pytest.fixture
def reader() -> Iterator[Account]:
    with Account.new() as one:
        yield one


def signatures(image: Path) -> list[tuple[str, int, bytes]]:
    """Return fingerprint and hash type in each signature's descriptor, and its data."""
    opened = OpenImage(image, open_regular(image, 0))
    found = []
    for one in opened.signatures:
        number, entity = layout.SIGNATURE_EXTRA.unpack_from(one.extra)
        found.append((entity[:20].hex().upper(), number, opened.object_data(one)))
    return found


def accepted(reader: Account, image: Path, master: Master) -> None:
    """A reader with the public key accepts it, with our command and with Apptainer alone."""
    public = image.with_name("master.asc")
    master.account.ok("key", "export", master.fingerprint, "-o", public)
    result = reader.verify(image, "--key", public, "--engine", "both", "--require-manifest")
    assert (result.status, result.image["verdict"]) == (0, "verified"), result.out
    assert [one["fingerprint"] for one in result.image["manifests"]] == [master.fingerprint]
    reader.program("apptainer", "key", "import", public)
    reader.program("apptainer", "verify", "--local", image)
    assert reader.program("gpg", "--import", public).status == 0
    reader.program("gpg", "--verify", f"{image}.manifest.asc")


@STORES
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE], ids=["open", "encrypted"])
def test_a_signing_subkey_signs_for_its_primary_key(
    image: Path, account: Account, reader: Account, store: str, passphrase: str
) -> None:
    master = Master.new(account, passphrase=passphrase)
    master.add()
    master.move_to(store)
    master.sign(image)
    ((entity, hash_type, _),) = signatures(image)
    assert entity == master.fingerprint
    assert layout.SIGNATURE_HASH_TYPES[hash_type] == (
        "SHA-512" if store == "apptainer" else "SHA-256"
    )
    accepted(reader, image, master)
    before = image.read_bytes()
    master.sign(image)
    assert image.read_bytes() == before  # it knows its own signature again


def test_what_apptainer_itself_imported_signs_too(
    image: Path, account: Account, reader: Account
) -> None:
    """`apptainer sign` uses the primary key of this ring, and nobody accepts the result."""
    master = Master.new(account)
    master.add()
    secret = account.home / "secret.gpg"
    secret.write_bytes(master.gpg("--export-secret-keys"))
    account.end_agents(master.home)
    shutil.rmtree(master.home)
    account.program("apptainer", "key", "import", secret)
    worthless = Path(shutil.copy(image, account.home / "worthless.sif"))
    account.program("apptainer", "sign", "-k", "0", worthless)
    assert account.program("apptainer", "verify", "--local", worthless, check=False).status != 0
    master.sign(image)
    accepted(reader, image, master)


def test_a_subkey_in_apptainers_ring_signs_without_any_program(
    image: Path, account: Account, reader: Account
) -> None:
    master = Master.new(account)
    master.add()
    master.move_to("apptainer")
    account.with_variables(PATH="/nonexistent").ok("sign", image)
    accepted(reader, image, master)


@STORES
def test_a_primary_key_kept_offline_is_not_needed(
    image: Path, account: Account, reader: Account, store: str
) -> None:
    master = Master.new(account)
    master.add()
    if store == "gnupg":
        master.forget(0)
    master.move_to(store, how="--export-secret-subkeys")
    master.sign(image)
    accepted(reader, image, master)


@STORES
def test_of_several_signing_subkeys_one_that_may_sign_does(
    image: Path, account: Account, reader: Account, store: str
) -> None:
    master = Master.new(account)
    master.add(at=LONG_AGO)
    master.add(algorithm="rsa2048")
    master.add("encr", "cv25519")
    master.add()
    master.move_to(store)
    master.sign(image)
    accepted(reader, image, master)


def test_where_the_newest_subkey_is_elsewhere_the_one_at_hand_signs(
    image: Path, account: Account, reader: Account
) -> None:
    master = Master.new(account)
    master.add(at=MONTHS_AGO)
    master.add(algorithm="rsa2048")
    master.forget(2)
    account.end_agents(master.home)
    master.sign(image)
    accepted(reader, image, master)


@STORES
@pytest.mark.parametrize(
    ("usage", "algorithm"), [("encr", "cv25519"), ("auth", "ed25519")], ids=["encr", "auth"]
)
def test_a_key_that_only_decrypts_or_logs_in_is_refused(
    image: Path, account: Account, store: str, usage: str, algorithm: str
) -> None:
    master = Master.new(account)
    master.add(usage, algorithm)
    master.move_to(store)
    master.refuses(image, "neither its primary key nor a subkey of it is meant for signing")


@STORES
def test_an_expired_signing_subkey_is_none(image: Path, account: Account, store: str) -> None:
    master = Master.new(account)
    master.add(at=LONG_AGO)
    master.move_to(store)
    master.refuses(image, "its signing subkey expired on 2020-12-31")


@STORES
def test_a_revoked_signing_subkey_is_none(image: Path, account: Account, store: str) -> None:
    master = Master.new(account)
    master.add()
    master.revoke_subkey()
    master.move_to(store)
    master.refuses(image, "its signing subkey is revoked (retired, on")


def test_a_key_of_which_gpg_reaches_no_part_that_signs_is_refused(
    image: Path, account: Account
) -> None:
    master = Master.new(account)
    master.add()
    master.add("encr", "cv25519")
    master.forget(1)
    account.end_agents(master.home)
    master.refuses(image, "the secret half of what signs is neither here nor in an agent nor on")
    (key,) = account.ok("key", "list", "--secret", "--json").json["keys"]
    assert (key["secret_in"], key["keeper"]) == (["gnupg"], "disk")
    assert "(can't sign from there)" in account.ok("key", "list").out


def test_a_ring_without_the_primary_key_that_signs_is_refused(
    image: Path, account: Account
) -> None:
    master = Master.new(account, passphrase=PASSPHRASE, usage="default")
    master.add()
    master.move_to("apptainer", how="--export-secret-subkeys")
    master.refuses(image, "its primary key is not in Apptainer's ring")


def test_where_the_ring_has_only_a_stub_the_same_key_in_gnupg_signs(
    image: Path, account: Account, reader: Account
) -> None:
    master = Master.new(account, usage="default")
    master.add()
    stub = account.home / "stub.gpg"
    stub.write_bytes(master.gpg("--export-secret-subkeys"))
    account.ok("key", "import", "--secret", "--store", "apptainer", stub)
    master.sign(image)
    accepted(reader, image, master)
