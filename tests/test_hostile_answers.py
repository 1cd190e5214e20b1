"""What key servers, other programs and repositories say is hostile text, too."""

import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.account import Account, Signer
from tests.conftest import Need
from tests.hostile import LOUD, QUIET, SHOWN, inert, strings
from tests.hostile_world import make_key
from tests.repositories import Checkout
from tests.servers import Answer, document, redirect, small_server
from tests.test_x509 import CODE, Holder, files

ESCAPE = "\x1b[2J\x9b8m"
FAKE = """#!/bin/sh
cat {text}
cat {text} >&2
exit {status}
"""
SAID = f"FATAL: {LOUD}\ngpg: {LOUD}\n{LOUD}\n{QUIET}\n{ESCAPE}\n"


@pytest.fixture
def author(account: Account, image: Path, need: Need) -> Signer:
    """Give somebody who has signed the image with a key in Apptainer's ring."""
    need("apptainer", "gpg")
    one = account.make_signer("Ada Author", "ada@uni.example", "apptainer")
    one.sign(image)
    return one


@pytest.fixture
def stranger(need: Need) -> Iterator[Signer]:
    """Give somebody whose key has a hostile user id."""
    need("gpg")
    with Account.new() as one:
        key = make_key(one, LOUD)
        path = one.home / "public.asc"
        one.ok("key", "export", key, "-o", path)
        yield Signer(one, key, path, LOUD)


def failing(to: BaseHTTPRequestHandler) -> None:
    """Answer in a server's own words."""
    to.send_response(500, f"No {ESCAPE}")
    to.send_header("Retry-After", ESCAPE)
    to.end_headers()
    to.wfile.write(LOUD.encode())


def raw(to: BaseHTTPRequestHandler) -> None:
    """Answer with no HTTP at all."""
    to.wfile.write(LOUD.encode())


ANSWERS = {
    "a text": document(LOUD.encode()),
    "a page": document(f"<html>{QUIET}</html>".encode(), Content_Type=f"text/{ESCAPE}"),
    "nothing there": document(LOUD.encode(), 404),
    "failing": failing,
    "no HTTP": raw,
    "leading on": redirect(f"ftp://{ESCAPE}.example/{ESCAPE}"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_no_answer_of_a_server_is_active(author: Signer, image: Path, answer: Answer) -> None:
    key = author.fingerprint
    with small_server(answer) as server:
        for command in (
            ("key", "fetch", key, "--keyserver", server.url),
            ("key", "fetch", key, "--from", f"{server.url}/"),
            ("key", "publish", key, "--keyserver", server.url),
            ("verify", image, "--keyserver", server.url),
            ("verify", image, "--notices", f"{server.url}/a.asc", "--json"),
            ("sign", image, "--timestamp", server.url),
        ):
            inert(author.account.run(*command))
        assert len(server.paths) >= 6


def test_no_name_in_a_key_that_a_server_sends_is_active(account: Account, stranger: Signer) -> None:
    key = stranger.fingerprint
    with small_server(document(stranger.public_key.read_bytes())) as server:
        fetched = account.run("key", "fetch", key, "--keyserver", server.url)
        assert SHOWN.search(inert(fetched, statuses=(0,)))
        again = account.ok("key", "fetch", key, "--keyserver", server.url, "--json")
        assert again.json["keys"][0]["user_id"] == LOUD
        published = stranger.account.run("key", "publish", key, "--keyserver", server.url)
        assert SHOWN.search(inert(published, statuses=(0,)))


def saying(account: Account, name: str, said: str, status: int) -> Account:
    """Return an account in whose PATH a program says something, and ends with a status."""
    folder, text = account.home / "programs", account.home / "said"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    text.write_bytes(said.encode())
    program = folder / name
    program.write_text(FAKE.format(text=text, status=status))
    program.chmod(0o755)
    return account.with_variables(PATH=f"{folder}:{account.environment['PATH']}")


@pytest.mark.parametrize(
    ("program", "status", "shown"),
    [
        *(("apptainer", status, True) for status in (0, 1, 255)),
        *(("gpg", status, True) for status in (0, 2)),
        ("gpgconf", 1, False),
        ("gpg-connect-agent", 1, False),
        ("git", 0, False),
        ("nvidia-smi", 0, True),
        ("mpirun", 0, True),
    ],
)
def test_nothing_that_another_program_says_is_active(
    author: Signer, image: Path, program: str, status: int, *, shown: bool
) -> None:
    account = saying(author.account, program, SAID, status)
    new = (
        "keygen",
        "--name",
        "a",
        "--email",
        "a@b.example",
        "--no-passphrase",
        "--out",
        image.parent,
    )
    said = ""
    for command in (
        ("doctor",),
        ("verify", image, "--engine", "both"),
        ("key", "list"),
        ("sign", image, "--again"),
        ("sign", image, "--dry-run"),
        ("sign", image, "--source", image.parent),
        (*new, "--store", "apptainer"),
        (*new, "--store", "gnupg"),
        ("keygen", "--store", "pem", "--no-passphrase", "--out", image.parent),
        ("key", "publish", author.fingerprint, "--keyserver", "http://127.0.0.1:9"),
    ):
        said += inert(account.run(*command), statuses=(0, 1, 2, 3))
    assert SHOWN.search(said) or not shown


@pytest.mark.parametrize("said", ["[GNUPG:] FAILURE\n", f"[GNUPG:] INV_SGNR {LOUD}\n", "\udcff"])
def test_a_gpg_that_is_not_understood_is_no_answer(author: Signer, said: str) -> None:
    account = saying(author.account, "gpg", "", 0)
    (account.home / "said").write_bytes(said.encode("utf-8", "surrogateescape"))
    listed = account.run("key", "list")
    assert author.fingerprint[-4:] in inert(listed, statuses=(0,))
    inert(account.run("doctor"))


def test_nothing_that_a_repository_is_called_is_active(
    author: Signer, image: Path, tmp_path: Path, need: Need
) -> None:
    need("git")
    checkout = Checkout.new(tmp_path / LOUD)
    checkout.commit(f"requirements {LOUD}.txt", f"numpy\n{QUIET}\n")
    checkout.commit("requirements.txt", f"{QUIET}\n")
    checkout.git("remote", "add", "origin", f"https://git.example/{QUIET}")
    (checkout.top / LOUD).write_text("not committed")
    account = author.account
    planned = account.run("sign", image, "--source", checkout.top, "--dry-run", "--json")
    inert(planned, statuses=(0,))
    assert any(LOUD in one for one in strings(json.loads(planned.out)))
    inert(account.run("sign", image, "--source", checkout.top), statuses=(0,))
    manifest = image.with_name("climate.sif.manifest.asc").read_text(encoding="utf-8")
    assert SHOWN.search(manifest)
    (checkout.top / f"{LOUD}2").write_text("new")
    for more in ((), ("-v",), ("--json",)):
        command = ("verify", image, "--source", checkout.top, "--engine", "native", *more)
        assert SHOWN.search(inert(account.run(*command)))


def test_no_name_in_a_certificate_is_active(account: Account, image: Path) -> None:
    root, leaf = (Holder.new(f"{ESCAPE}\u202e\nVERIFIED  forged.sif {n}") for n in range(2))
    key = account.home / "leaf.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    key.write_bytes(leaf.key.private_bytes(*form, serialization.NoEncryption()))
    account.ok("sign", image, "--key", key)
    certified = root.certify(leaf, purpose=CODE)
    believed = files(account.home, roots=root.certify(root, authority=True), leaf=certified)
    (elsewhere := account.home / "elsewhere").mkdir()
    others = files(elsewhere, roots=leaf.certify(leaf, authority=True))
    for given in (believed, [*believed[2:], *others]):
        for more in ((), ("-q",), ("-v", "--deep"), ("--json",)):
            said = inert(account.run("verify", image, *given, "--engine", "native", *more))
            assert SHOWN.search(said) or more == ("-q",)
