"""A scratch home with keys of every tool, and images of the sizes asked for, signed by them all."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measuring import MIB

PROJECT: Final = Path(__file__).resolve().parent.parent
PEOPLE: Final = ("Ada", "Grace", "Cora", "Dora")
_BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class SignedImage:
    """An image, how many people signed it, and the same file where no manifest lies beside it."""

    path: Path
    signatures: int
    alone: Path

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.path.stat().st_size


class Workshop:
    """Makes keys and images in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(PROJECT),
        }
        self.keys: dict[str, Path] = {}
        for name in PEOPLE:
            (out := folder / name).mkdir()
            options = ("--name", name, "--email", f"{name.lower()}@uni.example", "--no-passphrase")
            self.run(repro_sign("keygen", *options, "--store", "apptainer", "--out", str(out)))
            (self.keys[name],) = out.glob("*.asc")
        self.extra = self._other_keys()

    def close(self) -> None:
        """End the agent that gpg started."""
        if shutil.which("gpgconf"):
            self.run(["gpgconf", "--kill", "all"])

    def image(self, mebibytes: int) -> Path:
        """Build an unsigned image of about this size: Apptainer's own, and a large object."""
        image = self.folder / f"{mebibytes}.sif"
        self.run([str(PROJECT / "scripts" / "make-image"), str(image)])
        if mebibytes > 1:
            payload = self.folder / "payload"
            with payload.open("wb") as file:
                block = os.urandom(_BLOCK)
                for number in range(mebibytes * MIB // _BLOCK):
                    file.write(number.to_bytes(8, "big") + block[8:])
            self.run(
                ["siftool", "add", str(image), str(payload), "--datatype", "7", "--groupid", "1"]
            )
            payload.unlink()
        return image

    def sign(self, image: Path, people: int) -> SignedImage:
        """Let so many people sign an image, each with a manifest."""
        for name in PEOPLE[:people]:
            key = self.keys[name].stem
            self.run(repro_sign("sign", "-q", "--key", key, str(image)))
        (folder := self.folder / "alone").mkdir(exist_ok=True)
        alone = folder / image.name
        alone.unlink(missing_ok=True)
        os.link(image, alone)
        return SignedImage(image, people, alone)

    def sign_with_others(self, image: SignedImage) -> None:
        """Sign the file with the tools that it is compared with, as they are usually used."""
        path = str(image.path)
        if "gpg" in self.extra:
            self.run(["gpg", "--batch", "--yes", "--detach-sign", "-o", f"{path}.sig", path])
        if "minisign" in self.extra:
            secret = str(self.folder / "minisign.key")
            self.run(["minisign", "-S", "-H", "-s", secret, "-m", path, "-x", f"{path}.minisig"])
        if "model_signing" in self.extra:
            secret = str(self.folder / "model.key")
            out = f"{path}.model.sig"
            argv = ["model_signing", "sign", "key", "--private_key", secret, "--signature", out]
            self.run([*argv, path])

    def remove(self, image: SignedImage) -> None:
        """Remove an image and all that lies beside it: disks are small."""
        image.alone.unlink()
        for path in self.folder.glob(f"{image.path.name}*"):
            path.unlink()

    def run(self, argv: Sequence[str]) -> None:
        """Run a program that has to succeed."""
        done = subprocess.run(
            argv, capture_output=True, env=self.environment, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(argv)}: {done.stderr.decode('utf-8', 'replace').strip()}")

    def _other_keys(self) -> frozenset[str]:
        """Make a key for each other tool that is installed; return which these are."""
        there = {one for one in ("gpg", "minisign", "model_signing") if shutil.which(one)}
        if "gpg" in there:
            quiet = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key"]
            self.run([*quiet, "Bench <bench@uni.example>", "ed25519", "sign", "never"])
        if "minisign" in there:
            public, secret = (str(self.folder / f"minisign.{end}") for end in ("pub", "key"))
            self.run(["minisign", "-G", "-W", "-p", public, "-s", secret])
        if "model_signing" in there:
            public, secret = (str(self.folder / f"model.{end}") for end in ("pub", "key"))
            curve = ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]
            self.run(["openssl", *curve, "-out", secret])
            self.run(["openssl", "ec", "-in", secret, "-pubout", "-out", public])
        return frozenset(there)


def repro_sign(*arguments: str) -> list[str]:
    """Return the command line of a repro-sign command, of this checkout."""
    return [sys.executable, "-m", "repro_sign", *arguments]
