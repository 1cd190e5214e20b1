"""Passphrases and secret keys are seen by nobody: not in /proc, not on a disk, not in words."""

import hashlib
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from repro_sign.key_request import KeyRequest
from repro_sign.openpgp import packets
from repro_sign.openpgp.secret import read_secret_key
from repro_sign.sealing.preparing import prepare
from repro_sign.stores.key_choice import pick_key
from repro_sign.stores.secret_keys import signing_keys
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now
from tests.account import Account, Result
from tests.conftest import Need

PASSPHRASE: Final = "correct-horse-ünter-the-staple"
PERSON: Final = ("--name", "Ada Author", "--email", "ada@uni.example")
NOT_A_DISK: Final = ("pipe:", "socket:", "UNIX", "anon_inode:", "/memfd:", "/dev/shm/", "/dev/null")
HOSTILE: Final = {
    **dict.fromkeys(("APPTAINER_VERIFY_KEY", "APPTAINER_SIGN_KEY"), "/nonexistent"),
    **dict.fromkeys(("SINGULARITY_VERIFY_KEY", "SINGULARITY_SYPGPDIR"), "/nonexistent"),
    **dict.fromkeys(("APPTAINER_CONFIG_FILE", "SINGULARITYENV_SECRET"), "/nonexistent"),
    "APPTAINER_LOCAL_VERIFY": "false",
    "APPTAINER_KEYIDX": "7",
    "GNUPG_HOSTILE": "hostile",
}


@dataclass(frozen=True)
class Author:
    """An account with a protected key, and all that was seen while it was made and used."""

    account: Account
    store: str
    fingerprint: str
    results: tuple[Result, ...]
    trace: str
    seen_in_proc: list[str]
    image: Path

    @property
    def packets(self) -> bytes:
        """The secret key as its store hands it out: encrypted."""
        if self.store == "apptainer":
            return (self.account.home / ".apptainer/keys/pgp-secret").read_bytes()
        file = self.account.home / "exported"
        self.account.program(
            *("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0"),
            *("-o", file, "--export-secret-keys", self.fingerprint),
            stdin=PASSPHRASE.encode(),
        )
        data = file.read_bytes()
        file.unlink()
        return data


@contextmanager
def watching(found: list[str]) -> Iterator[None]:
    """Look at the arguments and the environment of every process, all the time."""
    end = threading.Event()
    needle = PASSPHRASE.encode()

    def look() -> None:
        while not end.wait(0.002):
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        data = (process / name).read_bytes()
                    except OSError:
                        continue
                    if needle in data:
                        found.append(f"{name}: {data!r}")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def traced(account: Account, log: Path, *arguments: str | Path) -> Result:
    """Run a command under strace, which also waits for the agent: so that is ended, too."""
    options = ("-f", "--seccomp-bpf", "-qq", "-v", "-y", "-xx", "-s", "70000", "-A", "-o", log)
    calls = "trace=execve,write,writev,pwrite64,pwritev,sendto,sendmsg"
    kill = 'env -i PATH="$PATH" gpgconf --homedir "$HOME/.gnupg" --kill all'
    script = f'"$@"; status=$?; {kill}; exit $status'
    command = ("sh", "-c", script, "sh", *account.argv(*arguments))
    result = account.program("strace", *options, "-e", calls, *command, check=False)
    assert result.status == 0, result.err
    return result


@pytest.fixture(scope="module", params=["apptainer", "gnupg"])
def author(
    request: pytest.FixtureRequest,
    need: Need,
    base_image: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Author]:
    """Make a key, sign and verify, with hostile variables set, under the eyes of watchers."""
    need("strace", "apptainer", "gpg")
    folder = tmp_path_factory.mktemp("secrets")
    log, temporary = folder / "log", folder / "tmp"
    temporary.mkdir()
    image = Path(shutil.copy(base_image, folder / "climate.sif"))
    secret = folder / "passphrase"
    secret.touch(0o600)
    secret.write_text(PASSPHRASE)
    with Account.new() as plain:
        account = plain.with_variables(TMPDIR=str(temporary), PYTHONFAULTHANDLER="1", **HOSTILE)
        seen: list[str] = []
        with watching(seen):
            given = ("-v", "--passphrase-file", secret)
            command = ("keygen", *PERSON, "--store", request.param, "--json", *given)
            made = traced(account, log, *command)
            renewed = traced(account, log, "key", "renew", made.json["fingerprint"], *given)
            saving = ("key", "backup", made.json["fingerprint"], "-o", folder / "backup")
            saved = traced(account, log, *saving, *given)
            removing = ("key", "remove", made.json["fingerprint"], "--yes")
            removed = traced(account, log, *removing, "--backup", folder / "backup", *given)
            restored = traced(account, log, "key", "restore", folder / "backup", *given)
            exported = traced(account, log, "key", "export", "-v", made.json["fingerprint"])
            signed = traced(account, log, "sign", image, *given)
            checked = traced(account, log, "verify", "-v", image)
            revoked = revoking_another(account, log, command, given)
        secret.unlink()
        yield Author(
            account,
            request.param,
            made.json["fingerprint"],
            (made, signed, checked, renewed, saved, removed, restored, exported, revoked),
            log.read_text(),
            seen,
            image,
        )


def revoking_another(
    account: Account, log: Path, keygen: tuple[str | Path, ...], given: tuple[str | Path, ...]
) -> Result:
    """Make a key in a home of its own, under the same eyes, and revoke it."""
    with Account.new() as other:
        another = other.with_variables(**account.variables)
        made = traced(another, log, *keygen)
        revoking = ("key", "revoke", made.json["fingerprint"], "--reason", "compromised", "--yes")
        return traced(another, log, *revoking, *given)


def in_hex(data: bytes) -> str:
    """Write bytes as strace -xx does."""
    return "".join(f"\\x{byte:02x}" for byte in data)


def out_of_hex(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode()


def secret_number(author: Author) -> bytes:
    """Decrypt the key's secret number by hand (RFC 4880, 5.5.3 and 3.7.1.3)."""
    key = read_secret_key(author.packets)
    public = next(iter(packets.iterate(key.certificate.binary))).body
    body = next(iter(packets.iterate(author.packets))).body[len(public) :]
    (usage, cipher, kind, digest), count = body[:4], body[12]
    assert (usage, kind) == (254, 3)
    octets = (16 + (count & 15)) << ((count >> 4) + 6)
    name = {2: "sha1", 8: "sha256", 10: "sha512"}[digest]
    salted = body[4:12] + PASSPHRASE.encode()
    whole = (salted * (octets // len(salted) + 1))[: max(octets, len(salted))]
    rounds = (hashlib.new(name, bytes(one) + whole).digest() for one in range(2))
    derived = b"".join(rounds)[: {7: 16, 8: 24, 9: 32}[cipher]]
    block = Cipher(algorithms.AES(derived), modes.ECB()).encryptor()
    data, previous, plain = body[29:], body[13:29], b""
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        stream = block.update(previous)
        plain += bytes(a ^ b for a, b in zip(part, stream, strict=False))
        previous = part
    assert hashlib.sha1(plain[:-20]).digest() == plain[-20:]
    return plain[2:-20]


def test_no_process_shows_the_passphrase(author: Author) -> None:
    assert author.seen_in_proc == []
    starts = [line for line in author.trace.splitlines() if "execve(" in line]
    assert len(starts) > 6
    assert not [line for line in starts if in_hex(PASSPHRASE.encode()) in line]


def test_passphrase_and_secret_number_are_written_to_no_disk(author: Author) -> None:
    number, passphrase = secret_number(author), PASSPHRASE.encode()
    digits = passphrase.hex().encode()
    secrets = [in_hex(one) for one in (number, passphrase, digits, digits.upper())]
    written = [line for line in author.trace.splitlines() if any(one in line for one in secrets)]
    assert written  # it does go to the signing program: the search finds what is there
    for line in written:
        match = re.match(r"\d+ +\w+\(\d+<((?:\\x\w\w)+)", line)
        assert match, line
        assert out_of_hex(match[1]).startswith(NOT_A_DISK), out_of_hex(match[1])


def test_nothing_of_them_is_left_in_any_file(author: Author) -> None:
    secrets = (PASSPHRASE.encode(), secret_number(author))
    folders = (author.account.home, author.image.parent, Path("/dev/shm"))
    files = [one for folder in folders for one in folder.rglob("*") if one.is_file()]
    assert author.image in files
    for path in files:
        if path.name != "log":  # the test's own
            content = path.read_bytes()
            assert not any(one in content for one in secrets), path
    assert not list((author.image.parent / "tmp").iterdir())


def test_no_output_names_them(author: Author) -> None:
    number = secret_number(author)
    for result in author.results:
        text = result.out + result.err
        assert PASSPHRASE not in text
        assert number.hex() not in text.lower()


def test_nothing_of_the_package_shows_them_in_its_repr(author: Author) -> None:
    home = author.account.home
    where = Locations(home / ".apptainer/keys", home / ".gnupg", home / ".config/repro-sign")
    request = KeyRequest("Ada", "ada@uni.example").protected_by(PASSPHRASE)
    (key,) = {pick_key(signing_keys(where), None, utc_now())}
    sealer = prepare(key, where, PASSPHRASE)
    number = secret_number(author)
    for one in (request, key, key.secret, sealer):
        text = f"{one!r} {one!s}"
        assert PASSPHRASE not in text
        assert number.hex() not in text.lower()
        assert repr(number)[2:-1] not in text


def test_programs_inherit_none_of_the_variables_of_the_caller(author: Author) -> None:
    programs = ("apptainer", "gpg", "gpg-agent", "gpgconf", "starter")
    names = {in_hex(name.encode() + b"=") for name in (*HOSTILE, "GNUPGHOME")}
    started = set()
    for line in author.trace.splitlines():
        match = re.match(r'\d+ +execve\("([^"]*)"', line)
        name = Path(out_of_hex(match[1])).name if match else ""
        if name in programs:
            started.add(name)
            assert not any(one in line for one in names), name
    assert {"apptainer", "gpg", "gpg-agent"} <= started


def test_hostile_variables_change_no_result(author: Author, account: Account) -> None:
    made, signed, checked, *_ = author.results
    assert made.json["store"] == author.store
    assert signed.out.startswith("signed ")
    assert checked.out.startswith("VERIFIED")
    clean = account.verify(author.image, "--signer", author.fingerprint, "--engine", "both")
    assert clean.status == 0
    hostile = account.with_variables(**HOSTILE)
    again = hostile.verify(author.image, "--signer", author.fingerprint, "--engine", "both")
    assert again.image == clean.image
