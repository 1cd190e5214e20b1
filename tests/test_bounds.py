"""Bounded memory, whatever strangers hand in: the real command line under a memory limit.

Time has no assertion here, only a generous end.
"""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pysequoia
import pytest

from repro_sign.openpgp.packets import TAG_PUBLIC_KEY, iterate
from repro_sign.sif import layout
from repro_sign.sif.layout import DataType
from repro_sign.statements.statement import MAX_STATEMENT_BYTES
from tests.account import Account

pytest.importorskip("resource", reason="memory is limited and measured the POSIX way")

ADDRESS_SPACE = 600 << 20
MAX_RESIDENT = 256 << 20
RUNNER = f"""
import json, resource, subprocess, sys
limit = lambda: resource.setrlimit(resource.RLIMIT_AS, ({ADDRESS_SPACE}, {ADDRESS_SPACE}))
done = subprocess.run(sys.argv[1:], capture_output=True, text=True, timeout=300, preexec_fn=limit)
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([done.returncode, done.stdout, done.stderr, used]))
"""
GROUP_1 = layout.GROUP_MASK | 1
KIB = 1 if sys.platform == "darwin" else 1024
"""Linux counts in kibibytes."""


@dataclass(frozen=True)
class Bounded:
    status: int
    out: str
    err: str


def bounded(account: Account, *arguments: str | Path) -> Bounded:
    """Run a command that may take so much memory and no more."""
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, *account.argv(*arguments)],
        env=account.environment,
        cwd=account.home,
        capture_output=True,
        text=True,
        timeout=320,
        check=True,
    )
    status, out, err, used = json.loads(done.stdout)
    assert "Traceback" not in err, err[-2000:]
    assert status in (0, 1, 3, 4, 5), err
    assert used * KIB < MAX_RESIDENT, f"{used * KIB >> 20} MiB"
    return Bounded(status, out, err)


def verify(account: Account, image: Path, *options: str | Path) -> Bounded:
    return bounded(account, "verify", "--engine", "native", image, *options)


def row(number: int, kind: DataType, offset: int, size: int, **changes: int) -> bytes:
    group = layout.NO_GROUP if kind is DataType.SIGNATURE else GROUP_1
    link = GROUP_1 if kind is DataType.SIGNATURE else 0
    group, link = changes.get("group", group), changes.get("link", link)
    extra = layout.SIGNATURE_EXTRA.pack(layout.HASH_SHA256, b"")
    return layout.DESCRIPTOR.pack(
        kind, 1, number, group, link, offset, size, size, 0, 0, 0, 0, b"", extra
    )


def header(total: int, table: int = 128, size: int | None = None) -> bytes:
    length = total * layout.DESCRIPTOR.size if size is None else size
    launch, arch, uuid = b"#!/bin/sh\n", b"02\0", bytes(range(16))
    numbers = (0, 0, 0, total, table, length, table + length, 0)
    return layout.HEADER.pack(launch, layout.MAGIC, layout.VERSION, arch, uuid, *numbers)


def small_image(objects: Iterable[tuple[DataType, bytes, dict[str, int]]]) -> bytes:
    """Return a well-formed image whose table is as long as it has to be."""
    objects = list(objects)
    position = 128 + len(objects) * layout.DESCRIPTOR.size
    rows, body = b"", b""
    for number, (kind, data, changes) in enumerate(objects, 1):
        rows += row(number, kind, position + len(body), len(data), **changes)
        body += data
    return header(len(objects)) + rows + body


PLAIN = small_image([(DataType.DEFINITION_FILE, b"Bootstrap: scratch\n", {})])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (made := tmp_path / "work").mkdir()
    return made


HUGE = 3 << 30


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="nothing but zeros"),
        pytest.param(bytes(32) + layout.MAGIC, id="the magic word alone"),
        pytest.param(header(1 << 40), id="a table of a trillion rows"),
        pytest.param(header(4096, size=HUGE - 4096), id="a table of three gigabytes"),
        pytest.param(header(4096, table=HUGE - 10), id="a table across the end"),
        pytest.param(
            header(1) + row(1, DataType.SIGNATURE, 4096, HUGE - 4096), id="a huge signature"
        ),
        pytest.param(
            header(2)
            + row(1, DataType.DEFINITION_FILE, 4096, HUGE - 4096)
            + row(2, DataType.DEFINITION_FILE, HUGE - 1, 1),
            id="objects that overlap",
        ),
        pytest.param(
            header(1) + row(1, DataType.DEFINITION_FILE, 4096, HUGE), id="a byte too much"
        ),
    ],
)
def test_a_malformed_file_of_three_gigabytes(folder: Path, account: Account, start: bytes) -> None:
    image = folder / "huge.sif"
    image.write_bytes(start)
    os.truncate(image, HUGE)
    assert verify(account, image).status == 1
    assert bounded(account, "inspect", image).status in (1, 3)


def test_a_table_of_so_many_rows_that_are_all_empty(folder: Path, account: Account) -> None:
    image = folder / "rows.sif"
    image.write_bytes(header(4096) + bytes(4096 * layout.DESCRIPTOR.size))
    assert verify(account, image).status == 4


def definition(number: int) -> tuple[DataType, bytes, dict[str, int]]:
    return DataType.DEFINITION_FILE, b"%d" % number, {}


def own_group(number: int) -> tuple[DataType, bytes, dict[str, int]]:
    return DataType.GENERIC, b"%d" % number, {"group": layout.GROUP_MASK | number}


def junk_signature(number: int) -> tuple[DataType, bytes, dict[str, int]]:
    if number == 1:
        return definition(number)
    return DataType.SIGNATURE, b"junk %d" % number, {"link": number % 3 * GROUP_1 & 0xFFFFFFFF}


def strange_signature(number: int) -> tuple[DataType, bytes, dict[str, int]]:
    """Half objects, half well-formed signatures over them by a key that nobody has."""
    if number <= 2048:
        return definition(number)
    return DataType.SIGNATURE, STRANGE, {}


DIGEST = "sha256:" + "0" * 64
DOCUMENT = (
    b'{"version":1,"header":{"digest":"%b"},"objects":['
    b'{"relativeId":0,"descriptorDigest":"%b","objectDigest":"%b"}]}' % ((DIGEST.encode(),) * 3)
)
STRANGE = pysequoia.sign(
    pysequoia.Tsk.generate("Mallory").signer(), DOCUMENT, mode=pysequoia.SignatureMode.CLEAR
)


@pytest.mark.parametrize("make", [definition, own_group, junk_signature, strange_signature])
@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_an_image_of_4096_objects(
    folder: Path,
    account: Account,
    make: Callable[[int], tuple[DataType, bytes, dict[str, int]]],
    command: str,
) -> None:
    image = folder / "many.sif"
    image.write_bytes(small_image(map(make, range(1, 4097))))
    if command == "verify":
        assert verify(account, image).status in (1, 4)
    else:
        assert bounded(account, "inspect", image).status == 0


SIZE = MAX_STATEMENT_BYTES
CLEAR = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
END = b"\n-----BEGIN PGP SIGNATURE-----\n\niHUEARYIAB0W\n-----END PGP SIGNATURE-----\n"


def filled(start: bytes, unit: bytes, end: bytes) -> bytes:
    """Return `unit` again and again between start and end: as large as a manifest may be."""
    return start + unit * ((SIZE - len(start) - len(end)) // len(unit)) + end


@pytest.mark.parametrize(
    ("form", "start", "unit", "end"),
    [
        pytest.param("manifest.asc", b"", b"\0", b"", id="zeros"),
        pytest.param("manifest.asc", b"", b"\r\n", b"", id="line ends"),
        pytest.param("manifest.asc", CLEAR, b"text" * 5000 + b"\n", END, id="long lines"),
        pytest.param("manifest.asc", CLEAR, b"\n", END, id="empty lines"),
        pytest.param("manifest.asc", CLEAR, b"ab\n", END, id="short lines"),
        pytest.param("manifest.asc", CLEAR, b"- -\n", END, id="dashes"),
        pytest.param("manifest.asc", CLEAR, b"ab ", END, id="one line"),
        pytest.param("sigstore.json", b"", b"\xff", b"", id="no text"),
        pytest.param("sigstore.json", b"", b'"', b"", id="quotes"),
        pytest.param("sigstore.json", b"", b"[{", b"", id="deep"),
        pytest.param("sigstore.json", b'{"a":"', b"\\u1234", b'"}', id="escapes"),
        pytest.param("sigstore.json", b'{"a":', b"1", b"}", id="a number"),
        pytest.param("sigstore.json", b'{"a":1', b"\n" * 10, b"}", id="white space"),
        pytest.param("sigstore.json", b'{"a":[1', b",[]", b"]}", id="lists"),
        pytest.param("sigstore.json", b'{"a":[1', b",{}", b"]}", id="objects"),
        pytest.param("sigstore.json", b'{"a":[1', b",1.5", b"]}", id="fractions"),
    ],
)
def test_a_manifest_of_junk(
    folder: Path, account: Account, form: str, start: bytes, unit: bytes, end: bytes
) -> None:
    image = folder / "climate.sif"
    image.write_bytes(PLAIN)
    manifest = folder / f"climate.sif.{form}"
    manifest.write_bytes(filled(start, unit, end))
    assert verify(account, image).status == 1
    with manifest.open("ab") as file:
        file.truncate(SIZE + 1)
    assert verify(account, image).status == 1


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + struct.pack(">I", len(body)) + body


def user_ids(room: int, _: list[bytes]) -> bytes:
    return b"".join(packet(13, b"user %d" % n) for n in range(room // 20))


def signatures(room: int, found: list[bytes]) -> bytes:
    """Copies of a self-signature, all of them bad and each of its own."""
    changed = (found[0][:-4] + struct.pack(">I", n) for n in range(room // len(found[0])))
    return b"".join(packet(2, body) for body in changed)


def revocations(room: int, found: list[bytes]) -> bytes:
    changed = (b"\x04\x20" + found[0][2:-4] + struct.pack(">I", n) for n in range(room // 100))
    return b"".join(packet(2, body) for body in changed)


def one_long_user_id(room: int, _: list[bytes]) -> bytes:
    return packet(13, b"x" * room)


@pytest.mark.parametrize("flood", [user_ids, signatures, revocations, one_long_user_id])
@pytest.mark.parametrize("room", [200_000, 1_000_000, 1_048_576 * 2])
def test_a_flooded_certificate(
    folder: Path, account: Account, flood: Callable[[int, list[bytes]], bytes], room: int
) -> None:
    secret = pysequoia.Tsk.generate("Ada <ada@uni.example>")
    certificate = secret.extract_certificate()
    binary = bytes(certificate)
    known = [one.body for one in iterate(binary) if one.tag == 2]
    assert next(iterate(binary)).tag == TAG_PUBLIC_KEY
    flooded = binary + flood(room, known)
    block = pysequoia.sign(secret.signer(), DOCUMENT, mode=pysequoia.SignatureMode.CLEAR)
    image = folder / "climate.sif"
    image.write_bytes(
        small_image([(DataType.DEFINITION_FILE, b"x", {}), (DataType.SIGNATURE, block, {})])
    )
    (keys := folder / "keys").mkdir()
    (keys / "ada.gpg").write_bytes(flooded)
    assert verify(account, image, "--signer", certificate.fingerprint).status == 1
    key = folder.parent / "ada.gpg"
    key.write_bytes(flooded)
    result = subprocess.run(
        account.argv("verify", image, "--key", key),
        env=account.environment,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert result.returncode in (1, 2)
    assert b"Traceback" not in result.stderr
