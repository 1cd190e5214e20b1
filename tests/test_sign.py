"""Signing: what the real programs say of the result, and what is refused without a trace."""

import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro_sign.sif import layout
from tests.account import Account, Result, Signer
from tests.conftest import Need

SECRET = "correct horse"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refuse(signer: Signer, image: Path, *options: str | Path, status: int = 1) -> str:
    """Sign, expect a refusal that changes nothing in the image's folder; return the words."""
    before = content(image.parent)
    result = signer.account.run("sign", image, *options)
    assert (result.status, result.out) == (status, ""), result.err
    assert content(image.parent) == before
    return result.err


def siftool(*arguments: str | Path) -> None:
    Account.run_program(["siftool", *map(str, arguments)])


def header(image: Path) -> list[int]:
    """Modified, free, total, offset, size of the table; offset and size of the data."""
    return list(layout.HEADER.unpack(image.read_bytes()[: layout.HEADER.size])[6:])


def write_header(image: Path, numbers: list[int]) -> None:
    data = bytearray(image.read_bytes())
    struct.pack_into("<7q", data, layout.HEADER_MODIFIED_OFFSET, *numbers)
    image.write_bytes(data)


def accepted_by_apptainer(reader: Account, image: Path, *signers: Signer) -> bool:
    for one in signers:
        reader.program("apptainer", "key", "import", one.public_key)
    return reader.program("apptainer", "verify", "--local", image, check=False).status == 0


def test_apptainer_and_gpg_accept_what_was_signed(
    author: Signer, image: Path, account: Account, need: Need
) -> None:
    need("apptainer", "gpg")
    signed = author.sign(image).json
    assert signed["fingerprint"] == author.fingerprint
    (one,) = signed["images"]
    assert one["manifest_written"]
    assert accepted_by_apptainer(account, image, author)
    account.program("gpg", "--import", author.public_key)
    seen = account.program("gpg", "--status-fd", "1", "--verify", one["manifest"])
    assert f"VALIDSIG {author.fingerprint}" in seen.out
    digest = account.program("sha256sum", image).out.split()[0]
    assert digest == one["sha256"]


def test_signing_twice_adds_nothing(author: Signer, image: Path) -> None:
    author.sign(image)
    before = content(image.parent)
    (one,) = author.sign(image).json["images"]
    assert (one["added"], one["manifest_written"]) == ([], False)
    assert content(image.parent) == before


def test_again_adds_a_second_signature(author: Signer, image: Path, account: Account) -> None:
    first, second = (author.sign(image, *more).json["images"][0] for more in ((), ("--again",)))
    assert len(first["added"]) == len(second["added"]) == 1
    assert second["manifest_written"]
    result = account.verify(image, "--key", author.public_key)
    assert [one["finding"] for one in result.image["signatures"]] == ["good", "good"]
    assert result.image["manifest"]["match"] == "exact"
    assert accepted_by_apptainer(account, image, author)


def test_the_manifest_can_be_left_out_or_stand_alone(
    author: Signer, image: Path, account: Account
) -> None:
    before = image.read_bytes()
    author.sign(image, "--manifest-only")
    assert image.read_bytes() == before
    alone = account.verify(image, "--signer", author.fingerprint)
    assert alone.status == 0
    assert alone.image["signatures"] == []
    assert "image-not-signed" in alone.codes
    image.with_name("climate.sif.manifest.asc").unlink()
    author.sign(image, "--no-manifest")
    assert [path.name for path in image.parent.iterdir()] == ["climate.sif"]
    refuse(author, image, "--no-manifest", "--manifest-only", status=2)
    refuse(author, image, "--no-manifest", "--with", image, status=2)


def test_files_named_with_the_image_are_checked_with_it(
    author: Signer, image: Path, account: Account
) -> None:
    data, elsewhere = image.with_name("data.csv"), image.parent.parent / "source.tar"
    data.write_text("1,2\n")
    elsewhere.write_text("source")
    author.sign(image, "--with", data, "--with", elsewhere)
    trusting = (image, "--signer", author.fingerprint)
    complete = account.verify(*trusting)
    subjects = complete.image["manifest"]["statement"]["subject"]
    assert [one["name"] for one in subjects] == ["climate.sif", "data.csv", "source.tar"]
    assert complete.status == 0
    assert "source.tar is named in it and is not here" in complete.out
    signed = image.read_bytes()
    author.sign(image, "--with", data)
    assert image.read_bytes() == signed
    assert "source.tar" not in account.verify(*trusting).out
    data.write_text("1,3\n")
    changed = account.verify(*trusting)
    assert (changed.status, changed.image["verdict"]) == (1, "failed")
    assert "the file data.csv was changed" in changed.out
    data.unlink()
    assert account.verify(*trusting).status == 0


@pytest.fixture(scope="module", params=["apptainer", "gnupg"])
def locked(request: pytest.FixtureRequest, need: Need) -> Iterator[Signer]:
    """An author whose key has a passphrase, which lies in `passphrase` in her home."""
    need("apptainer", "gpg")
    with Account.new() as one:
        path = one.home / "passphrase"
        path.touch(mode=0o600)
        path.write_text(f"{SECRET}\n")
        made = one.ok(
            *("keygen", "--name", "Lea Locked", "--email", "lea@uni.example", "--json"),
            *("--store", request.param, "--passphrase-file", path),
        ).json
        yield Signer(one, made["fingerprint"], one.home / made["public_key"], "Lea Locked")


def forget(account: Account) -> None:
    """Make gpg-agent forget the passphrases it knows."""
    account.program("gpgconf", "--kill", "gpg-agent")


def test_a_wrong_passphrase_changes_nothing(locked: Signer, image: Path) -> None:
    wrong = image.parent.parent / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("incorrect horse")
    forget(locked.account)
    assert "passphrase" in refuse(locked, image, "--passphrase-file", wrong)
    wrong.chmod(0o644)
    assert "others can read" in refuse(locked, image, "--passphrase-file", wrong)
    refuse(locked, image, "--passphrase-file", wrong.with_name("none"), status=3)


def test_the_right_passphrase_signs_and_is_not_shown(
    locked: Signer, image: Path, account: Account
) -> None:
    forget(locked.account)
    path = locked.account.home / "passphrase"
    through = locked.account.with_variables(REPRO_SIGN_PASSPHRASE_FILE=str(path))
    result = through.ok("sign", "-v", image)
    assert SECRET not in result.out + result.err
    assert account.verify(image, "--signer", locked.fingerprint).status == 0


def test_what_the_file_system_knows_of_the_image_is_kept(
    author: Signer, image: Path, account: Account
) -> None:
    hard, link = image.with_name("hard.sif"), image.with_name("latest.sif")
    hard.hardlink_to(image)
    link.symlink_to(image.name)
    image.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(image, 12345, 23456)
    before = image.stat()
    author.sign(link)
    after = image.stat()
    for kept in ("st_dev", "st_ino", "st_mode", "st_uid", "st_gid", "st_nlink"):
        assert getattr(after, kept) == getattr(before, kept)
    assert link.is_symlink()
    for path in (link, hard, image):
        assert account.verify(path, "--key", author.public_key).status == 0


def as_owner_without_privileges(account: Account, *arguments: str | Path) -> Result:
    """Run a command for which the mode of a file counts, also where the tests are root's."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    return account.program(
        *(drop if os.geteuid() == 0 else []), *account.argv(*arguments), check=False
    )


def test_a_read_only_image_is_refused(author: Signer, image: Path, need: Need) -> None:
    if os.geteuid() == 0:
        need("setpriv")
    image.chmod(0o444)
    before = content(image.parent)
    result = as_owner_without_privileges(author.account, "sign", image)
    assert (result.status, result.out) == (1, "")
    assert "--manifest-only" in result.err
    assert content(image.parent) == before
    result = as_owner_without_privileges(author.account, "sign", "--manifest-only", image)
    assert result.status == 0, result.err


def test_what_is_no_image_is_refused(author: Signer, image: Path) -> None:
    text = image.with_name("notes.sif")
    text.write_text("not an image\n" * 100)
    assert "not a SIF file" in refuse(author, text)
    refuse(author, image.with_name("none.sif"), status=3)
    os.mkfifo(pipe := image.parent.parent / "pipe.sif")
    assert author.account.run("sign", pipe).status == 3
    assert author.account.run("sign", image.parent).status == 3
    image.write_bytes(image.read_bytes()[:-1])
    refuse(author, image)


def test_a_full_descriptor_table_is_refused(author: Signer, image: Path) -> None:
    modified, free, total, *_ = header(image)
    used = total - free
    rest = header(image)[3:]
    rest[1] = used * layout.DESCRIPTOR.size
    write_header(image, [modified, 0, used, *rest])
    assert "no free descriptor" in refuse(author, image)


def test_every_group_is_signed(author: Signer, image: Path, account: Account) -> None:
    more = image.parent.parent / "more"
    more.write_text("more")
    siftool("add", image, more, "--datatype", "7", "--groupid", "2")
    (one,) = author.sign(image).json["images"]
    assert len(one["added"]) == 2
    result = account.verify(image, "--signer", author.fingerprint)
    assert result.status == 0
    assert sorted(one["group"] for one in result.image["signatures"]) == [1, 2]
    assert accepted_by_apptainer(account, image, author)


def test_a_second_signer_gets_a_manifest_of_their_own(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    (second,) = grace.sign(image).json["images"]
    own = image.with_name(f"climate.sif.{grace.fingerprint[-16:]}.manifest.asc")
    assert Path(second["manifest"]) == own
    for signer, match in ((ada, "signatures-added"), (grace, "exact")):
        result = account.verify(image, "--signer", signer.fingerprint)
        assert result.status == 0
        assert result.image["manifest"]["match"] == match
    assert accepted_by_apptainer(account, image, ada, grace)
    before = content(image.parent)
    ada.sign(image, "--no-manifest")
    grace.sign(image)
    assert content(image.parent) == before


def test_two_people_who_sign_at_once_both_have_signed(
    ada: Signer, grace: Signer, image: Path, account: Account
) -> None:
    running = [
        subprocess.Popen(
            one.account.argv("sign", image),
            env=one.account.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for one in (ada, grace)
    ]
    assert [one.wait(timeout=60) for one in running] == [0, 0]
    both = ("--signer", ada.fingerprint, "--signer", grace.fingerprint)
    assert account.verify(image, *both, "--require", "2").status == 0


def many_objects(path: Path, count: int) -> None:
    """Write an image whose metadata is one long line: gpg would cut it at 20,000 bytes."""
    table, data = bytearray(), bytearray()
    start = layout.HEADER.size + (count + 8) * layout.DESCRIPTOR.size
    for number in range(1, count + 1):
        text = f"object {number}".encode()
        table += layout.DESCRIPTOR.pack(
            *(layout.DataType.GENERIC, 1, number, layout.GROUP_MASK | 1, 0, start + len(data)),
            *(len(text), len(text), 0, 0, 0, 0, text, b""),
        )
        data += text
    table += bytes(8 * layout.DESCRIPTOR.size)
    head = layout.HEADER.pack(
        *(b"#!/usr/bin/env run-singularity\n", layout.MAGIC, layout.VERSION, b"02\0", b"u" * 16),
        *(0, 0, 8, count + 8, layout.HEADER.size, len(table), start, len(data)),
    )
    path.write_bytes(head + table + data)


def test_an_image_of_very_many_objects_is_signed_whole(
    author: Signer, tmp_path: Path, account: Account
) -> None:
    image = tmp_path / "many.sif"
    many_objects(image, 200)
    author.sign(image)
    result = account.verify(image, "--signer", author.fingerprint)
    assert result.status == 0
    assert result.image["signatures"][0]["covers"] == list(range(1, 201))
    assert accepted_by_apptainer(account, image, author)


def test_an_interrupted_run_is_completed(author: Signer, image: Path, account: Account) -> None:
    before = header(image)
    author.sign(image, "--no-manifest")
    after = header(image)
    write_header(image, before)
    assert author.sign(image).json["images"][0]["added"] == []
    assert header(image)[1:] == after[1:]
    assert account.verify(image, "--signer", author.fingerprint).status == 0


def test_bytes_left_after_the_last_object_go_unless_they_are_many(
    author: Signer, image: Path, account: Account
) -> None:
    whole = image.read_bytes()
    image.write_bytes(whole + bytes(layout.MAX_SIGNATURE_BYTES + 1))
    assert "after its last object" in refuse(author, image)
    image.write_bytes(whole + b"left over" * 1000)
    author.sign(image)
    assert b"left over" not in image.read_bytes()
    result = account.verify(image, "--signer", author.fingerprint)
    assert (result.status, "warning" in result.codes) == (0, False)


def test_nothing_is_left_in_folders_for_scratch_files(
    author: Signer, image: Path, tmp_path: Path
) -> None:
    """In a mount namespace of its own: other tests use the memory file system too."""
    unshare = ["unshare", "-m", *([] if os.geteuid() == 0 else ["-r"])]
    script = 'mount -t tmpfs tmpfs /dev/shm || exit 77; "$@" >&2 || exit; ls -A /dev/shm'
    (scratch := tmp_path / "scratch").mkdir()
    account = author.account.with_variables(TMPDIR=str(scratch))
    result = account.program(
        *(*unshare, "sh", "-c", script, "sh", *account.argv("sign", image)), check=False
    )
    if result.status in (1, 77) and "signed" not in result.err:
        pytest.skip("no mount namespace can be made here")
    assert (result.status, result.out) == (0, "")
    assert sorted(content(image.parent)) == ["climate.sif", "climate.sif.manifest.asc"]
    assert not any(scratch.iterdir())


def test_the_printed_line_is_what_a_reviewer_types(
    author: Signer, image: Path, account: Account
) -> None:
    out = author.account.ok("sign", image).out
    line = out.splitlines()[-1].strip()
    assert line == f"repro-sign verify climate.sif --signer {author.fingerprint}"
    assert account.run(*line.split()[1:], cwd=image.parent).status == 0


def test_signing_again_drops_no_companion(author: Signer, image: Path) -> None:
    data = image.with_name("data.csv")
    data.write_text("1,2\n")
    author.sign(image, "--with", data)
    manifest = next(image.parent.glob("*.manifest.asc"))
    before = manifest.read_bytes()
    author.sign(image)
    assert manifest.read_bytes() == before
    data.unlink()
    refused = author.account.run("sign", image)
    assert refused.status == 1
    assert "data.csv" in refused.err
    assert manifest.read_bytes() == before


def test_an_image_changed_under_ones_own_signature_is_refused(author: Signer, image: Path) -> None:
    author.sign(image)
    changed = bytearray(image.read_bytes())
    changed[600_000] ^= 1
    image.write_bytes(changed)
    result = author.account.run("sign", image)
    assert result.status == 1
    assert "siftool del 4" in result.err
    assert image.read_bytes() == changed
    author.account.program("siftool", "del", "4", image)
    author.sign(image)
    assert author.account.verify(image).status == 0
