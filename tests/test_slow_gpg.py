"""A gpg that takes its time, as one does that asks for a passphrase: what it signs is younger."""

import shutil
import time

import pytest

from tests.account import Account, Signer
from tests.agents import fingerprints, gpg
from tests.conftest import Need


@pytest.fixture
def owner(account: Account, need: Need) -> Account:
    """Give an author who has a signing subkey, and a gpg that begins after more than a second."""
    need("gpg", "gpg-agent")
    home = account.home / ".gnupg"
    home.mkdir(0o700)
    gpg(account, home, "--quick-gen-key", "Sam Slow <sam@uni.example>", "ed25519", "cert", "1y")
    gpg(account, home, "--quick-add-key", *fingerprints(account, home), "ed25519", "sign", "1y")
    slow = account.home / "slow"
    slow.mkdir()
    (slow / "gpg").write_text(f'#!/bin/sh\nsleep 1.1\nexec {shutil.which("gpg")} "$@"\n')
    (slow / "gpg").chmod(0o700)
    return account.with_variables(PATH=f"{slow}:{account.environment['PATH']}")


def test_a_key_with_a_subkey_is_renewed(owner: Account) -> None:
    home = owner.home / ".gnupg"
    owner.ok("key", "renew", *fingerprints(owner, home), "--expires", "4y")
    listed = gpg(owner, home, "--list-keys", "--with-colons").decode().splitlines()
    ends = [int(one.split(":")[6]) for one in listed if one.startswith(("pub:", "sub:"))]
    assert [round((end - time.time()) / (365 * 86400)) for end in ends] == [4, 4]


@pytest.mark.parametrize(
    "command",
    [("delegate", "--project", "Sea ice", "--until", "2099-01-01"), ("rotate",)],
    ids=["delegated", "rotated"],
)
def test_a_word_is_handed_on(owner: Account, grace: Signer, command: tuple[str, ...]) -> None:
    out = owner.home / "word.asc"
    owner.ok("key", *command, grace.public_key, "--output", out)
    assert gpg(owner, owner.home / ".gnupg", "--decrypt", str(out))
