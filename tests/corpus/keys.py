"""Keys made by the real gpg and openssl, and the states that certificates get into."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pysequoia

from repro_sign.openpgp import packets

MADE: Final = "20200101T120000"
"""When old keys were made; they sign in the June after."""
SIGNED: Final = "20200601T120000"

_GPG: Final = ("--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "")


@dataclass(frozen=True)
class GnuPG:
    """A GnuPG home with a short path: sockets live in it."""

    home: Path

    def run(self, *arguments: str | Path, at: str = "", stdin: bytes = b"") -> bytes:
        """Run gpg, at another time if need be."""
        clock = ("--faked-system-time", at) if at else ()
        argv = ["gpg", "--homedir", self.home, *_GPG, *clock, *arguments]
        done = subprocess.run(argv, input=stdin, capture_output=True, timeout=120, check=False)
        if done.returncode:
            raise RuntimeError(f"{argv}: {done.stderr.decode('utf-8', 'replace')}")
        return done.stdout

    def make(self, name: str, algorithm: str, usage: str, expires: str, *, at: str) -> str:
        """Make a key; return its fingerprint."""
        user_id = f"{name} <{name}@corpus.example>"
        self.run("--quick-gen-key", user_id, algorithm, usage, expires, at=at)
        return self.fingerprint(name)

    def fingerprint(self, name: str, *, subkey: bool = False) -> str:
        listed = self.run("--list-keys", "--with-colons", f"={name} <{name}@corpus.example>")
        found = re.findall(r"^fpr:::::::::([0-9A-F]{40}):", listed.decode(), re.MULTILINE)
        return str(found[-1 if subkey else 0])

    def public(self, fingerprint: str) -> bytes:
        return self.run("--export", fingerprint)

    def secret(self, fingerprint: str) -> bytes:
        return self.run("--export-secret-keys", fingerprint)

    def clearsign(
        self,
        text: bytes,
        *keys: str,
        at: str = "",
        digest: str = "SHA256",
        options: tuple[str, ...],
    ) -> bytes:
        """Return a clear-signed block without a final line end, as it lies in images."""
        names = [word for key in keys for word in ("--local-user", key)]
        weak = ("--ignore-time-conflict", "--digest-algo", digest)
        block = self.run(*weak, *options, *names, "--clearsign", at=at, stdin=text)
        return block.rstrip(b"\n")

    @contextmanager
    def with_copy_of(self, fingerprint: str) -> Iterator["GnuPG"]:
        """Give a scratch home that holds this one key, to change its certificate in."""
        with scratch_gnupg() as other:
            other.run("--import", stdin=self.secret(fingerprint))
            yield other


@contextmanager
def scratch_gnupg() -> Iterator[GnuPG]:
    home = Path(tempfile.mkdtemp(prefix="rs-"))
    try:
        yield GnuPG(home)
    finally:
        end(home)


def end(home: Path) -> None:
    """End a home's agent and remove it."""
    argv = ["gpgconf", "--homedir", str(home), "--kill", "all"]
    subprocess.run(argv, check=False, capture_output=True, timeout=60)
    shutil.rmtree(home, ignore_errors=True)


@dataclass
class Keys:
    """All keys by name.

    `certificates` are public keys of either kind, `fingerprints` those of OpenPGP keys,
    `primaries` the names that gpg and Apptainer know them by; `pem` holds private PEM files.
    """

    certificates: dict[str, bytes] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    subkeys: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    pem: dict[str, bytes] = field(default_factory=dict)


NEW_KEYS: Final = {
    "ada": "ed25519",
    "grace": "rsa3072",
    "mallory": "ed25519",
    "p256": "nistp256",
    "p384": "nistp384",
    "p521": "nistp521",
    "brainpool": "brainpoolP256r1",
    "secp256k1": "secp256k1",
    "dsa": "dsa2048",
    "rsa1024": "rsa1024",
}
PEM_KEYS: Final = {
    "pem ed25519": ("-algorithm", "ed25519"),
    "pem other ed25519": ("-algorithm", "ed25519"),
    "pem p256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "pem p384": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "pem p521": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"),
    "pem rsa2048": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    "pem rsa3072": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"),
    "pem rsa1024": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
    "pem secp256k1": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
}


def make_keys(gpg: GnuPG) -> Keys:
    """Make all keys in one home, and their certificates in every state."""
    keys = Keys()
    for name, algorithm in NEW_KEYS.items():
        gpg.make(name, algorithm, "sign", "never", at="")
    gpg.make("old", "ed25519", "sign", "never", at=MADE)
    gpg.make("one year", "ed25519", "sign", "1y", at=MADE)
    weak = ("--cert-digest-algo", "SHA1", "--allow-weak-digest-algos", "--quick-gen-key")
    gpg.run(*weak, "sha1 <sha1@corpus.example>", "rsa2048", "sign", "never", at=MADE)
    for name, expires in (("master", "never"), ("master one year", "1y")):
        primary = gpg.make(name, "ed25519", "cert", "never", at=MADE)
        gpg.run("--quick-add-key", primary, "ed25519", "sign", expires, at=MADE)
        keys.subkeys[name] = gpg.fingerprint(name, subkey=True)
    for name in (*NEW_KEYS, "old", "one year", "sha1", "master", "master one year"):
        keys.fingerprints[name] = fingerprint = gpg.fingerprint(name)
        keys.certificates[name] = gpg.public(fingerprint)
        keys.secrets[name] = gpg.secret(fingerprint)
    _change_certificates(gpg, keys)
    for name, options in PEM_KEYS.items():
        private = _openssl(b"", "genpkey", *options)
        keys.pem[name] = private
        keys.certificates[name] = _openssl(private, "pkey", "-pubout")
    return keys


def _change_certificates(gpg: GnuPG, keys: Keys) -> None:
    """Make the later states of certificates; the keys themselves sign as if nothing were."""
    old, master = keys.fingerprints["old"], keys.fingerprints["master"]
    for state, reason, when in (
        ("compromised later", 1, "20210101T120000"),
        ("revoked later without reason", 0, "20210101T120000"),
        ("superseded later", 2, "20210101T120000"),
        ("retired later", 3, "20210101T120000"),
        ("superseded before", 2, "20200301T120000"),
        ("retired before", 3, "20200301T120000"),
    ):
        keys.certificates[f"old, {state}"] = _revoked(gpg, old, reason, when)
    with gpg.with_copy_of(old) as copy:
        copy.run("--quick-set-expire", old, "1m", at="20200201T120000")
        keys.certificates["old, expired before"] = _cleaned(copy, old)
    with gpg.with_copy_of(old) as copy:
        copy.run("--quick-set-expire", old, "20y", at="20200901T120000")
        keys.certificates["old, renewed"] = _cleaned(copy, old)
        copy.run("--quick-set-expire", old, "1m", at="20201001T120000")
        keys.certificates["old, renewed for less"] = _cleaned(copy, old)
    with gpg.with_copy_of(old) as copy:
        copy.run("--quick-set-expire", old, "1y", at="20200201T120000")
        keys.certificates["old, until 2021"] = _cleaned(copy, old)
        copy.run("--quick-set-expire", old, "20y", at="20220101T120000")
        keys.certificates["old, renewed late"] = _cleaned(copy, old)
    with gpg.with_copy_of(keys.fingerprints["one year"]) as copy:
        copy.run("--quick-set-expire", keys.fingerprints["one year"], "20y", at="20201001T120000")
        keys.certificates["one year, renewed"] = _cleaned(copy, keys.fingerprints["one year"])
    with gpg.with_copy_of(master) as copy:
        copy.run("--quick-set-expire", master, "20y", at="20200901T120000")
        keys.certificates["master, primary renewed"] = _cleaned(copy, master)
        copy.run("--quick-set-expire", master, "20y", "*", at="20200901T120000")
        keys.certificates["master, renewed"] = _cleaned(copy, master)
    with gpg.with_copy_of(master) as copy:
        copy.run("--quick-set-expire", master, "1m", "*", at="20200201T120000")
        keys.certificates["master, subkey expired before"] = _cleaned(copy, master)
    for state, reason, when in (
        ("subkey compromised later", 1, "20210101T120000"),
        ("subkey retired later", 3, "20210101T120000"),
        ("subkey retired before", 3, "20200301T120000"),
    ):
        keys.certificates[f"master, {state}"] = _subkey_revoked(gpg, master, reason, when)
    keys.certificates["master, subkey unbound"] = _unbound(keys, "master", "old")
    stripped = [
        packet.whole for packet in packets.iterate(keys.certificates["master"]) if packet.tag != 13
    ]
    keys.certificates["master, without user id"] = b"".join([stripped[0], *stripped[2:]])


def _cleaned(gpg: GnuPG, fingerprint: str) -> bytes:
    """Export a certificate with its newest self-signatures alone, as key servers and people do."""
    return gpg.run("--export-options", "export-clean", "--export", fingerprint)


def _revoked(gpg: GnuPG, fingerprint: str, reason: int, when: str) -> bytes:
    """Return the certificate with a revocation."""
    argv = ["gpg", "--homedir", str(gpg.home), "--no-tty", "--pinentry-mode", "loopback"]
    argv += ["--passphrase", "", "--faked-system-time", when, "--command-fd", "0"]
    answers = f"y\n{reason}\n\ny\n".encode()
    done = subprocess.run(
        [*argv, "--gen-revoke", fingerprint], input=answers, capture_output=True, check=True
    )
    revocation = pysequoia.packet.PacketPile.from_bytes(done.stdout)
    raw = b"".join(bytes(packet) for packet in revocation)
    return bytes(pysequoia.Cert.from_bytes(gpg.public(fingerprint) + raw))


def _subkey_revoked(gpg: GnuPG, fingerprint: str, reason: int, when: str) -> bytes:
    with gpg.with_copy_of(fingerprint) as copy:
        argv = ["gpg", "--homedir", str(copy.home), "--no-tty", "--pinentry-mode", "loopback"]
        argv += ["--passphrase", "", "--faked-system-time", when, "--command-fd", "0"]
        answers = f"key 1\nrevkey\ny\n{reason}\n\ny\nsave\n".encode()
        subprocess.run(
            [*argv, "--edit-key", fingerprint], input=answers, capture_output=True, check=True
        )
        return copy.public(fingerprint)


def _unbound(keys: Keys, owner: str, subkey_of: str) -> bytes:
    """Hang another's key into a certificate as a subkey, with the binding of the real one."""
    other = next(packets.iterate(keys.certificates[subkey_of])).body
    found = list(packets.iterate(keys.certificates[owner]))
    whole = bytes([0xC0 | 14, len(other)]) + other
    return b"".join(whole if packet.tag == 14 else packet.whole for packet in found)


def _openssl(stdin: bytes, *arguments: str) -> bytes:
    return subprocess.run(
        ["openssl", *arguments], input=stdin, capture_output=True, check=True, timeout=120
    ).stdout
