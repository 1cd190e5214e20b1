"""Keys whose secret half only an agent elsewhere has: it signs, lists, asks, and may be gone."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from repro_sign.errors import NoAnswerError
from repro_sign.stores import gnupg_agent, gnupg_process
from repro_sign.stores.key_choice import find_key
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now
from tests.account import Account, Signer
from tests.agents import (
    PASSPHRASE,
    Pinentry,
    Vault,
    agent_answers,
    tree,
)
from tests.conftest import Need

LINKS = ["symbolic link", "redirect file"]


@pytest.fixture(autouse=True)
def programs(need: Need) -> None:
    need("gpg", "gpg-agent", "gpgconf", "gpg-connect-agent")


@pytest.fixture
def asked(account: Account) -> Pinentry:
    """Give what types the passphrase where the key is."""
    return Pinentry.that_types(account.home, PASSPHRASE)


@pytest.fixture
def locked(account: Account, asked: Pinentry) -> Iterator[Vault]:
    """Give a home whose agent asks for the key's passphrase."""
    with Vault.new(account, passphrase=PASSPHRASE, pinentry=asked) as one:
        yield one


@pytest.fixture
def open_vault(account: Account) -> Iterator[Vault]:
    """Give a home whose key has no passphrase."""
    with Vault.new(account) as one:
        yield one


def accepted(account: Account, image: Path, fingerprint: str) -> None:
    """Image and manifest hold, by the native engine and by the real `apptainer verify`."""
    result = account.verify(
        image, "--signer", fingerprint, "--engine", "both", "--require-manifest"
    )
    assert result.status == 0, result.out
    assert result.image["engines"] == {"native": "verified", "apptainer": "verified"}
    assert [one["fingerprint"] for one in result.image["manifests"]] == [fingerprint]


def passphrase_file(account: Account) -> Path:
    path = account.home / "passphrase"
    path.touch(0o600)
    path.write_text(PASSPHRASE)
    return path


@pytest.mark.parametrize("link", LINKS)
def test_an_agent_behind_a_link_signs_and_asks_for_the_passphrase_itself(
    account: Account, image: Path, locked: Vault, asked: Pinentry, link: str
) -> None:
    locked.be_linked(link)
    account.ok("sign", image)
    accepted(account, image, locked.fingerprint)
    assert "Request from a remote site" in asked.questions[0]
    assert len(asked.questions) == 1  # two signatures: the agent remembers
    assert not list((account.home / ".gnupg/private-keys-v1.d").glob("*"))


def test_a_key_without_passphrase_behind_a_link_signs(
    account: Account, image: Path, open_vault: Vault
) -> None:
    open_vault.be_linked()
    account.ok("sign", image, "--key", "vera@uni.example")
    accepted(account, image, open_vault.fingerprint)


def test_an_ordinary_socket_takes_the_passphrase_from_a_file(
    account: Account, image: Path, locked: Vault, asked: Pinentry
) -> None:
    locked.be_linked(socket="S.gpg-agent")
    account.ok("sign", image, "--passphrase-file", passphrase_file(account))
    accepted(account, image, locked.fingerprint)
    assert asked.questions == []


def test_a_preset_passphrase_is_enough(account: Account, image: Path, locked: Vault) -> None:
    (grip,) = (one.stem for one in (locked.folder / "private-keys-v1.d").glob("*.key"))
    preset = account.program("gpgconf", "--list-dirs", "libexecdir").out.strip()
    command = (f"{preset}/gpg-preset-passphrase", "--homedir", locked.folder, "--preset", grip)
    account.program(*command, stdin=PASSPHRASE.encode())
    locked.be_linked(socket="S.gpg-agent")
    account.ok("sign", image)
    accepted(account, image, locked.fingerprint)


def test_a_passphrase_file_is_of_no_use_to_a_remote_agent_and_sign_says_so(
    account: Account, image: Path, locked: Vault
) -> None:
    locked.be_linked()
    before = tree(image.parent)
    refused = account.run("sign", image, "--passphrase-file", passphrase_file(account))
    assert refused.status == 1
    assert "leave --passphrase-file (and REPRO_SIGN_PASSPHRASE_FILE) away" in refused.err
    assert tree(image.parent) == before


def test_a_cancelled_question_is_a_refusal_that_changes_nothing(
    account: Account, image: Path
) -> None:
    cancelling = Pinentry.that_cancels(account.home)
    with Vault.new(account, passphrase=PASSPHRASE, pinentry=cancelling) as vault:
        vault.be_linked()
        before = tree(image.parent)
        refused = account.run("sign", image)
        assert refused.status == 1
        assert "was cancelled: sign again" in refused.err
        assert tree(image.parent) == before


def test_such_a_key_is_listed_with_what_is_known_of_it(account: Account, open_vault: Vault) -> None:
    open_vault.be_linked()
    (key,) = account.ok("key", "list", "--secret", "--json").json["keys"]
    assert (key["fingerprint"], key["secret_in"]) == (open_vault.fingerprint, ["gnupg"])
    assert key["keeper"] == "agent"
    assert key["encrypted"] is None
    for command in (("list",), ("show", open_vault.fingerprint)):
        assert "GnuPG, in an agent or on a card" in account.ok("key", *command).out


@contextmanager
def nothing_happens(account: Account, image: Path) -> Iterator[None]:
    """The image, its folder, and GnuPG's home stay as they are, and no agent is started."""
    before = tree(image.parent), tree(account.home / ".gnupg")
    yield
    assert (tree(image.parent), tree(account.home / ".gnupg")) == before
    assert not agent_answers(account, account.home / ".gnupg")


@pytest.mark.parametrize("selector", [(), ("--key", "vera@uni.example")], ids=["any", "named"])
@pytest.mark.parametrize("link", LINKS)
def test_a_link_to_an_agent_that_is_gone_is_no_answer_and_starts_no_other(
    account: Account, image: Path, open_vault: Vault, link: str, selector: tuple[str, ...]
) -> None:
    open_vault.be_linked(link)
    open_vault.stop()
    with nothing_happens(account, image):
        refused = account.run("sign", image, *selector)
        assert refused.status == 3
        assert f"no gpg-agent answers at {open_vault.folder}/S.gpg-agent.extra" in refused.err
        assert str(open_vault.link) in refused.err
        listed = account.ok("key", "list")
        assert "which keys in GnuPG can sign is not known" in listed.err
        assert "no gpg-agent answers" in account.run("doctor").out
        new = ("--name", "Vera", "--email", "v@uni.example", "--store", "gnupg", "--no-passphrase")
        assert account.run("keygen", *new).status == 3


def test_a_user_who_forbids_gpg_to_start_agents_is_heeded(
    account: Account, image: Path, open_vault: Vault
) -> None:
    own = account.home / ".gnupg"
    (own / "gpg.conf").write_text("# ssh -R brings the agent\nno-autostart\n")
    account.end_agents(own)
    with nothing_happens(account, image):
        refused = account.run("sign", image)
        assert refused.status == 3
        assert f"no gpg-agent answers at {own}/S.gpg-agent" in refused.err


def test_a_key_elsewhere_signs_though_the_agent_is_gone(
    account: Account, image: Path, open_vault: Vault
) -> None:
    made = account.make_signer("Ada Author", "ada@uni.example", "apptainer")
    open_vault.be_linked()
    open_vault.stop()
    account.ok("sign", image, "--key", made.fingerprint)
    accepted(account, image, made.fingerprint)


def test_a_link_in_a_folder_of_odd_name_is_seen(account: Account, tmp_path: Path) -> None:
    folder = tmp_path / "100%: keys"
    folder.mkdir(0o700)
    (folder / "S.gpg-agent").symlink_to(account.home / "elsewhere")
    found = gnupg_agent.find_agent(folder)
    assert (found.socket, found.target) == (f"{folder}/S.gpg-agent", f"{account.home}/elsewhere")
    assert found.foreign


@pytest.mark.parametrize("linked", [True, False], ids=["behind a link", "in the agent's place"])
def test_an_agent_that_takes_the_call_and_says_nothing_is_no_answer(
    account: Account, open_vault: Vault, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    monkeypatch.setattr(gnupg_agent, "_SECONDS", 1.0)
    monkeypatch.setattr(gnupg_process, "LOOKING_SECONDS", 1.0)
    where = Locations(account.home / "ring", account.home / ".gnupg", account.home / "settings")
    place = account.home / "mute" if linked else open_vault.link
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(place))
        mute.listen()
        if linked:
            open_vault.link.symlink_to(place)
        with pytest.raises(NoAnswerError) as silent:
            find_key(where, None, utc_now())
    expected = f"no gpg-agent answers at {place}" if linked else "gpg did not finish within 1 sec"
    assert str(silent.value).startswith(expected)
    assert silent.value.hint


def test_verify_asks_no_agent_and_writes_nothing(
    account: Account, image: Path, open_vault: Vault
) -> None:
    open_vault.be_linked()
    account.ok("sign", image)
    manifest = image.with_name(f"{image.name}.manifest.asc")
    manifest.unlink()  # so that the certificate has to come from GnuPG
    open_vault.stop()
    with nothing_happens(account, image):
        checked = account.verify(image, "--signer", open_vault.fingerprint)
        assert checked.status == 0, checked.out


def test_news_of_a_key_arrive_though_the_agent_is_gone(
    account: Account, open_vault: Vault, grace: Signer
) -> None:
    open_vault.be_linked()
    open_vault.stop()
    account.ok("key", "import", "--store", "gnupg", grace.public_key)
    keys = account.ok("key", "list", "--json").json["keys"]
    assert {one["fingerprint"] for one in keys} == {grace.fingerprint, open_vault.fingerprint}
    assert open_vault.link.is_symlink()


def test_of_a_key_whose_public_half_alone_is_here_sign_says_so(
    account: Account, image: Path, open_vault: Vault
) -> None:
    refused = account.run("sign", image, "--key", open_vault.fingerprint)
    assert refused.status == 1
    assert "only the public half is here" in refused.err
    assert "--card-status" in refused.err
