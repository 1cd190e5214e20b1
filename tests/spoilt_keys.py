"""People whose keys are spoilt, as fixtures: test modules name this module in `pytest_plugins`."""

from collections.abc import Iterator

import pytest

from tests.account import Account, Signer
from tests.conftest import Need


@pytest.fixture(scope="module")
def sam(need: Need) -> Iterator[Signer]:
    """Somebody whose secret key got about: `secret.asc` and `secret.gpg` in his home."""
    need("gpg")
    with Account.new() as one:
        signer = one.make_signer("Sam Spilled", "sam@uni.example", "gnupg")
        export = ("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "")
        for name, armor in (("secret.asc", ["--armor"]), ("secret.gpg", [])):
            path = one.home / name
            one.program(*export, *armor, "--output", path, "--export-secret-keys")
        yield signer


@pytest.fixture(scope="module")
def rita(need: Need) -> Iterator[Signer]:
    """Somebody whose key is revoked in `revoked.asc` in her home, and in no other copy."""
    need("gpg")
    with Account.new() as one:
        signer = one.make_signer("Rita Revoked", "rita@uni.example", "gnupg")
        (revocation,) = (one.home / ".config" / "repro-sign" / "revocations").iterdir()
        with Account.new() as other:
            other.program("gpg", "--import", signer.public_key)
            other.program("gpg", "--import", revocation)
            text = other.program("gpg", "--armor", "--export").out
        (one.home / "revoked.asc").write_text(text)
        yield signer
