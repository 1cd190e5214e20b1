"""Where the corpus is made: real images, real signatures, one folder shared by all test workers."""

import contextlib
import os
import pickle
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from repro_sign.known_keys import Keys as KnownKeys
from repro_sign.known_keys import read_keys
from tests.account import Account
from tests.corpus.cases import Case
from tests.corpus.keys import GnuPG, Keys, end, make_keys
from tests.corpus.signatures import Draft

IMAGE: Final = "image.sif"


@dataclass(frozen=True)
class Workshop:
    """The keys and the base images, on disk in `folder`; cases are made when asked for."""

    folder: Path
    keys: Keys
    gpg: GnuPG

    def base(self, name: str) -> Draft:
        """Return a fresh draft of a base image, with what lies beside it."""
        folder = self.folder / "bases" / name
        beside = {one.name: one.read_bytes() for one in folder.iterdir() if one.name != IMAGE}
        return Draft(self._bytes_of(name), self.gpg, self.keys, self._bytes_of, beside)

    def _bytes_of(self, base: str) -> bytearray:
        return bytearray((self.folder / "bases" / base / IMAGE).read_bytes())

    def image(self, case: Case) -> Path:
        """Return the image of a case, in a folder of its own, made once for all workers."""
        folder = self.folder / "cases" / case.name.replace("/", " of ")
        if not folder.exists():
            self._make(case, folder)
        return folder / IMAGE

    def given(self, name: str) -> KnownKeys:
        return read_keys(self.keys.certificates[name], name)

    def key_file(self, name: str) -> Path:
        """Return a public key as a file."""
        path = self.folder / "public" / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self.keys.certificates[name])
        return path

    def _make(self, case: Case, folder: Path) -> None:
        draft = self.base(case.base)
        for step in case.steps:
            step(draft)
        new = Path(tempfile.mkdtemp(dir=self.folder))
        (new / IMAGE).write_bytes(draft.image)
        for name, data in draft.beside.items():
            (new / name).write_bytes(data)
        (new / "keys").mkdir()
        for number, name in enumerate(case.beside):
            (new / "keys" / f"{number}.asc").write_bytes(self.keys.certificates[name])
        with contextlib.suppress(OSError):  # another worker was faster
            new.rename(folder)
        shutil.rmtree(new, ignore_errors=True)


@contextlib.contextmanager
def open_workshop(folder: Path) -> Iterator[Workshop]:
    """Give the workshop in `folder`: the first who asks sets it up, the last one closes it."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        if not (folder / "ready").exists():
            _set_up(folder)
        (folder / f"user-{os.getpid()}").touch()
        with (folder / "ready").open("rb") as file:
            keys, home = pickle.load(file)
    try:
        yield Workshop(folder, keys, GnuPG(home))
    finally:
        with _locked(folder):
            (folder / f"user-{os.getpid()}").unlink()
            if not list(folder.glob("user-*")):
                end(home)
                (folder / "ready").unlink()
                for part in ("bases", "cases"):
                    shutil.rmtree(folder / part, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    import fcntl  # POSIX only, as are the programs that make the corpus

    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _set_up(folder: Path) -> None:
    home = Path(tempfile.mkdtemp(prefix="rs-"))
    gpg = GnuPG(home)
    keys = make_keys(gpg)
    (folder / "cases").mkdir()
    _make_bases(folder / "bases", gpg, keys)
    with (folder / "ready").open("wb") as file:
        pickle.dump((keys, home), file)


def _make_bases(bases: Path, gpg: GnuPG, keys: Keys) -> None:
    with tempfile.TemporaryDirectory(prefix="rs-") as scratch:
        maker = _Maker(bases, Path(scratch), gpg, keys)
        maker.build("unsigned", "one")
        maker.build("another", "two")
        maker.add_group("two groups", "unsigned")
        maker.sign("signed", "unsigned", "ada")
        maker.sign("signed by rsa", "unsigned", "grace")
        maker.sign("signed by master", "unsigned", "master")
        maker.sign("another signed", "another", "ada")
        maker.sign("two signers", "signed", "grace")
        maker.sign("and a stranger", "signed", "mallory")
        maker.sign("a stranger alone", "unsigned", "mallory")
        maker.sign("two groups signed", "two groups", "ada")
        maker.sign("group 1 signed", "two groups", "ada", "-g", "1")
        maker.sign("group 2 signed", "two groups", "ada", "-g", "2")
        maker.sign("each group by another", "group 1 signed", "grace", "-g", "2")
        maker.sign("partition signed", "unsigned", "ada", "-i", "3")
        maker.sign("partition signed too", "signed", "ada", "-i", "3")
        maker.sign("two objects signed", "partition signed", "ada", "-i", "1")
        maker.sign("each object signed", "two objects signed", "ada", "-i", "2")
        for name in keys.pem:
            if name not in ("pem secp256k1", "pem other ed25519"):
                maker.sign_pem(f"signed by {name}", "unsigned", name)
        maker.sign_pem("both kinds", "signed", "pem ed25519")
        maker.sign_pem("two groups signed by pem p256", "two groups", "pem p256")
        ada, mallory = keys.fingerprints["ada"], keys.fingerprints["mallory"]
        maker.manifest("with manifest", "signed", ada)
        maker.manifest("with manifest only", "unsigned", ada)
        maker.manifest("with a stranger's manifest", "signed", mallory)
        maker.manifest("with a manifest for later", "unsigned", ada)
        maker.manifest("with pem manifest", "signed by pem ed25519", "pem ed25519")
        maker.sign_in_place("with a manifest for later", "grace")


@dataclass(frozen=True)
class _Maker:
    """Makes base images with the real programs; each is a folder of its own."""

    bases: Path
    scratch: Path
    gpg: GnuPG
    keys: Keys

    def build(self, name: str, text: str) -> None:
        """Build an image of a few kilobytes."""
        sandbox = self.scratch / "sandbox"
        for part in ("bin", "etc", "proc", "sys", "dev", "tmp", "root"):
            (sandbox / part).mkdir(parents=True, exist_ok=True)
        (sandbox / "bin" / "sh").write_text(f"#!/bin/sh\necho {text}\n")
        (sandbox / "bin" / "sh").chmod(0o755)
        (self.bases / name).mkdir(parents=True)
        self._run("apptainer", "build", self.bases / name / IMAGE, "sandbox")

    def add_group(self, name: str, base: str) -> None:
        """Add a second group of two objects."""
        image = self._copy(name, base)
        for number, kind in (("7", b"some data"), ("6", b'{"some": "json"}')):
            (self.scratch / "data").write_bytes(kind)
            options = ("--datatype", number, "--groupid", "2", "--filename", "data")
            self._run("siftool", "add", image, self.scratch / "data", *options)

    def sign(self, name: str, base: str, by: str, *options: str) -> None:
        self._copy(name, base)
        self.sign_in_place(name, by, *options)

    def sign_in_place(self, name: str, by: str, *options: str) -> None:
        """Sign with the real Apptainer and an OpenPGP key, the only one in its ring."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as home:
            ring = Path(home, "keys")
            ring.mkdir(mode=0o700)
            (ring / "pgp-secret").write_bytes(self.keys.secrets[by])
            (ring / "pgp-public").write_bytes(self.keys.certificates[by])
            (ring / "pgp-secret").chmod(0o600)
            (ring / "pgp-public").chmod(0o600)
            image = self.bases / name / IMAGE
            self._run("apptainer", "sign", "-k", "0", *options, image, ring=ring)

    def sign_pem(self, name: str, base: str, by: str) -> None:
        image, key = self._copy(name, base), self.scratch / "key.pem"
        key.write_bytes(self.keys.pem[by])
        self._run("apptainer", "sign", "--key", key, image)

    def manifest(self, name: str, base: str, by: str) -> None:
        """Write a manifest with the real command line."""
        image = self._copy(name, base)
        if by in self.keys.pem:
            key = self.scratch / "key.pem"
            key.write_bytes(self.keys.pem[by])
            key.chmod(0o600)
            by = str(key)
        home = {"GNUPGHOME": str(self.gpg.home)}
        Account(self.scratch, home).ok("sign", "--manifest-only", "--key", by, image)

    def _copy(self, name: str, base: str) -> Path:
        (self.bases / name).mkdir()
        return Path(shutil.copy(self.bases / base / IMAGE, self.bases / name / IMAGE))

    def _run(self, *argv: str | Path, ring: Path | None = None) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.scratch),
            "APPTAINER_CACHEDIR": str(self.scratch),
            "APPTAINER_KEYSDIR": str(ring or self.scratch / "no-keys"),
        }
        done = subprocess.run(
            list(map(str, argv)),
            env=environment,
            cwd=self.scratch,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, (argv, done.stderr)
