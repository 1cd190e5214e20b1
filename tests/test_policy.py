"""Policies for groups: who has to have signed which images, and what `verify` says of it."""

import itertools
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pysequoia
import pytest

from repro_sign.fingerprint import Fingerprint
from repro_sign.known_keys import Keys, read_keys
from repro_sign.policy_file.policy import read_policy
from repro_sign.statements.delegation import Delegation, Purpose, to_bytes
from repro_sign.statements.statement import SignerRecord
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now
from repro_sign.verifying import Engine, VerifyRequest, verify_image
from tests.account import Account, Signer
from tests.conftest import Need
from tests.forge import Forge, attach, siftool, signed_text

NAMES: Final = ("ada", "bob", "carl")
SIGNED: Final = "2020-06-01"


def write_policy(folder: Path, text: str, name: str = "policy.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def signer(name: str, *fingerprints: str) -> str:
    listed = ", ".join(f'"{one}"' for one in fingerprints)
    return f'[[signer]]\nname = "{name}"\nfingerprint = [{listed}]\n'


# Two of three: every combination of states


@dataclass(frozen=True)
class Lab:
    """Three people, their certificates in every state, and their signatures over one image."""

    folder: Path
    certificates: dict[tuple[str, str], bytes]
    policy: Path

    def image(self, counts: tuple[int, ...]) -> Path:
        return self.folder / f"{'-'.join(map(str, counts))}" / "climate.sif"


STATES: Final = {
    "absent": (0, "as made"),
    "present": (1, "as made"),
    "twice": (2, "as made"),
    "expired since": (1, "until 2021"),
    "expired before": (1, "until March"),
    "retired since": (1, "retired"),
    "compromised": (1, "compromised"),
}
"""How many signatures somebody made, and how their certificate is."""
AGAINST: Final = {"expired before", "compromised"}
FOR: Final = {"present", "twice", "expired since", "retired since"}


@pytest.fixture(scope="module")
def lab(
    need: Need, base_image: Path, grace: Signer, tmp_path_factory: pytest.TempPathFactory
) -> Lab:
    need("gpg", "siftool")
    folder = tmp_path_factory.mktemp("lab")
    text_image = Path(shutil.copy(base_image, folder / "text.sif"))
    (number,) = grace.sign(text_image, "--no-manifest").json["images"][0]["added"]
    text = signed_text(siftool("dump", str(number), text_image))
    with Account.new() as one:
        forge = Forge(one)
        keys = {name: forge.key(f"{name} <{name}@lab.example>", at="2020-01-01") for name in NAMES}
        blocks = {name: forge.sign(text, keys[name], at=SIGNED) for name in NAMES}
        for counts in itertools.product((0, 1, 2), repeat=3):
            place = folder / "-".join(map(str, counts))
            place.mkdir()
            image = Path(shutil.copy(base_image, place / "climate.sif"))
            for name, count in zip(NAMES, counts, strict=True):
                for _ in range(count):
                    attach(image, blocks[name], keys[name])
        certificates = {
            (name, state): data
            for name, key in keys.items()
            for state, data in _states(forge, key).items()
        }
    people = "".join(signer(name, key) for name, key in keys.items())
    rules = '[group]\nlab = ["ada", "bob", "carl"]\n[[rule]]\nrequire = "2 of lab"\n'
    return Lab(folder, certificates, write_policy(folder, people + rules))


def _states(forge: Forge, key: str) -> dict[str, bytes]:
    """Bring a certificate into each state; the later ones without the earlier self-signatures."""

    def exported() -> bytes:
        options = ("--armor", "--export-options", "export-clean", "--export", key)
        return forge.gpg(*options).encode()

    def revoked(reason: int) -> bytes:
        command = ("--command-fd", "0", "--gen-revoke", key)
        answers = f"y\n{reason}\n\ny\n".encode()
        block = forge.gpg(*command, at="2021-01-01", stdin=answers).encode()
        pile = pysequoia.packet.PacketPile.from_bytes(block)
        revocation = b"".join(bytes(packet) for packet in pile)
        return bytes(pysequoia.Cert.from_bytes(bytes(made) + revocation))

    made = pysequoia.Cert.from_bytes(exported())
    states = {"as made": bytes(made), "retired": revoked(3), "compromised": revoked(1)}
    for state, period in (("until 2021", "1y"), ("until March", "1m")):
        forge.gpg("--batch", "--quick-set-expire", key, period, at="2020-02-01")
        states[state] = exported()
    return states


@pytest.mark.parametrize("first", STATES)
def test_two_of_three_in_every_state(first: str, lab: Lab, tmp_path: Path) -> None:
    where = Locations(tmp_path / "ring", tmp_path / "gnupg", tmp_path / "settings")
    policy = read_policy(lab.policy, where, utc_now())
    for others in itertools.product(STATES, repeat=2):
        states = (first, *others)
        counts = tuple(STATES[state][0] for state in states)
        given = Keys()
        for name, state in zip(NAMES, states, strict=True):
            given += read_keys(lab.certificates[name, STATES[state][1]], name)
        request = VerifyRequest(policy, given=given, engine=Engine.NATIVE, where=where)
        verdict = verify_image(lab.image(counts), request).verdict
        people = sum(state in FOR for state in states)
        expected = ("unsigned", "untrusted", "verified", "verified")[people]
        if AGAINST & set(states):
            expected = "failed"
        assert verdict.word == expected, (states, verdict)
        if expected == "untrusted":
            reason = verdict.reasons[0]
            there = [name for name, state in zip(NAMES, states, strict=True) if state in FOR]
            assert reason.code == "rule-not-met"
            assert f"2 of lab: {there[0]} signed" in reason.message


# On the command line


def test_a_rule_says_who_is_missing_and_then_who_signed(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    people = signer("Ada", ada.fingerprint) + signer("Grace", grace.fingerprint)
    rule = '[group]\nlab = ["Ada", "Grace"]\n[[rule]]\nname = "papers"\nrequire = "2 of lab"\n'
    policy = write_policy(account.home, people + rule)
    ada.sign(image)
    one = account.run("verify", image, "--policy", policy)
    assert one.status == 5
    assert "rule papers of policy.toml asks for 2 of lab: Ada signed, not Grace" in one.out
    assert "ask the missing people" in one.out
    grace.sign(image)
    both = account.run("verify", image, "--policy", policy)
    assert both.status == 0
    assert "rule papers of policy.toml asks for 2 of lab: Ada, Grace signed" in both.out
    assert "trusted: policy.toml (Ada)" in both.out


def test_two_keys_of_one_person_are_one_person(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    grace.sign(image)
    people = signer("Ada", ada.fingerprint, grace.fingerprint) + signer("Bob", "B" * 40)
    rule = '[group]\nlab = ["Ada", "Bob"]\n[[rule]]\nrequire = "2 of lab"\n'
    result = account.verify(image, "--policy", write_policy(account.home, people + rule))
    assert (result.status, result.codes & {"rule-not-met"}) == (5, {"rule-not-met"})


def test_the_first_rule_for_an_images_name_counts(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    people = signer("Ada", ada.fingerprint) + signer("Grace", grace.fingerprint)
    rules = (
        '[[rule]]\nimages = ["climate*.sif"]\nrequire = "Ada"\n'
        '[[rule]]\nimages = ["ocean*", "ice*"]\nrequire = "Grace"\n'
    )
    policy = write_policy(account.home, people + rules)
    assert account.verify(image, "--policy", policy).status == 0
    ocean = Path(shutil.copy(image, image.with_name("ocean.sif")))
    assert account.verify(ocean, "--policy", policy).status == 5
    other = Path(shutil.copy(image, image.with_name("other.sif")))
    result = account.verify(other, "--policy", policy)
    assert result.status == 5
    assert "no rule of policy.toml is for an image of this name" in result.out


def test_a_policy_in_the_trust_store_counts_unless_somebody_is_named(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    settings = account.home / ".config" / "repro-sign"
    settings.mkdir(parents=True)
    write_policy(
        settings,
        signer("Grace", grace.fingerprint) + '[[rule]]\nrequire = "Grace"\n',
        "repro-sign.toml",
    )
    account.ok("trust", "add", ada.public_key, "--yes")
    assert account.verify(image).status == 5
    assert account.verify(image, "--signer", ada.fingerprint).status == 0
    grace.sign(image)
    assert account.verify(image).status == 0
    write_policy(settings, '[[rule]]\nrequire = "1 of trust store"\n', "repro-sign.toml")
    assert account.verify(image).status == 0


def test_a_policy_that_came_with_the_image_is_not_looked_at(
    mallory: Signer, image: Path, account: Account
) -> None:
    mallory.sign(image)
    text = signer("Mallory", mallory.fingerprint) + '[[rule]]\nrequire = "Mallory"\n'
    write_policy(image.parent, text, "repro-sign.toml")
    assert account.run("verify", "--json", cwd=image.parent).status == 5


@pytest.mark.parametrize("option", ["--signer", "--key", "--require"])
def test_a_policy_and_a_signer_exclude_each_other(
    ada: Signer, image: Path, account: Account, option: str
) -> None:
    policy = write_policy(
        account.home, signer("Ada", ada.fingerprint) + '[[rule]]\nrequire = "Ada"\n'
    )
    values: dict[str, str | Path] = {
        "--signer": ada.fingerprint,
        "--key": ada.public_key,
        "--require": "1",
    }
    value = values[option]
    result = account.run("verify", image, "--policy", policy, option, value)
    assert (result.status, result.out) == (2, "")
    assert "policy" in result.err


ADA: Final = signer("Ada", "A" * 40)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(ADA, "no [[rule]]", id="no rule"),
        pytest.param("[[rule]]\n", "requires nobody", id="a rule that asks for nobody"),
        pytest.param(ADA + '[[rule]]\nrequire = "Bob"\n', "'Bob'", id="a person that is not there"),
        pytest.param(ADA + '[[rule]]\nrequire = "2 of lab"\n', "'lab'", id="a group that is not"),
        pytest.param(ADA + '[[rule]]\nrequired = "Ada"\n', "requires nobody", id="a word misspelt"),
        pytest.param(
            ADA + '[[rule]]\nrequire = "Ada"\nrequire_time = true\n', "require_time", id="unknown"
        ),
        pytest.param(ADA + ADA + '[[rule]]\nrequire = "Ada"\n', "twice", id="a signer twice"),
        pytest.param(
            ADA + signer("Bob", "A" * 40) + '[[rule]]\nrequire = "Ada"\n', "two people", id="a key"
        ),
        pytest.param(
            signer("Ada", "A" * 16) + '[[rule]]\nrequire = "Ada"\n', "full fingerprint", id="key id"
        ),
        pytest.param(
            ADA + '[group]\nAda = ["Ada"]\n[[rule]]\nrequire = "Ada"\n',
            "name",
            id="group as person",
        ),
        pytest.param(
            ADA + '[[rule]]\nrequire = "Ada"\nnot_older_than = "soon"\n', "date", id="no date"
        ),
        pytest.param(
            ADA + '[[rule]]\nrequire = "Ada"\nexact = "yes"\n', "true or false", id="no switch"
        ),
        pytest.param(
            ADA + '[[rule]]\nrequire = "Ada"\n[[rotation]]\nof = "Ada"\nstatements = "nowhere"\n',
            "nowhere",
            id="statements that are not there",
        ),
        pytest.param("rule = 3\n", "[[rule]]", id="a rule that is a number"),
        pytest.param("this is no TOML", "not valid", id="no TOML"),
        pytest.param("\x1b[31m = 3\n", "not valid", id="an escape sequence"),
    ],
)
def test_a_policy_that_is_not_understood_gives_no_answer(
    base_image: Path, account: Account, text: str, complaint: str
) -> None:
    result = account.run("verify", base_image, "--policy", write_policy(account.home, text))
    assert (result.status, result.out) == (3, "")
    assert complaint in result.err
    assert "Traceback" not in result.err
    assert "\x1b" not in result.err


def test_a_rule_may_ask_for_a_manifest_and_for_a_date(
    ada: Signer, image: Path, account: Account
) -> None:
    ada.sign(image, "--no-manifest")
    people = signer("Ada", ada.fingerprint)

    def asked(rule: str) -> tuple[int, set[str]]:
        policy = write_policy(
            account.home, f'{people}key = "ada.asc"\n[[rule]]\nrequire = "Ada"\n{rule}\n'
        )
        shutil.copy(ada.public_key, account.home / "ada.asc")
        result = account.verify(image, "--policy", policy)
        return result.status, result.codes & {"no-manifest", "too-old", "no-timestamp"}

    assert asked("") == (0, set())
    assert asked("require_manifest = true") == (1, {"no-manifest"})
    assert asked("not_older_than = 2020-01-01") == (0, set())
    assert asked('not_older_than = "2d"') == (0, set())
    assert asked("not_older_than = 2099-01-01") == (1, {"too-old"})
    assert asked("require_timestamp = true") == (5, {"no-timestamp"})
    ada.sign(image)
    assert asked("require_manifest = true\nexact = true") == (0, set())


# Whose word is handed on


@pytest.fixture
def delegated(ada: Signer, grace: Signer, account: Account) -> Path:
    """Give a policy that follows Ada's delegations for a project, and Grace's key among them."""
    folder = account.home / "site"
    (folder / "delegations").mkdir(parents=True)
    until = (utc_now() + timedelta(days=400)).strftime("%Y-%m-%d")
    out = folder / "delegations" / "climate.asc"
    options = ("--project", "climate", "--until", until, "-o", out)
    made = ada.account.ok("key", "delegate", grace.public_key, *options, "--json").json
    assert (made["fingerprint"], made["delegates"]) == (ada.fingerprint, [grace.fingerprint])
    text = (
        f"{signer('Ada', ada.fingerprint)}"
        '[[delegation]]\nby = "Ada"\nproject = "climate"\ngroup = "deputies"\n'
        'statements = "delegations"\n[[rule]]\nrequire = "1 of deputies"\n'
    )
    return write_policy(folder, text)


def test_a_delegate_may_sign_for_the_project_until_the_day(
    grace: Signer, mallory: Signer, image: Path, account: Account, delegated: Path
) -> None:
    mallory.sign(image)
    assert account.verify(image, "--policy", delegated).status == 5
    grace.sign(image)
    assert account.verify(image, "--policy", delegated).status == 0
    text = delegated.read_text()
    delegated.write_text(text.replace('project = "climate"', 'project = "ocean"'))
    other = account.verify(image, "--policy", delegated)
    assert other.status == 5
    assert "no good delegation by Ada for ocean" in other.out
    delegated.write_text(text)


@pytest.mark.parametrize(
    ("signed", "status"),
    [
        pytest.param("2020-03-01", 0, id="before its end"),
        pytest.param("2020-06-01", 5, id="after its end"),
    ],
)
def test_what_a_delegate_signed_counts_until_the_delegation_ended(
    image: Path, account: Account, forge: Forge, text: bytes, signed: str, status: int
) -> None:
    root = forge.key("Ada Author <ada@uni.example>", at="2020-01-01")
    deputy = forge.key("Deputy <deputy@uni.example>", at="2020-01-01")
    records = []
    for key in (root, deputy):
        path = forge.public(key, image.parent, f"{key}.asc")
        records.append(SignerRecord(Fingerprint(key), None, path.read_text()))
    said = Delegation(
        Purpose.DELEGATION,
        (records[1],),
        records[0],
        datetime(2020, 2, 1, tzinfo=UTC),
        "climate",
        datetime(2020, 5, 1, tzinfo=UTC),
    )
    statement = account.home / "delegation.asc"
    statement.write_bytes(forge.sign(to_bytes(said), root, at="2020-02-01"))
    attach(image, forge.sign(text, deputy, at=signed), deputy)
    rules = (
        f'{signer("Ada", root)}[[delegation]]\nby = "Ada"\nproject = "climate"\n'
        'group = "deputies"\nstatements = "delegation.asc"\n[[rule]]\nrequire = "deputies"\n'
    )
    result = account.verify(image, "--policy", write_policy(account.home, rules))
    assert result.status == status, result.out
    assert ("delegation-ended" in result.codes) == (status == 5)


def test_a_strangers_delegation_is_not_followed(
    ada: Signer, mallory: Signer, image: Path, account: Account, delegated: Path
) -> None:
    options = ("--project", "climate", "--until", "2099-01-01", "--json")
    forged = delegated.parent / "delegations" / "forged.asc"
    other = account.home / "other.asc"
    other.write_text(ada.public_key.read_text())
    mallory.account.ok("key", "delegate", other, *options, "-o", forged)
    mallory.sign(image)
    assert account.verify(image, "--policy", delegated).status == 5
    changed = delegated.parent / "delegations" / "climate.asc"
    changed.write_text(changed.read_text().replace('"climate"', '"ocean"'))
    result = account.verify(image, "--policy", delegated)
    assert "climate.asc is not followed" in result.out


def test_a_new_key_is_followed_only_if_the_policy_says_so(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    out = account.home / "rotation.asc"
    ada.account.ok("key", "rotate", grace.public_key, "-o", out)
    grace.sign(image)
    plain = f'{signer("Ada", ada.fingerprint)}[[rule]]\nrequire = "Ada"\n'
    assert account.verify(image, "--policy", write_policy(account.home, plain)).status == 5
    follow = f'{plain}[[rotation]]\nof = "Ada"\nstatements = "rotation.asc"\n'
    followed = account.verify(image, "--policy", write_policy(account.home, follow))
    assert followed.status == 0
    assert followed.image["signatures"][0]["trusted_by"] == "policy.toml (Ada)"


def test_a_statement_can_be_checked_by_hand(ada: Signer, grace: Signer, account: Account) -> None:
    out = account.home / "rotation.asc"
    ada.account.ok("key", "rotate", grace.public_key, "-o", out)
    account.program("gpg", "--batch", "--import", ada.public_key)
    assert "Good signature" in account.program("gpg", "--verify", out).err
    assert grace.fingerprint in out.read_text()
    again = ada.account.run("key", "rotate", grace.public_key, "-o", out)
    assert (again.status, again.out) == (1, "")
    assert "is there already" in again.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(("--until", "2020-01-01"), "in the future", id="a day that is past"),
        pytest.param(("--until", "soon"), "soon", id="no day"),
        pytest.param(("--until", "2099-01-01", "--project", " "), "project", id="no project"),
    ],
)
def test_a_delegation_that_makes_no_sense_is_a_usage_error(
    ada: Signer, grace: Signer, arguments: tuple[str, ...], complaint: str
) -> None:
    options = ("--project", "climate", *arguments)
    result = ada.account.run("key", "delegate", grace.public_key, *options)
    assert result.status == 2
    assert complaint in result.err


def test_a_pem_key_can_hand_its_word_on(
    grace: Signer, account: Account, image: Path, need: Need
) -> None:
    made = account.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json
    folder = account.home / "statements"
    folder.mkdir()
    out = folder / "lab.sigstore.json"
    options = ("--key", made["secret_key"], "--project", "lab", "--until", "2099-01-01", "-o", out)
    account.ok("key", "delegate", grace.public_key, *options)
    grace.sign(image)
    text = (
        f"{signer('Lab', made['fingerprint'])}"
        '[[delegation]]\nby = "Lab"\nproject = "lab"\ngroup = "staff"\n'
        'statements = "statements"\n[[rule]]\nrequire = "staff"\n'
    )
    with Account.new() as reader:
        shutil.copytree(folder, reader.home / "statements")
        assert reader.verify(image, "--policy", write_policy(reader.home, text)).status == 0
    wrong = account.run("key", "delegate", grace.public_key, *options[:-1], folder / "lab.asc")
    assert wrong.status == 2
    assert ".sigstore.json" in wrong.err
