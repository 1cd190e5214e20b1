"""Keys on a smart card sign images. The card is SoftHSM's, behind gnupg-pkcs11-scd: no hardware."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from repro_sign.errors import NoAnswerError
from repro_sign.sealing.preparing import prepare
from repro_sign.signing import SignRequest, sign_image
from repro_sign.stores import gnupg_process
from repro_sign.stores.key_choice import find_key
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now
from tests.account import Account
from tests.agents import Pinentry, fingerprints, gpg, tree
from tests.conftest import Need

pytestmark = pytest.mark.heavy
PIN = "123456"
DRIVERS = ("softhsm/libsofthsm2.so", "*/softhsm/libsofthsm2.so")


@dataclass(frozen=True)
class Card:
    """A card with an RSA key on it, in the reader of an account that has used it before."""

    account: Account
    keygrip: str
    asked: Pinentry

    @property
    def home(self) -> Path:
        return self.account.home / ".gnupg"

    @property
    def slot(self) -> Path:
        return self.account.home / "tokens"

    def take_away(self) -> None:
        """Pull the card out of its reader, for gpg's daemon as well."""
        self.account.end_agents(self.home)
        self.slot.rename(self.account.home / "pocket")
        self.slot.mkdir()
        start_agent(self.account, self.home)

    def make_key(self, usage: str = "sign") -> str:
        """Make an OpenPGP key of the one on the card."""
        request = f"""
            Key-Type: RSA
            Key-Grip: {self.keygrip}
            Key-Usage: {usage}
            Name-Real: Carla Card
            Name-Email: carla@uni.example
            Expire-Date: 1y
            %no-protection
            %commit
        """
        gpg(self.account, self.home, "--gen-key", stdin=request.encode(), passphrase=None)
        (fingerprint,) = fingerprints(self.account, self.home)
        return fingerprint

    def make_subkey(self) -> str:
        """Make the key on the card the signing subkey of a primary key that is then taken away."""
        user_id = "Carla Card <carla@uni.example>"
        gpg(self.account, self.home, "--quick-gen-key", user_id, "ed25519", "cert", "never")
        (fingerprint,) = fingerprints(self.account, self.home)
        edit = ("--command-fd", "0", "--expert", "--edit-key", fingerprint, "addkey", "save")
        answers = f"13\n{self.keygrip}\n=s\nq\n0\n"
        gpg(self.account, self.home, *edit, stdin=answers.encode(), passphrase=None)
        listed = gpg(self.account, self.home, "--list-keys", "--with-colons", "--with-keygrip")
        grip = next(one for one in listed.decode().splitlines() if one.startswith("grp:"))
        (self.home / "private-keys-v1.d" / f"{grip.split(':')[9]}.key").unlink()
        self.account.end_agents(self.home)
        start_agent(self.account, self.home)
        return fingerprint


def start_agent(account: Account, home: Path) -> None:
    account.program("gpg-connect-agent", "--homedir", home, "/bye")


def driver() -> Path:
    return next(path for pattern in DRIVERS for path in Path("/usr/lib").glob(pattern))


@pytest.fixture
def card(need: Need) -> Iterator[Card]:
    need("gpg", "gpg-agent", "gpgconf", "gpg-connect-agent", "openssl")
    need("softhsm2-util", "pkcs11-tool", "gnupg-pkcs11-scd")
    with Account.new() as plain:
        account = plain.with_variables(SOFTHSM2_CONF=str(plain.home / "softhsm.conf"))
        home = account.home / ".gnupg"
        home.mkdir(0o700)
        (account.home / "tokens").mkdir()
        (account.home / "softhsm.conf").write_text(
            f"directories.tokendir = {account.home}/tokens\nobjectstore.backend = file\n"
        )
        asked = Pinentry.that_types(account.home, PIN)
        (home / "gpg-agent.conf").write_text(
            "scdaemon-program /usr/bin/gnupg-pkcs11-scd\n"
            f"pinentry-program {asked.program}\nallow-loopback-pinentry\n"
        )
        (home / "gnupg-pkcs11-scd.conf").write_text(
            f"providers softhsm\nprovider-softhsm-library {driver()}\n"
        )
        write_card(account)
        start_agent(account, home)
        argv = ("gpg-connect-agent", "--homedir", home)
        learnt = account.program(*argv, "SCD LEARN", "/bye").out.splitlines()
        (keygrip,) = (line.split()[2] for line in learnt if line.startswith("S KEYPAIRINFO"))
        account.program(*argv, "LEARN --force", "/bye")  # as gpg --card-status does
        yield Card(account, keygrip, asked)


def write_card(account: Account) -> None:
    """Put an RSA key and its certificate on a new card; one without a certificate is not seen."""
    token = ("--init-token", "--free", "--label", "card", "--pin", PIN, "--so-pin", "12345678")
    account.program("softhsm2-util", *token)
    key, certificate = account.home / "key.pem", account.home / "certificate.pem"
    made = ("-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "30")
    account.program("openssl", "req", "-x509", *made, "-subj", "/CN=card")
    tool = ("pkcs11-tool", "--module", driver(), "--login", "--pin", PIN, "--id", "01")
    for kind, path in (("privkey", key), ("cert", certificate)):
        der = path.with_suffix(".der")
        what = ("pkey",) if kind == "privkey" else ("x509",)
        account.program("openssl", *what, "-in", path, "-outform", "DER", "-out", der)
        usage = ("--usage-sign",) if kind == "privkey" else ()
        account.program(*tool, "--write-object", der, "--type", kind, *usage)
        path.unlink()
        der.unlink()


def accepted(card: Card, image: Path, fingerprint: str) -> None:
    """A reader with the public key accepts image and manifest, with Apptainer alone too."""
    public = image.with_name("carla.asc")
    card.account.ok("key", "export", fingerprint, "-o", public)
    with Account.new() as reader:
        result = reader.verify(image, "--key", public, "--engine", "both", "--require-manifest")
        assert (result.status, result.image["verdict"]) == (0, "verified"), result.out
        assert [one["fingerprint"] for one in result.image["manifests"]] == [fingerprint]
        reader.program("apptainer", "key", "import", public)
        reader.program("apptainer", "verify", "--local", image)


def test_a_card_signs_image_and_manifest(card: Card, image: Path) -> None:
    fingerprint = card.make_key()
    card.account.end_agents(card.home)  # it remembers the PIN
    start_agent(card.account, card.home)
    asked_before = len(card.asked.questions)
    card.account.ok("sign", image)
    accepted(card, image, fingerprint)
    assert "enter the PIN" in card.asked.questions[asked_before]
    (key,) = card.account.ok("key", "list", "--secret", "--json").json["keys"]
    assert (key["fingerprint"], key["keeper"]) == (fingerprint, "card")
    assert "GnuPG, on a card" in card.account.ok("key", "show", fingerprint).out


def test_a_signing_subkey_on_a_card_signs_for_its_offline_primary_key(
    card: Card, image: Path
) -> None:
    fingerprint = card.make_subkey()
    card.account.ok("sign", image, "--key", "carla@uni.example")
    accepted(card, image, fingerprint)
    (key,) = card.account.ok("key", "list", "--secret", "--json").json["keys"]
    assert key["keeper"] == "card"


def test_a_card_behind_another_machines_agent_signs(card: Card, image: Path) -> None:
    fingerprint = card.make_key()
    with Account.new() as author:
        own = author.home / ".gnupg"
        own.mkdir(0o700)
        gpg(author, own, "--import", stdin=gpg(card.account, card.home, "--export", fingerprint))
        author.end_agents(own)
        (own / "S.gpg-agent").symlink_to(card.home / "S.gpg-agent.extra")
        author.ok("sign", image)
        accepted(card, image, fingerprint)


def test_a_card_that_only_logs_in_is_refused(card: Card, image: Path) -> None:
    card.make_key("auth")
    before = tree(image.parent)
    refused = card.account.run("sign", image)
    assert refused.status == 1
    assert "neither its primary key nor a subkey of it is meant for signing" in refused.err
    assert tree(image.parent) == before


def test_a_card_that_was_taken_away_is_waited_for_and_then_no_answer(
    card: Card, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card.make_key()
    card.take_away()
    monkeypatch.setattr(gnupg_process, "ASKING_SECONDS", 3.0)
    home = card.account.home
    where = Locations(home / "ring", card.home, home / "settings")
    key = find_key(where, None, utc_now())  # that there is such a card is known
    before = tree(image.parent)
    with pytest.raises(NoAnswerError, match="did not finish within 3 seconds: nothing was") as late:
        sign_image(image, prepare(key, where, None), SignRequest())
    assert "put the card in" in str(late.value.hint)
    assert tree(image.parent) == before
    assert card.asked.questions  # it was asked for
