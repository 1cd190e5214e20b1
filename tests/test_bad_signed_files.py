"""Damaged manifests, bundles, timestamps, reveals, delegations, notices; and well signed junk."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pysequoia
import pytest

from tests.account import Account, Result, Signer
from tests.described import PARTS, XEON, Describer
from tests.forge import signed_text
from tests.mutations import BYTES, TEXT, blaming, changed_statements, mutants
from tests.notices import withdraw
from tests.test_policy import signer
from tests.tsa.authority import Authority

pytest.importorskip("resource", reason="memory is limited and measured the POSIX way")

from tests.many_commands import Commands

pytest_plugins = ["tests.tsa.plugin"]

NATIVE: Final = ("--engine", "native")


@dataclass(frozen=True)
class Author:
    """Who signs: a key with a name, a key of another kind, and an image."""

    named: Signer
    image: Path
    clock: Authority
    options: list[str | Path] = field(default_factory=list)

    @property
    def account(self) -> Account:
        return self.named.account

    def believe(self, *options: str | Path) -> None:
        """Say how a reader verifies."""
        self.options.extend(options)

    def sign_with_pem_key(self) -> Path:
        """Sign with another key; return its public half."""
        out = ("--out", self.account.home, "--json")
        made = self.account.ok("keygen", "--store", "pem", "--no-passphrase", *out).json
        self.account.ok("sign", self.image, "--key", made["secret_key"])
        return Path(made["public_key"])


@pytest.fixture
def author(image: Path, clock: Authority) -> Iterator[Author]:
    with Account.new() as one:
        yield Author(one.make_signer("Ada", "ada@uni.example", "gnupg"), image, clock)


def manifest(author: Author) -> Path:
    author.named.sign(author.image)
    author.believe("--key", author.named.public_key, "--require-manifest")
    return author.image.with_name("climate.sif.manifest.asc")


def bundle(author: Author) -> Path:
    author.believe("--key", author.sign_with_pem_key(), "--require-manifest")
    return author.image.with_name("climate.sif.sigstore.json")


def timestamp(author: Author) -> Path:
    path = manifest(author)
    stamp = path.with_name(path.name + ".tsr")
    stamp.write_bytes(author.clock.stamp(path.read_bytes()))
    author.believe("--tsa-cert", author.clock.root)
    return stamp


def reveal(author: Author) -> Path:
    anonymous = ("--anonymous", "--store", "gnupg", "--no-passphrase", "--json")
    key = author.account.ok("keygen", *anonymous).json["fingerprint"]
    author.account.ok("sign", "--anonymous", author.image, "--key", key, "--yes")
    keys = ("--key", author.named.fingerprint, "--review-key", key)
    done = author.account.ok("reveal", author.image, *keys, "--yes", "--json").json
    author.believe("--signer", author.named.fingerprint)
    return Path(done["files"][0])


def delegation(author: Author) -> Path:
    delegate = author.sign_with_pem_key()
    path = author.account.home / "climate.asc"
    limits = ("--project", "climate", "--until", "2099-01-01", "-o", path)
    author.account.ok("key", "delegate", delegate, *limits, "--key", author.named.fingerprint)
    (policy := author.account.home / "policy.toml").write_text(
        f"{signer('Ada', author.named.fingerprint)}"
        '[[delegation]]\nby = "Ada"\nproject = "climate"\ngroup = "deputies"\n'
        'statements = "climate.asc"\n[[rule]]\nrequire = "1 of deputies"\n'
    )
    author.believe("--policy", policy)
    return path


def notice(author: Author) -> Path:
    author.named.sign(author.image)
    author.believe("--key", author.named.public_key)
    path = withdraw(author.named, author.image)
    author.believe("--notices", path.rename(author.account.home / path.name))
    return author.account.home / path.name


def shown(result: Result) -> Any:
    """Return what a reader is told of who vouches for what."""
    image = result.image
    return [image[name] for name in ("digest", "identity", "made_from")] + [
        [(one["fingerprint"], one["user_id"], one["trusted"]) for one in image[name]]
        for name in ("signatures", "manifests")
    ]


def times(result: Result) -> set[str | None]:
    """Return what timestamps prove."""
    image = result.image
    return {one["existed_before"] for one in (*image["signatures"], *image["manifests"])}


@pytest.mark.parametrize(
    ("make", "status"),
    [(manifest, 0), (bundle, 0), (timestamp, 0), (reveal, 0), (delegation, 0), (notice, 1)],
)
def test_a_damaged_file_beside_an_image_says_what_it_said_or_nothing(
    make: Callable[[Author], Path], status: int, author: Author, account: Account
) -> None:
    path = make(author)
    good = path.read_bytes()
    line = ("verify", author.image, "--json", *NATIVE, *author.options)
    with Commands.of(account.with_variables(PATH="/usr/bin:/bin")) as commands:
        before = commands.run(*line)
        assert before.status == status, before.out
        for mutant in mutants(good, make.__name__, 50, *BYTES, *TEXT):
            path.write_bytes(mutant.data)
            with blaming(mutant):
                after = commands.run(*line)
                if after.status == 0 == status:
                    assert shown(after) == shown(before)
                    assert times(after) <= times(before) | {None}


# Signed by somebody who is trusted, and means harm


@dataclass(frozen=True)
class Malice:
    """A key that readers trust, and what it signs."""

    secret: pysequoia.Tsk
    public: Path

    @classmethod
    def new(cls, folder: Path) -> "Malice":
        secret = pysequoia.Tsk.generate("Eve <eve@uni.example>")
        (public := folder / "eve.asc").write_bytes(bytes(secret.extract_certificate()))
        return cls(secret, public)

    @property
    def fingerprint(self) -> str:
        return str(self.secret.extract_certificate().fingerprint).upper()

    def in_own_name(self, text: bytes, other: str) -> bytes:
        """Return a statement with this key as its signer in place of another."""
        document = json.loads(text.replace(other.encode(), self.fingerprint.encode()))
        armored = str(self.secret.extract_certificate())
        document["predicate"]["signer"]["public_key"] = armored.splitlines()
        return json.dumps(document, indent=2).encode()

    def sign(self, text: bytes) -> bytes:
        return pysequoia.sign(self.secret.signer(), text, mode=pysequoia.SignatureMode.CLEAR)


def test_a_manifest_of_well_signed_junk_never_verifies_other_bytes_than_it_names(
    image: Path, author_of_manifests: Describer, account: Account, tmp_path: Path
) -> None:
    author_of_manifests.sign(image, {**PARTS, "environment": XEON})
    (written,) = image.parent.glob("*.sigstore.json")
    payload = json.loads(written.read_bytes())["dsseEnvelope"]["payload"]
    written.unlink()
    text = base64.b64decode(payload)
    eve = Malice.new(tmp_path)
    base = eve.in_own_name(text, author_of_manifests.fingerprint)
    path = image.with_name("climate.sif.manifest.asc")
    path.write_bytes(eve.sign(base))
    believing = ("--key", eve.public, "--require-manifest", *NATIVE)
    with Commands.of(account.with_variables(PATH="/usr/bin:/bin")) as commands:
        before = commands.run("verify", image, "--json", *believing)
        assert before.status == 0, before.out
        for number, mutant in enumerate(changed_statements(base, "junk manifest", 80)):
            path.write_bytes(eve.sign(mutant.data))
            report = tmp_path / f"report.{('html', 'md', 'json')[number % 3]}"
            around = ("--source", tmp_path, "--outputs", tmp_path, "--require-same", "kernel,gpu")
            with blaming(mutant):
                after = commands.run("verify", image, "--json", *believing)
                if after.status == 0:
                    assert before.image["digest"]["blake3"] in digests_in(mutant.data)
                commands.run("verify", image, *believing, "--report", report, *around)
                if number % 5 == 0:
                    commands.run("compare", path, image)
                    commands.run("cite", image, "--key", eve.public, "--as", "ro-crate")


def digests_in(text: bytes) -> list[str]:
    return [one["digest"]["blake3"] for one in json.loads(text)["subject"]]


@pytest.mark.parametrize("make", [reveal, delegation, notice])
def test_other_statements_of_well_signed_junk_are_judged(
    make: Callable[[Author], Path], author: Author, account: Account, tmp_path: Path
) -> None:
    path = make(author)
    eve = Malice.new(tmp_path)
    base = eve.in_own_name(signed_text(path.read_bytes()), author.named.fingerprint)
    path.unlink()
    name = path.name.replace(author.named.fingerprint[-16:], eve.fingerprint[-16:])
    placed = path.with_name(name)
    for policy in author.account.home.glob("policy.toml"):
        policy.write_text(policy.read_text().replace(author.named.fingerprint, eve.fingerprint))
    options = author.options if make is delegation else ("--key", eve.public)
    told = ("--notices", placed) if make is notice else ()
    with Commands.of(account.with_variables(PATH="/usr/bin:/bin")) as commands:
        placed.write_bytes(eve.sign(base))
        before = commands.run("verify", author.image, "--json", *NATIVE, *options, *told)
        taken = [one["finding"] for one in before.image.get(f"{make.__name__}s", [])]
        assert before.status == 0 or "good" in taken
        for mutant in changed_statements(base, make.__name__, 40):
            placed.write_bytes(eve.sign(mutant.data))
            with blaming(mutant):
                commands.run("verify", author.image, *NATIVE, *options, *told)
