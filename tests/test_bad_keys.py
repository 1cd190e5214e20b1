"""Damaged keys of all kinds: no verdict by another key than the one that signed."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.account import Account, Signer
from tests.conftest import Need
from tests.key_states import dearmored
from tests.mutations import BYTES, TEXT, Mutant, blaming, mutants
from tests.test_x509 import CODE, LEAF, MIDDLE, ROOT, pem_key

pytest.importorskip("resource", reason="memory is limited and measured the POSIX way")

from tests.many_commands import Commands


@dataclass(frozen=True)
class Desk:
    """A reader, an image that Grace and a PEM key signed, and the PEM key's public half."""

    commands: Commands
    image: Path
    author: Signer
    pem: Path

    def trusted(self, *options: str | Path) -> set[str]:
        """Verify; return the keys that an image which is verified owes it to."""
        line = ("verify", self.image, "--json", "--engine", "native", *options)
        done = self.commands.run(*line)
        if done.status:
            return set()
        (image,) = json.loads(done.out)["images"]
        vouching = (*image["signatures"], *image["manifests"])
        return {one["fingerprint"] for one in vouching if one["trusted"]}


@pytest.fixture
def desk(grace: Signer, image: Path, account: Account) -> Iterator[Desk]:
    grace.sign(image)
    with Account.new() as other:
        out = ("--out", account.home, "--json")
        made = other.ok("keygen", "--store", "pem", "--no-passphrase", *out).json
        other.ok("sign", image, "--key", made["secret_key"])
    with Commands.of(account.with_variables(PATH="/usr/bin:/bin")) as commands:
        yield Desk(commands, image, grace, Path(made["public_key"]))


def openpgp(desk: Desk, seed: str, count: int) -> Iterator[Mutant]:
    """Damage a certificate, armored and in packets."""
    armored = desk.author.public_key.read_bytes()
    yield from mutants(armored, f"armored {seed}", count, *BYTES, *TEXT)
    packets = dearmored(desk.author.account, armored)
    yield from mutants(packets, f"packets {seed}", count, *BYTES)


def test_a_damaged_certificate_lets_no_other_key_vouch(desk: Desk, tmp_path: Path) -> None:
    path, name = tmp_path / "grace.asc", desk.author.fingerprint
    (beside := desk.image.parent / "keys").mkdir()
    assert desk.trusted("--key", desk.author.public_key) == {name}
    for number, mutant in enumerate(openpgp(desk, "key", 50)):
        path.write_bytes(mutant.data)
        (beside / "grace.asc").write_bytes(mutant.data)
        with blaming(mutant):
            assert desk.trusted("--key", path) <= {name}
            if number % 3 == 0:
                assert desk.trusted("--signer", name) <= {name}
                assert not desk.trusted("--signer", "A" * 40)


def test_a_damaged_pem_key_vouches_for_nothing_else(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    whole = desk.trusted("--key", desk.pem)
    assert len(whole) == 1
    for mutant in mutants(desk.pem.read_bytes(), "pem", 60, *BYTES, *TEXT):
        path.write_bytes(mutant.data)
        with blaming(mutant):
            assert desk.trusted("--key", path) <= whole


@pytest.mark.parametrize("damaged", ["leaf", "intermediates", "roots"])
def test_a_damaged_chain_leads_to_nobody_else(
    desk: Desk, tmp_path: Path, damaged: str, account: Account
) -> None:
    account.ok("sign", desk.image, "--key", pem_key(account))
    chain = {
        "leaf": MIDDLE.certify(LEAF, purpose=CODE),
        "intermediates": ROOT.certify(MIDDLE, authority=True),
        "roots": ROOT.certify(ROOT, authority=True),
    }
    options: list[str | Path] = []
    for name, certificate in chain.items():
        path = tmp_path / name
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        options += ["--certificate" if name == "leaf" else f"--certificate-{name}", path]
    whole = desk.trusted(*options)
    assert len(whole) == 1
    path = tmp_path / damaged
    pem, der = path.read_bytes(), chain[damaged].public_bytes(Encoding.DER)
    for mutant in (*mutants(pem, damaged, 20, *BYTES), *mutants(der, f"DER {damaged}", 30, *BYTES)):
        path.write_bytes(mutant.data if mutant.data.startswith(b"-") else as_pem(mutant.data))
        with blaming(mutant):
            assert desk.trusted(*options) <= whole


def as_pem(der: bytes) -> bytes:
    lines = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + lines + b"-----END CERTIFICATE-----\n"


def test_a_damaged_key_that_is_imported_or_believed_vouches_for_nobody_else(
    desk: Desk, tmp_path: Path, need: Need
) -> None:
    need("gpg")
    path, commands, name = tmp_path / "grace.asc", desk.commands, desk.author.fingerprint
    for number, mutant in enumerate(openpgp(desk, "import", 20)):
        path.write_bytes(mutant.data)
        with blaming(mutant):
            commands.run("key", "import", path, "--store", "apptainer")
            assert not desk.trusted()
            commands.run("trust", "add", path, "--yes")
            assert desk.trusted() <= {name}
            commands.run("trust", "remove", name)
            if number % 4 == 0:
                commands.run("key", "import", path, "--store", "gnupg")
                commands.run("key", "list")
                commands.run("doctor")


def test_a_damaged_backup_restores_nothing_else(
    account: Account, tmp_path: Path, need: Need
) -> None:
    need("gpg")
    with Account.new() as owner:
        key = owner.make_signer("Ben", "ben@uni.example", "gnupg").fingerprint
        (words := owner.home / "words").write_text("correct horse\n")
        words.chmod(0o600)
        file, opening = owner.home / "backup.asc", ("--passphrase-file", words)
        owner.ok("key", "backup", key, "-o", file, *opening)
        good, path = file.read_bytes(), tmp_path / "backup.asc"
        with Commands.of(account.with_variables(PATH="/usr/bin:/bin")) as commands:
            for mutant in mutants(good, "backup", 20, *BYTES, *TEXT):
                path.write_bytes(mutant.data)
                with blaming(mutant):
                    commands.run("key", "restore", path, "--store", "gnupg", *opening)
            kept = commands.run("key", "list", "--json").json["keys"]
    assert {one["fingerprint"] for one in kept} <= {key}
