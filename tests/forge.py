"""Make signatures as attackers and old tools do: with a clock that can be set, placed by hand."""

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.account import Account, Result

LINKED = 0xF0000001
"""The link of a signature object over group 1."""


@dataclass(frozen=True)
class Forge:
    """A GnuPG home whose clock can be set, and what it makes signed texts with."""

    account: Account

    def gpg(self, *arguments: str | Path, at: str = "", stdin: bytes = b"") -> str:
        clock = ("--faked-system-time", f"{at.replace('-', '')}T120000") if at else ()
        quiet = ("--no-tty", "--pinentry-mode", "loopback", "--passphrase", "")
        return self.account.program("gpg", *quiet, *clock, *arguments, stdin=stdin).out

    def key(self, user_id: str, *, at: str = "", expires: str = "never") -> str:
        """Make a key; return its fingerprint."""
        self.gpg("--batch", "--quick-gen-key", user_id, "ed25519", "sign", expires, at=at)
        listed = self.gpg("--list-secret-keys", "--with-colons", user_id).splitlines()
        return next(line.split(":")[9] for line in listed if line.startswith("fpr:"))

    def sign(self, text: bytes, *users: str, at: str = "", digest: str = "SHA256") -> bytes:
        names = [word for user in users for word in ("--local-user", user)]
        options = ("--batch", "--digest-algo", digest, "--clearsign")
        return self.gpg(*names, *options, at=at, stdin=text).encode()

    def revoke(self, user: str, reason: int, *, at: str) -> None:
        """Revoke a key: 0 without a reason, 1 compromised, 2 superseded, 3 retired."""
        answers = f"y\n{reason}\n\ny\n".encode()
        command = ("--command-fd", "0", "--gen-revoke", user)
        self.gpg("--import", stdin=self.gpg(*command, at=at, stdin=answers).encode())

    def public(self, user: str, folder: Path, name: str = "public.asc") -> Path:
        path = folder / name
        path.write_text(self.gpg("--armor", "--export", user))
        return path


def siftool(*arguments: str | Path) -> bytes:
    return subprocess.run(
        ["siftool", *map(str, arguments)], check=True, capture_output=True, timeout=60
    ).stdout


def attach(image: Path, block: bytes, entity: str, link: int = LINKED) -> int:
    """Add a signature object with the real siftool; return its id."""
    path = image.parent.parent / "block"
    path.write_bytes(block)
    siftool(
        *("add", image, path, "--datatype", "5", "--signhash", "1"),
        *("--signentity", entity, "--link", str(LINKED)),
    )
    data = bytearray(image.read_bytes())
    free, total, table = struct.unpack_from("<3q", data, 80)
    number = int(total - free)
    struct.pack_into("<I", data, table + (number - 1) * 585 + 13, link)
    image.write_bytes(data)
    return number


def signed_text(block: bytes) -> bytes:
    return block.split(b"\n\n", 1)[1].split(b"\n-----BEGIN")[0]


def judged(result: Result, verdict: str, *codes: str) -> None:
    assert (result.image["verdict"], result.err) == (verdict, ""), result.out
    assert set(codes) <= result.codes
