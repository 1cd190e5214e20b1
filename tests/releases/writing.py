"""Keep what this version writes, for later versions to read: `scripts/keep-release FOLDER`."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.account import Account
from tests.programs import tools_path
from tests.tsa.authority import Authority, serve

PASSPHRASE: Final = "correct horse battery staple"
_POLICY: Final = """\
[[signer]]
name = "Ada"
fingerprint = "{ada}"
key = "ada.asc"

[[delegation]]
by = "Ada"
project = "climate"
group = "deputies"
statements = "climate.delegation.asc"

[[rule]]
images = ["climate*.sif"]
require = "Ada"
require_manifest = true

[[rule]]
images = ["lab.sif"]
require = "1 of deputies"
"""


def write(target: Path) -> None:
    """Write one set of files into a new folder, by the real command line."""
    target.mkdir(parents=True)
    with Account.new() as account, tempfile.TemporaryDirectory(prefix="rs-") as scratch:
        secret = account.home / "passphrase"
        secret.write_text(PASSPHRASE)
        secret.chmod(0o600)
        ada = account.with_variables(REPRO_SIGN_PASSPHRASE_FILE=str(secret))
        _write(target, ada, Path(scratch))


def _write(target: Path, ada: Account, scratch: Path) -> None:
    named = ("--name", "Ada Author", "--email", "ada@uni.example", "--store", "gnupg")
    out = ("--out", scratch, "--json")
    key = ada.ok("keygen", *named, *out).json
    lab = ada.ok("keygen", "--store", "pem", *out).json
    shutil.copy(key["public_key"], target / "ada.asc")
    shutil.copy(lab["public_key"], target / "lab.pub")
    for name in ("climate", "lab", "wrong", "old", "new"):
        _build(target / f"{name}.sif", scratch, ada)
    ours = ("--key", key["fingerprint"])
    authority = Authority(scratch / "clock", "Example Clock")
    shutil.copy(authority.root, target / "clock.pem")
    with serve(authority) as clock:
        stamped = ("--timestamp", clock.url, "--content-digest")
        ada.ok("sign", target / "climate.sif", *ours, *stamped)
    ada.ok("sign", target / "lab.sif", "--key", lab["secret_key"])
    ada.ok("sign", *(target / f"{name}.sif" for name in ("wrong", "old", "new")), *ours)
    ada.ok("withdraw", target / "wrong.sif", *ours, "--reason", "The grid was shifted.", "--yes")
    ada.ok("supersede", target / "old.sif", target / "new.sif", *ours)
    until = ("--project", "climate", "--until", "2099-12-31")
    statement = target / "climate.delegation.asc"
    ada.ok("key", "delegate", target / "lab.pub", *ours, *until, "-o", statement)
    (target / "policy.toml").write_text(_POLICY.format(ada=key["fingerprint"]))
    ada.ok("key", "backup", key["fingerprint"], "-o", target / "backup.asc")
    ada.ok("trust", "export", "-o", target / "people.toml")
    ada.ok("verify", target / "climate.sif", "--remember")
    settings = ada.home / ".config" / "repro-sign"
    for name in ("trust.toml", "certificates", "remembered"):
        kept = settings / name
        if kept.is_dir():
            shutil.copytree(kept, target / "settings" / name)
        else:
            (target / "settings").mkdir(exist_ok=True)
            shutil.copy(kept, target / "settings" / name)


def _build(image: Path, scratch: Path, account: Account) -> None:
    """Build an image of a few kilobytes."""
    sandbox = scratch / image.stem
    (sandbox / "bin").mkdir(parents=True)
    for part in ("etc", "proc", "sys", "dev", "tmp", "root"):
        (sandbox / part).mkdir()
    shell = sandbox / "bin" / "sh"
    shell.write_text(f"#!/bin/sh\necho {image.stem}\n")
    shell.chmod(0o755)
    environment = {**account.environment, "APPTAINER_CACHEDIR": str(scratch)}
    argv = ["apptainer", "build", str(image), sandbox.name]
    subprocess.run(argv, cwd=scratch, env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    os.environ["PATH"] = tools_path()
    write(Path(sys.argv[1]).absolute())
