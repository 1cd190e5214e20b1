"""Keys in time: expired, renewed, revoked, and subkeys that were; what that does to signatures."""

from pathlib import Path

import pytest

from tests.account import Account
from tests.forge import Forge, attach, judged

OLD = "Olga Old <olga@uni.example>"


def signed_at(image: Path, forge: Forge, text: bytes, user: str, when: str) -> None:
    attach(image, forge.sign(text, user, at=when), user)


def test_a_key_that_expired_since_is_noted(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD, at="2020-01-01", expires="1y")
    signed_at(image, forge, text, user, "2020-06-01")
    result = account.verify(image, "--key", forge.public(user, image.parent))
    judged(result, "verified", "key-since")
    assert "expired since, on 2020-12-31" in result.out
    assert result.image["signatures"][0]["signed_at"] == "2020-06-01T12:00:00Z"


def test_a_signature_made_after_its_key_expired_fails(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD, at="2020-01-01")
    signed_at(image, forge, text, user, "2022-06-01")
    forge.gpg("--batch", "--quick-set-expire", user, "1y", at="2020-02-01")
    certificate = forge.public(user, image.parent)
    judged(account.verify(image, "--key", certificate), "failed", "key-expired")


def test_a_signature_older_than_its_key_or_from_the_future_fails(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD, at="2020-01-01")
    untouched = image.read_bytes()
    signed_at(image, forge, text, user, "2036-06-01")
    certificate = forge.public(user, image.parent)
    judged(account.verify(image, "--key", certificate), "failed", "dated-in-future")
    image.write_bytes(untouched)
    options = ("--ignore-time-conflict", "--batch", "--local-user", user, "--clearsign")
    attach(image, forge.gpg(*options, at="2019-06-01", stdin=text).encode(), user)
    judged(account.verify(image, "--key", certificate), "failed", "key-not-yet-valid")


@pytest.mark.parametrize(
    ("reason", "when", "verdict"),
    [
        pytest.param(3, "2021-01-01", "verified", id="retired later"),
        pytest.param(2, "2021-01-01", "verified", id="superseded later"),
        pytest.param(3, "2020-03-01", "failed", id="retired before"),
        pytest.param(2, "2020-03-01", "failed", id="superseded before"),
        pytest.param(1, "2021-01-01", "failed", id="compromised"),
        pytest.param(0, "2021-01-01", "failed", id="no reason given"),
    ],
)
def test_a_revocation_counts_by_its_reason_and_time(
    image: Path, forge: Forge, text: bytes, reason: int, when: str, verdict: str
) -> None:
    user = forge.key(OLD, at="2020-01-01")
    signed_at(image, forge, text, user, "2020-06-01")
    forge.revoke(user, reason, at=when)
    certificate = forge.public(user, image.parent)
    with Account.new() as reader:
        result = reader.verify(image, "--key", certificate)
    judged(result, verdict, "key-since" if verdict == "verified" else "key-revoked")
    assert when in result.out


def test_a_renewed_certificate_undoes_nothing(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD, at="2020-01-01", expires="1y")
    signed_at(image, forge, text, user, "2020-06-01")
    forge.gpg("--batch", "--quick-set-expire", user, "20y", at="2020-09-01")
    new = account.home / "new.asc"
    options = ("--export-options", "export-clean", "--armor", "--export", user)
    new.write_text(forge.gpg(*options))
    result = account.verify(image, "--key", new)
    judged(result, "verified", "key-since")
    assert "renewed after this signature was made" in result.out


def test_a_signature_with_a_hash_that_can_be_forged_fails(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    user = forge.key(OLD)
    attach(image, forge.sign(text, user, digest="SHA1"), user)
    certificate = forge.public(user, image.parent)
    judged(account.verify(image, "--key", certificate), "failed", "weak-hash")
    judged(account.verify(image, "--signer", "0" * 40), "untrusted")


def _keys(forge: Forge) -> list[str]:
    lines = forge.gpg("--list-keys", "--with-colons").splitlines()
    return [line.split(":")[9] for line in lines if line.startswith("fpr:")]


def _subkey(forge: Forge) -> tuple[str, str]:
    """Make a primary key that only certifies, and a signing subkey of one year, in 2020."""
    forge.gpg("--batch", "--quick-gen-key", OLD, "ed25519", "cert", "never", at="2020-01-01")
    (primary,) = _keys(forge)
    forge.gpg("--batch", "--quick-add-key", primary, "ed25519", "sign", "1y", at="2020-01-02")
    return primary, _keys(forge)[1]


def test_renewal_does_not_excuse_a_signature_made_after_expiry(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    """Both copies are at hand: the one from before says that the key had ended."""
    user = forge.key(OLD, at="2020-01-01")
    signed_at(image, forge, text, user, "2022-06-01")
    forge.gpg("--batch", "--quick-set-expire", user, "1y", at="2020-02-01")
    old = forge.public(user, image.parent, "old.asc")
    forge.gpg("--batch", "--quick-set-expire", user, "20y", at="2023-02-01")
    new = forge.public(user, image.parent, "new.asc")
    judged(account.verify(image, "--key", old, "--key", new), "failed", "key-expired")


def test_a_signing_subkey_that_expired_since_is_noted(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    primary, subkey = _subkey(forge)
    attach(image, forge.sign(text, f"{subkey}!", at="2020-06-01"), primary)
    public = forge.public(primary, image.parent)
    judged(account.verify(image, "--key", public), "verified", "key-since")


def test_a_renewed_signing_subkey_undoes_nothing(
    image: Path, account: Account, forge: Forge, text: bytes
) -> None:
    primary, subkey = _subkey(forge)
    attach(image, forge.sign(text, f"{subkey}!", at="2020-06-01"), primary)
    forge.gpg("--batch", "--quick-set-expire", primary, "20y", "*", at="2020-09-01")
    public = forge.public(primary, image.parent)
    judged(account.verify(image, "--key", public), "verified", "key-since")


@pytest.mark.parametrize(
    ("reason", "verdict", "code"),
    [
        pytest.param(1, "failed", "key-revoked", id="compromised"),
        pytest.param(3, "verified", "key-since", id="retired later"),
    ],
)
def test_a_revoked_signing_subkey_counts_by_its_reason(
    image: Path,
    account: Account,
    forge: Forge,
    text: bytes,
    reason: int,
    verdict: str,
    code: str,
) -> None:
    primary, subkey = _subkey(forge)
    attach(image, forge.sign(text, f"{subkey}!", at="2020-06-01"), primary)
    edit = ("--command-fd", "0", "--edit-key", primary, "key 1", "revkey", "save")
    forge.gpg(*edit, at="2020-09-01", stdin=f"y\n{reason}\n\ny\n".encode())
    judged(account.verify(image, "--key", forge.public(primary, image.parent)), verdict, code)
