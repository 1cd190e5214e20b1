"""`repro-sign audit`: nothing is read twice without need, and nothing that changed is missed."""

import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.test_policy import signer


@pytest.fixture
def site(tmp_path: Path, ada: Signer, image: Path) -> Path:
    """Give a folder with three images by Ada that have lain there for a while."""
    folder = tmp_path / "site"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.sif", "b.sif", "deep/c.sif"):
        place = Path(shutil.copy(image, folder / name))
        ada.sign(place)
    settle(folder)
    return folder


def settle(folder: Path) -> None:
    """Wait until nothing below a folder changed in the last seconds."""
    newest = max(path.stat().st_ctime for path in (folder, *folder.rglob("*")))
    time.sleep(max(newest + 2.1 - time.time(), 0))


@pytest.fixture
def admin(ada: Signer) -> Iterator[Account]:
    """Give an administrator who trusts Ada."""
    with Account.new() as account:
        account.ok("trust", "add", ada.public_key, "--yes", "--as", "Ada")
        yield account


def audit(admin: Account, site: Path, *options: str | Path) -> Result:
    return admin.run("audit", site, "--json", *options)


def events(result: Result) -> dict[str, str]:
    return {one["path"]: one["event"] for one in result.json["images"]}


def verdicts(result: Result) -> dict[str, str]:
    return {one["path"]: one["verdict"] for one in result.json["images"]}


def read(result: Result) -> set[str]:
    """Return the images whose bytes were read."""
    return {one["path"] for one in result.json["images"] if one["read"]}


EVERY = {"a.sif", "b.sif", "deep/c.sif"}


def test_the_first_sight_is_whole_and_the_second_reads_nothing(admin: Account, site: Path) -> None:
    first = audit(admin, site)
    assert (first.status, set(events(first).values())) == (0, {"new"})
    assert read(first) == EVERY
    assert all(one["digest"]["sha256"] for one in first.json["images"])
    second = audit(admin, site)
    assert (second.status, read(second)) == (0, set())
    assert set(events(second).values()) == {"same"}
    assert [one["digest"] for one in second.json["images"]] == [
        one["digest"] for one in first.json["images"]
    ]


def rewrite(path: Path) -> None:
    """Change a byte, as a disk does: no time tells of it."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-9, os.SEEK_END)
        file.write(b"\x17")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_image_that_changed_is_read_and_failed(admin: Account, site: Path) -> None:
    audit(admin, site)
    rewrite(site / "b.sif")  # its time is as before, and the kernel's change time is not
    result = audit(admin, site)
    assert (result.status, read(result)) == (1, {"b.sif"})
    assert (events(result)["b.sif"], verdicts(result)["b.sif"]) == ("changed", "failed")


def forge_state(database: Path, name: str, site: Path) -> None:
    """Make the database believe that a file's state is the one of now: as if no time had changed.

    Nobody can set a change time; a disk that loses a bit leaves it as it is.
    """
    one = (site / name).stat()
    state = ":".join(
        map(str, (one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns))
    )
    with sqlite3.connect(database) as connection:
        (found,) = connection.execute(
            "SELECT found FROM images WHERE path = ?", (name.encode(),)
        ).fetchone()
        changed = json.dumps({**json.loads(found), "state": state})
        connection.execute("UPDATE images SET found = ? WHERE path = ?", (changed, name.encode()))
    connection.close()


@pytest.mark.parametrize("how", ["--all", "--sample"])
def test_silent_corruption_is_found_by_reading_again(
    admin: Account, site: Path, tmp_path: Path, how: str
) -> None:
    database = tmp_path / "audit.sqlite"
    kept = ("--database", database)
    audit(admin, site, *kept)
    rewrite(site / "b.sif")
    settle(site)
    forge_state(database, "b.sif", site)
    assert audit(admin, site, *kept).status == 0  # nothing tells of it
    if how == "--all":
        result = audit(admin, site, *kept, "--all")
        assert read(result) == EVERY
    else:
        nights = [audit(admin, site, *kept, "--sample", "30%") for _ in range(3)]
        assert all(len(read(one)) >= 1 for one in nights)
        assert set().union(*map(read, nights)) == EVERY
        result = next(one for one in nights if one.status)
    assert (result.status, events(result)["b.sif"]) == (1, "corrupted")
    text = admin.run("audit", site, *kept, "--all").out
    assert "b.sif" in text


@pytest.mark.parametrize("what", ["manifest", "keys", "companion"])
def test_what_lies_beside_an_image_has_a_say(
    admin: Account, ada: Signer, site: Path, what: str
) -> None:
    data = site / "data.csv"
    data.write_text("1,2\n")
    ada.sign(site / "a.sif", "--with", data, "--manifest-only")
    settle(site)
    audit(admin, site)
    assert read(audit(admin, site)) == set()
    if what == "manifest":
        (site / "a.sif.manifest.asc").unlink()
    elif what == "keys":
        (site / "keys").mkdir()
        shutil.copy(ada.public_key, site / "keys")
    else:
        data.write_text("1,3\n")
    result = audit(admin, site)
    assert "a.sif" in read(result)
    assert "deep/c.sif" not in read(result)
    assert verdicts(result)["a.sif"] == ("failed" if what == "companion" else "verified")


def test_whom_one_trusts_is_asked_anew(admin: Account, ada: Signer, site: Path) -> None:
    audit(admin, site)
    admin.ok("trust", "remove", ada.fingerprint)
    result = audit(admin, site)
    assert (result.status, set(verdicts(result).values())) == (5, {"untrusted"})
    assert set(events(result).values()) == {"worse"}
    admin.ok("trust", "add", ada.public_key, "--yes")
    result = audit(admin, site)
    assert (result.status, set(events(result).values())) == (0, {"recovered"})


def test_a_key_that_is_revoked_meanwhile_is_told(
    admin: Account, image: Path, tmp_path: Path
) -> None:
    out = tmp_path / "revoked"
    out.mkdir()
    with Account.new() as author:
        olga = author.make_signer("Olga Author", "olga@uni.example", "gnupg")
        admin.ok("trust", "add", olga.public_key, "--yes")
        olga.sign(image)
        assert audit(admin, image.parent).status == 0
        revoking = ("key", "revoke", olga.fingerprint, "--reason", "compromised", "--yes")
        author.ok(*revoking, "--out", out)
    admin.ok("key", "fetch", olga.fingerprint, "--from", out)
    result = audit(admin, image.parent)
    assert (result.status, set(events(result).values())) == (1, {"revoked"})


def test_what_is_gone_is_told_once_and_an_empty_folder_forgets_nothing(
    admin: Account, site: Path
) -> None:
    audit(admin, site)
    (site / "a.sif").unlink()
    result = audit(admin, site)
    assert (result.status, result.json["vanished"]) == (0, ["a.sif"])
    assert audit(admin, site).json["vanished"] == []
    moved = site.rename(site.with_name("elsewhere"))
    site.mkdir()
    empty = audit(admin, site)
    assert (empty.status, "is the file system mounted?" in empty.err) == (3, True)
    site.rmdir()
    moved.rename(site)
    assert read(audit(admin, site)) == set()


def test_what_is_not_verified_is_read_every_night(
    admin: Account, grace: Signer, site: Path
) -> None:
    image = site / "deep" / "c.sif"
    for path in site.glob("deep/c.sif.*"):
        path.unlink()
    grace.account.ok("sign", image, "--key", grace.fingerprint)
    settle(site)
    first = audit(admin, site)
    assert verdicts(first)["deep/c.sif"] == "verified"  # Ada's signature is in it too
    (site / "broken.sif").write_bytes(b"no image")
    for _ in range(2):
        result = audit(admin, site)
        assert (result.status, "broken.sif" in read(result)) == (1, True)


def test_cron_hears_only_of_what_needs_somebody(admin: Account, site: Path) -> None:
    quiet = admin.run("audit", site, "-q")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")
    rewrite(site / "b.sif")
    loud = admin.run("audit", site, "-q")
    assert (loud.status, loud.out.count("\n")) == (1, 1)
    assert "b.sif" in loud.out


@pytest.mark.parametrize(
    "damage", ["junk", "cut", "names", "another version", "another folder", "others"]
)
def test_a_database_that_is_not_right_is_no_answer(
    admin: Account, site: Path, tmp_path: Path, damage: str
) -> None:
    database = tmp_path / "audit.sqlite"
    audit(admin, site, "--database", database)
    status = 1
    if damage == "junk":
        database.write_bytes(b"junk" * 2000)
        status = 3
    elif damage == "cut":
        database.write_bytes(database.read_bytes()[:5000])
        status = 3
    elif damage == "names":
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA writable_schema = on")
            row = "INSERT INTO sqlite_master VALUES ('table', ?, '', 2, 'CREATE TABLE a (')"
            connection.execute(row, ("\x1b[2J\u202e",))
        connection.close()
        status = 3
    elif damage == "another version":
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE about SET value = '2' WHERE name = 'schema'")
        connection.close()
    elif damage == "others":
        database.chmod(0o666)
    folder = site / "deep" if damage == "another folder" else site
    refused = admin.run("audit", folder, "--database", database)
    assert (refused.status, refused.out) == (status, ""), refused.err
    assert "audit.sqlite" in refused.err
    assert not {"\x1b", "\u202e"} & set(refused.err)
    assert "Traceback" not in refused.err


def test_a_row_that_makes_no_sense_is_read_anew(admin: Account, site: Path, tmp_path: Path) -> None:
    database = tmp_path / "audit.sqlite"
    for row in ("[]", "{}", "null", '{"state": 1}', "[" * 5000, '{"verdict": "verified"}'):
        audit(admin, site, "--database", database)
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE images SET found = ? WHERE path = ?", (row, b"a.sif"))
        connection.close()
        result = audit(admin, site, "--database", database)
        assert (result.status, read(result)) == (0, {"a.sif"})


def test_two_audits_of_one_folder_do_not_mix(admin: Account, site: Path, tmp_path: Path) -> None:
    database = tmp_path / "audit.sqlite"
    audit(admin, site, "--database", database)
    held = sqlite3.connect(database, isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    refused = admin.run("audit", site, "--database", database)
    held.close()
    assert (refused.status, "another audit" in refused.err) == (3, True)


def test_a_killed_audit_is_gone_on_with(
    admin: Account, site: Path, tmp_path: Path, need: Need
) -> None:
    need("strace")
    database = tmp_path / "audit.sqlite"
    argv = admin.argv("audit", site, "--database", database, "--jobs", "1")
    for call, number in (("fdatasync", 1), ("fsync", 1), ("pwrite64", 2), ("unlink", 1)):
        inject = f"inject={call}:signal=KILL:when={number}"
        subprocess.run(
            ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", inject, *argv],
            env=admin.environment,
            capture_output=True,
            check=False,
        )
    result = audit(admin, site, "--database", database)
    assert (result.status, set(verdicts(result).values())) == (0, {"verified"})


def test_hostile_names_are_shown_as_text(admin: Account, site: Path, tmp_path: Path) -> None:
    name = "<img src=x onerror=a>\x1b[31m.sif"
    (site / name).write_bytes(b"no image")
    page = tmp_path / "report.html"
    result = admin.run("audit", site, "--report", page)
    assert result.status == 1
    assert "\x1b" not in result.out
    text = page.read_text()
    assert "<img" not in text
    assert "&lt;img src=x onerror=a&gt;" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("ending", ["html", "txt", "json"])
def test_the_report_is_a_file_of_its_own(
    admin: Account, site: Path, tmp_path: Path, ending: str
) -> None:
    page = tmp_path / f"report.{ending}"
    for _ in range(2):  # an older one is replaced
        assert admin.run("audit", site, "--report", page).status == 0
    text = page.read_text()
    assert "deep/c.sif" in text
    assert "verified" in text
    other = tmp_path / f"mine.{ending}"
    other.write_text("mine")
    assert admin.run("audit", site, "--report", other).status == 1
    assert other.read_text() == "mine"
    assert admin.run("audit", site, "--report", tmp_path / "report.pdf").status == 2


@pytest.mark.parametrize("share", ["5", "x%", "200%", "-1%"])
def test_a_share_has_a_per_cent_sign(admin: Account, site: Path, share: str) -> None:
    assert admin.run("audit", site, "--sample", share).status == 2


def test_a_policy_with_another_rule_is_another_rule(
    admin: Account, ada: Signer, site: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "site.toml"
    policy.write_text(signer("Ada", ada.fingerprint) + '[[rule]]\nrequire = "Ada"\n')
    by = ("--policy", policy)
    first = audit(admin, site, *by)
    assert first.status == 0, first.err
    assert read(audit(admin, site, *by)) == set()
    with policy.open("a") as file:
        file.write("require_manifest = true\n")
    assert read(audit(admin, site, *by)) == EVERY
