"""A reviewer's machine may be of any kind: nothing that only POSIX has, any name, any encoding.

A driver takes away what Windows lacks before the program is imported, and says that the system
is another one. The real thing runs in .github/workflows/test.yml.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.account import Account, Result
from tests.conftest import Need
from tests.programs import PROJECT

MODULES = "fcntl grp posix_ipc pty pwd readline resource termios tty _posixsubprocess"
FUNCTIONS = (
    "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_TMPFILE chown chroot fchmod fchown fork"
    " forkpty getegid geteuid getgid getuid killpg lchown memfd_create mkfifo posix_fadvise"
    " posix_fallocate posix_spawn pread preadv pwrite pwritev readv sched_getaffinity sendfile"
    " setsid statvfs uname wait4"
)
DRIVER = f"""
import os, subprocess, sys, tempfile
import platformdirs, repro_sign  # these, subprocess and tempfile are made of other parts there
tempfile.TemporaryFile = tempfile.NamedTemporaryFile
for name in {MODULES.split()}:
    sys.modules[name] = None
for name in {FUNCTIONS.split()}:
    if hasattr(os, name):
        delattr(os, name)
os.name = "elsewhere"
from repro_sign.__main__ import main
main()
"""
NAME = "Ada Ødegård-日本 <ada@uni.example>"
ODD_NAMES = [
    "back\\slash.sif",
    "C:colon.sif",
    "a:stream.sif",
    " blanks at both ends .sif",
    "Ø日本-\N{GRINNING FACE}.sif",
    "-x.sif",
    "--help.sif",
    "new\nline\x1b[31m.sif",
    "no-suffix",
    os.fsdecode(b"not-utf8-\xff.sif"),
    "x" * 200 + ".sif",
]


@dataclass(frozen=True)
class Deposit:
    """A folder with a signed image, its manifest and its signer's certificate."""

    folder: Path
    fingerprint: str

    def copy(self, to: Path, name: str) -> Path:
        to.mkdir()
        shutil.copy(self.folder / "ada.asc", to)
        suffix = ".manifest.asc"
        shutil.copy(self.folder / f"climate.sif{suffix}", to / (name[:200] + suffix))
        return Path(shutil.copy(self.folder / "climate.sif", to / name[:200]))


@pytest.fixture(scope="module")
def deposit(
    need: Need, base_image: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deposit]:
    need("gpg")
    with Account.new() as author:
        out = author.home / "public"
        out.mkdir()
        name, _, email = NAME.partition(" <")
        made = author.ok(
            *("keygen", "--store", "gnupg", "--no-passphrase", "--json", "--out", out),
            *("--name", name, "--email", email.rstrip(">")),
        ).json
        folder = tmp_path_factory.mktemp("deposit")
        image = Path(shutil.copy(base_image, folder / "climate.sif"))
        author.ok("sign", image)
        shutil.copy(made["public_key"], folder / "ada.asc")
        yield Deposit(folder, made["fingerprint"])


def elsewhere(account: Account, *arguments: str | Path, cwd: Path | None = None) -> Result:
    """Run a command where nothing is left that only POSIX has."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *map(str, arguments)],
        env=account.environment,
        cwd=cwd or account.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    out, err = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    assert "Traceback" not in err, err
    return Result(done.returncode, out, err)


SEEDS = PROJECT / "fuzz"


@pytest.mark.parametrize(
    ("image", "key", "word"),
    [
        ("grace", "grace.asc", "verified"),
        ("rita", "rita.asc", "verified"),
        ("ed25519", "ed25519.pub", "verified"),
        ("two-groups-two-signers", "grace.asc", "verified"),
        ("grace", "rita.asc", "untrusted"),
        ("unsigned", "grace.asc", "unsigned"),
        ("legacy", "grace.asc", "unsigned"),
    ],
)
def test_images_kept_here_are_verified_without_any_other_program(
    tmp_path: Path, image: str, key: str, word: str
) -> None:
    """The one test here of the real thing on Windows and macOS: it takes nothing away."""
    homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(tmp_path))
    environment = {**os.environ, **homes, "PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": "error"}
    name = tmp_path / "Ø 日本.sif"
    shutil.copy(SEEDS / "corpus" / "sif" / image, name)
    command = (sys.executable, "-m", "repro_sign", "verify", "--engine", "native", "--json")
    for changed in (False, True):
        done = subprocess.run(
            [*command, str(name), "--key", str(SEEDS / "keys" / key)],
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.stderr == b""
        (found,) = json.loads(done.stdout)["images"]
        if not changed:
            assert found["verdict"] == word
            with name.open("r+b") as file:
                file.write(b"#!/bin/false")
        else:
            assert found["verdict"] in ("failed", "unsigned")


@pytest.mark.skipif(os.name != "posix", reason="nothing is there to be taken away")
def test_the_driver_takes_away_what_it_says(account: Account) -> None:
    script = DRIVER.replace("main()\n", "import fcntl\n")
    done = subprocess.run(
        [sys.executable, "-c", script], env=account.environment, capture_output=True, check=False
    )
    assert b"import of fcntl halted" in done.stderr


@pytest.mark.parametrize("trust", ["signer", "key", "nobody"])
def test_verify_needs_nothing_of_posix(
    deposit: Deposit, account: Account, tmp_path: Path, trust: str
) -> None:
    image = deposit.copy(tmp_path / "work", "climate.sif")
    trusts: dict[str, tuple[str | Path, ...]] = {
        "signer": ("--signer", deposit.fingerprint),
        "key": ("--key", image.with_name("ada.asc")),
        "nobody": (),
    }
    options = trusts[trust]
    status = 0 if options else 5
    alone = account.with_variables(PATH=str(image.parent))  # where there are no programs either
    for command in (("verify",), ("verify", "--json"), ("verify", "--engine", "native", "-v")):
        result = elsewhere(alone, *command, image, *options)
        assert (result.status, result.err) == (status, "")
    data = bytearray(image.read_bytes())
    data[700_000] ^= 1
    image.write_bytes(data)
    assert elsewhere(account, "verify", image, *options).status == 1


def test_a_large_image_is_hashed_in_threads_there_too(
    deposit: Deposit, account: Account, tmp_path: Path
) -> None:
    image = deposit.copy(tmp_path / "work", "climate.sif")
    with image.open("ab") as file:
        file.truncate(40 << 20)
    trust = ("--key", image.with_name("ada.asc"))
    image.with_name("climate.sif.manifest.asc").unlink()
    native = account.verify(image, *trust, "--engine", "native")
    assert elsewhere(account, "verify", "--json", image, *trust).json == native.json


def test_other_commands_need_nothing_of_posix(
    deposit: Deposit, account: Account, tmp_path: Path
) -> None:
    image = deposit.copy(tmp_path / "work", "climate.sif")
    key = image.with_name("ada.asc")
    for command in (
        *(("--help",), ("--version",), ("verify", "--help"), ("inspect", "--help")),
        *(("trust", "--help"), ("key", "--help"), ("sign", "--help"), ("keygen", "--help")),
        *(("inspect", image), ("inspect", "--json", image), ("trust", "list")),
        *(("trust", "add", key, "--yes"), ("trust", "add", deposit.fingerprint, "--yes")),
        *(("trust", "list"), ("trust", "list", "--json"), ("key", "list")),
        *(("verify", image), ("verify", image.parent), ("verify", "--jsonl", image.parent)),
        *(("trust", "remove", deposit.fingerprint), ("trust", "list")),
    ):
        result = elsewhere(account, *command)
        assert result.status == 0, (command, result.out, result.err)
    assert elsewhere(account, "verify", image).status == 5


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_any_name_of_a_file_works(
    deposit: Deposit, account: Account, tmp_path: Path, name: str
) -> None:
    image = deposit.copy(tmp_path / "work", name)
    trust = ("--signer", deposit.fingerprint)
    shown = image.name if not image.name.startswith("-") else f"./{image.name}"
    for path, cwd in ((image, None), (Path(shown), image.parent)):
        argument = str(path) if cwd is None else shown
        result = elsewhere(account, "verify", "--json", argument, *trust, cwd=cwd)
        assert (result.status, result.image["verdict"]) == (0, "verified"), result.err
        assert [one["match"] for one in result.image["manifests"]] == ["exact"]
        assert Path(result.image["path"]).name == image.name
        for command in (("verify", argument, *trust), ("inspect", argument)):
            result = elsewhere(account, *command, cwd=cwd)
            assert (result.status, result.err) == (0, "")
            assert not set(result.out) & set("\x1b\r\udcff")
    result = elsewhere(account, "verify", "--json", *trust, cwd=image.parent)
    assert [Path(one["path"]).name for one in result.json["images"]] == [image.name]


def test_a_folder_that_nobody_may_write_to(
    deposit: Deposit, account: Account, tmp_path: Path
) -> None:
    image = deposit.copy(tmp_path / "work", "climate.sif")
    for path in (*image.parent.iterdir(), image.parent):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in (*image.parent.iterdir(), image.parent)}
    try:
        trust = ("--signer", deposit.fingerprint)
        assert elsewhere(account, "verify", image, *trust, cwd=image.parent).status == 0
        assert elsewhere(account, "verify", *trust, cwd=image.parent).status == 0
        assert elsewhere(account, "inspect", image, cwd=image.parent).status == 0
        assert before == {path: path.stat().st_mtime_ns for path in before}
    finally:
        image.parent.chmod(0o755)


def test_no_home_is_no_crash(deposit: Deposit, tmp_path: Path) -> None:
    image = deposit.copy(tmp_path / "work", "climate.sif")
    account = Account(tmp_path / "there-is-no-such-home")
    trust = ("--signer", deposit.fingerprint)
    assert elsewhere(account, "verify", image, *trust, cwd=tmp_path).status == 0
    assert elsewhere(account, "trust", "list", cwd=tmp_path).status == 0


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-16"])
def test_an_output_encoding_that_lacks_characters_is_no_crash(
    deposit: Deposit, account: Account, tmp_path: Path, encoding: str
) -> None:
    image = deposit.copy(tmp_path / "work", "Ø日本-\N{GRINNING FACE}.sif")
    key = image.with_name("ada.asc")
    account.ok("key", "import", "--store", "gnupg", key)
    poor = account.with_variables(PYTHONIOENCODING=encoding)
    codec = "utf-8" if "ascii" in encoding else encoding  # click takes ASCII for a mistake
    for command in (
        *(("--help",), ("verify", "--help"), ("keygen", "--help"), ("trust", "add", "--help")),
        *(("verify", image, "--key", key), ("verify", "--quiet", image, "--key", key)),
        *(("verify", "-v", image, "--key", key), ("verify", "--json", image, "--key", key)),
        *(("inspect", image), ("inspect", "--json", image), ("key", "list")),
        *(("key", "show", deposit.fingerprint), ("key", "export", deposit.fingerprint)),
        *(("trust", "add", key, "--yes"), ("trust", "list"), ("trust", "list", "--json")),
        *(("verify", image), ("verify", "--color", "always", image), ("doctor",)),
    ):
        done = subprocess.run(
            poor.argv(*command),
            env=poor.environment,
            cwd=poor.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert b"Traceback" not in done.stderr, (command, done.stderr)
        assert done.returncode == 0 or command == ("doctor",), (command, done.stderr)
        done.stdout.decode(codec)


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_a_locale_without_utf_8_is_no_crash(
    deposit: Deposit, account: Account, tmp_path: Path, locale: str
) -> None:
    image = deposit.copy(tmp_path / "work", os.fsdecode("Ø日本.sif".encode()))
    bare = account.with_variables(LC_ALL=locale, PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    trust = ("--signer", deposit.fingerprint)
    for command in (("verify", image, *trust), ("verify", "--json", image, *trust)):
        result = bare.program(*bare.argv(*command), check=False)
        assert (result.status, result.err) == (0, "")


def test_comparing_needs_nothing_of_posix(
    deposit: Deposit, account: Account, base_image: Path
) -> None:
    signed = deposit.folder / "climate.sif"
    result = elsewhere(account, "compare", "--json", base_image, signed)
    assert (result.status, result.json["result"]) == (0, "same-identity")
    manifest = deposit.folder / "climate.sif.manifest.asc"
    assert elsewhere(account, "compare", signed, manifest).out.startswith("same bytes\n")
    result = elsewhere(account, "inspect", "--json", "--content-digest", signed)
    assert result.json["content"]["trees"]
