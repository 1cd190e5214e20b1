"""An Apptainer ring with five keys of all kinds, made by the real programs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repro_sign.openpgp import packets
from repro_sign.openpgp.secret import read_secret_key
from tests.account import Account

PASSPHRASE = "correct horse battery"
SECRET = Path(".apptainer", "keys", "pgp-secret")
PUBLIC = Path(".apptainer", "keys", "pgp-public")
_GPG = ("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase")


@dataclass(frozen=True)
class Ring:
    """An account whose ring holds `keys`: fingerprints by what kind of key it is.

    Those named in `encrypted` have the passphrase `PASSPHRASE`, which lies in `passphrase`.
    """

    account: Account
    keys: dict[str, str]
    encrypted: frozenset[str] = frozenset({"ours, encrypted", "newpair", "gpg, encrypted"})

    @property
    def passphrase(self) -> Path:
        return self.account.home / "passphrase"

    def options(self, kind: str) -> tuple[str, ...]:
        """Give the options that open a key of this kind."""
        return ("--passphrase-file", str(self.passphrase)) if kind in self.encrypted else ()

    def secrets(self) -> dict[str, bytes]:
        """Give each secret key's packets as they lie in the ring, by fingerprint."""
        chunks = packets.split_ring((self.account.home / SECRET).read_bytes())
        return {read_secret_key(one).certificate.fingerprint.hex: one for one in chunks}

    def files(self) -> set[str]:
        return {one.name for one in (self.account.home / SECRET).parent.iterdir()}

    @contextmanager
    def copy(self) -> Iterator["Ring"]:
        """Give an account of its own with the same keys."""
        with Account.new() as other:
            shutil.copytree(self.account.home, other.home, dirs_exist_ok=True, symlinks=True)
            yield Ring(other, self.keys, self.encrypted)


def make_ring(account: Account) -> Ring:
    """Make the five keys: by keygen, by `apptainer key newpair`, by gpg and then imported."""
    passphrase = account.home / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text(PASSPHRASE + "\n")
    (account.home / "public").mkdir()
    keys = {
        "ours": _keygen(account, "Olga Ours", "--no-passphrase"),
        "ours, encrypted": _keygen(account, "Emma Ours", "--passphrase-file", str(passphrase)),
    }
    answers = account.home / "answers"
    answers.write_text(f"{PASSPHRASE}\n{PASSPHRASE}\n")
    argv = "-N 'Nina Newpair' -E nina@uni.example -C '' -b 2048 --push=false"
    account.program("sh", "-c", f"apptainer key newpair {argv} < answers")
    answers.unlink()
    with Account.new() as maker:
        maker.program(*_GPG, "", "--quick-gen-key", "Gina <gina@uni.example>", "rsa3072")
        exported = maker.program("sh", "-c", "gpg --batch --export-secret-keys > gina; ls")
        assert "gina" in exported.out
        account.program("apptainer", "key", "import", maker.home / "gina")
    with Account.new() as maker:
        command = ("--quick-gen-key", "Gerd <gerd@uni.example>", "nistp256", "sign", "2y")
        maker.program(*_GPG, PASSPHRASE, *command)
        secret = maker.home / "gerd.asc"
        export = (*_GPG, PASSPHRASE, "--armor", "--export-secret-keys")
        secret.write_text(maker.program(*export).out)
        account.ok("key", "import", "--secret", "--store", "apptainer", secret)
    for one in account.ok("key", "list", "--json").json["keys"]:
        name = str(one["user_id"]).split()[0]
        kind = {"Nina": "newpair", "Gina": "gpg", "Gerd": "gpg, encrypted"}.get(name)
        if kind:
            keys[kind] = one["fingerprint"]
    assert len(keys) == 5, keys
    return Ring(account, keys)


def _keygen(account: Account, name: str, *options: str | Path) -> str:
    email = f"{name.split(maxsplit=1)[0].lower()}@uni.example"
    out = ("--out", account.home / "public", "--json")
    person = ("--name", name, "--email", email)
    made = account.ok("keygen", "--store", "apptainer", *person, *out, *options)
    return str(made.json["fingerprint"])
