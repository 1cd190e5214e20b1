"""Keys whose secret half an agent elsewhere has: renewed and revoked by it, not saved, not lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.account import Account
from tests.agents import Vault, gpg
from tests.conftest import Need


@pytest.fixture
def vault(account: Account, need: Need) -> Iterator[Vault]:
    """Give a key that only an agent behind a link has."""
    need("gpg", "gpg-agent", "gpgconf", "gpg-connect-agent")
    with Vault.new(account) as one:
        one.be_linked()
        yield one


def secret_is_there(vault: Vault) -> bool:
    listed = gpg(vault.account, vault.folder, "--with-colons", "--list-secret-keys").decode()
    row = next(line for line in listed.splitlines() if line.startswith("sec:"))
    return row.split(":")[14] == "+"


def test_the_agent_renews_and_revokes_it(vault: Vault, image: Path) -> None:
    account, name = vault.account, vault.fingerprint
    account.ok("key", "renew", name, "--expires", "6y")
    account.ok("sign", image)
    public = account.home / f"{name}.asc"
    with Account.new() as reader:
        assert reader.verify(image, "--key", public).status == 0
        done = account.ok("key", "revoke", name, "--reason", "retired", "--yes", "--json").json
        assert done["reason"] == "retired"
        result = reader.verify(image, "--key", public)
        assert (result.image["verdict"], "key-since" in result.codes) == ("verified", True)


def test_it_is_not_saved_and_the_reason_is_said(vault: Vault) -> None:
    file = vault.account.home / "backup.asc"
    result = vault.account.run("key", "backup", vault.fingerprint, "-o", file)
    assert (result.status, result.out) == (1, "")
    assert "with another agent: it can't be taken out" in result.err
    assert not file.exists()


def test_it_is_not_removed_from_here(vault: Vault) -> None:
    result = vault.account.run("key", "remove", vault.fingerprint, "--yes")
    assert (result.status, result.out) == (1, "")
    assert "Forbidden" in result.err
    assert secret_is_there(vault)


def test_where_the_agent_does_not_answer_nothing_is_removed_or_denied(vault: Vault) -> None:
    account, name = vault.account, vault.fingerprint
    vault.stop()
    for command in (
        ("remove", name, "--yes"),
        ("backup", name, "-o", account.home / "backup.asc"),
        ("renew", name),
        ("revoke", name, "--reason", "retired", "--yes"),
    ):
        result = account.run("key", *command)
        assert (result.status, result.out) == (3, ""), command
        assert "hint: " in result.err
    listed = gpg(account, account.home / ".gnupg", "--with-colons", "--list-keys").decode()
    assert name in listed
