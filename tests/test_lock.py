"""Lock files: images pinned to bytes and signers, and folders held against them."""

import contextlib
import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import is_hidden
from repro_sign.fingerprint import Fingerprint
from repro_sign.locking.lock_file import LOCK_NAME, LockedSigner, LockEntry, LockFile
from repro_sign.locking.rules import compare, rules_for, rules_for_extra
from repro_sign.locking.text import parse, to_text
from repro_sign.pinning.planning import LockRequest, plan_lock, write_lock
from repro_sign.trust.evidence import ImageEvidence
from repro_sign.trust.judge import judge
from repro_sign.trust.pinned import LockState
from repro_sign.trust.policy import TrustPolicy
from repro_sign.verifying import Engine, VerifyRequest
from tests.account import Account, Result, Signer
from tests.test_trust_exchange import at_a_terminal
from tests.test_truth_table import DIGESTS, EVIDENCE, IDENTITY, PEOPLE, POLICIES


@pytest.fixture(scope="module")
def signed(
    base_image: Path, newer_image: Path, grace: Signer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Give a workflow with two images that Grace signed. Copy it before changing it."""
    folder = tmp_path_factory.mktemp("signed")
    (folder / "images").mkdir()
    for image, name in ((base_image, "climate.sif"), (newer_image, "ocean.sif")):
        grace.sign(Path(shutil.copy(image, folder / "images" / name)))
    return folder


@pytest.fixture
def workflow(signed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed, tmp_path / "workflow"))


@pytest.fixture
def reader() -> Iterator[Account]:
    with Account.new() as one:
        yield one


def lock(account: Account, folder: Path, *arguments: str | Path) -> Result:
    return account.run("lock", *arguments, cwd=folder)


def check(account: Account, folder: Path, *arguments: str | Path) -> Result:
    """Hold a folder against its lock file."""
    return account.verify("--engine", "native", "--lock", LOCK_NAME, *arguments, cwd=folder)


def states(result: Result) -> dict[str, tuple[str, str]]:
    """Give the word of each image and its verdict."""
    return {
        Path(one["path"]).name: (one["lock"]["state"], one["verdict"])
        for one in result.json["images"]
    }


def locked(account: Account, folder: Path, signer: Signer) -> Path:
    """Lock a folder whose images this signer signed."""
    result = lock(account, folder, "--signer", signer.fingerprint)
    assert result.status == 0, result.err
    return folder / LOCK_NAME


# Writing


def test_a_lock_file_pins_bytes_and_signers_of_every_image(
    workflow: Path, grace: Signer, reader: Account
) -> None:
    path = locked(reader, workflow, grace)
    rows = tomllib.loads(path.read_text())["image"]
    assert [one["path"] for one in rows] == ["images/climate.sif", "images/ocean.sif"]
    report = reader.verify(workflow / "images" / "climate.sif").image
    assert rows[0]["sha256"] == report["digest"]["sha256"]
    assert rows[0]["blake3"] == report["digest"]["blake3"]
    assert rows[0]["identity"] == report["identity"]
    assert rows[0]["size"] == (workflow / "images" / "climate.sif").stat().st_size
    assert rows[0]["signers"] == [{"fingerprint": grace.fingerprint, "name": grace.user_id}]


def test_locking_again_gives_the_same_text(workflow: Path, grace: Signer, reader: Account) -> None:
    path = locked(reader, workflow, grace)
    before = path.read_bytes()
    path.unlink()
    images = ("images/ocean.sif", "images/climate.sif")
    assert lock(reader, workflow, *images, "--signer", grace.fingerprint).status == 0
    assert path.read_bytes() == before
    again = lock(reader, workflow, "--update", "--yes", "--signer", grace.fingerprint)
    assert "up to date" in again.out


def test_people_are_named_as_the_trust_store_does(
    workflow: Path, grace: Signer, reader: Account
) -> None:
    reader.ok("trust", "add", grace.public_key, "--as", "Grace of the lab", "--yes")
    shown = lock(reader, workflow, "--json").json
    assert {one["name"] for image in shown["images"] for one in image["signers"]} == {
        "Grace of the lab"
    }


@pytest.mark.parametrize("kind", ["unsigned", "untrusted", "failed", "unknown"])
def test_what_is_not_verified_is_not_locked(
    kind: str, workflow: Path, base_image: Path, grace: Signer, mallory: Signer, reader: Account
) -> None:
    bad = workflow / "images" / "bad.sif"
    if kind != "unknown":
        shutil.copy(base_image, bad)
    if kind == "untrusted":
        mallory.sign(bad)
    if kind == "failed":
        data = bytearray((workflow / "images" / "ocean.sif").read_bytes())
        bad.write_bytes(data[: len(data) // 2])
    result = lock(reader, workflow, ".", bad, "--signer", grace.fingerprint)
    assert result.status == (3 if kind == "unknown" else 1)
    assert f"{kind}  " in result.err
    assert not (workflow / LOCK_NAME).exists()
    if kind in ("failed", "unknown"):
        result = lock(reader, workflow, ".", bad, "--unverified")
        assert result.status != 0
        assert not (workflow / LOCK_NAME).exists()


def test_unverified_images_are_pinned_without_a_signer_and_never_become_verified(
    workflow: Path, base_image: Path, grace: Signer, reader: Account
) -> None:
    shutil.copy(base_image, workflow / "plain.sif")
    assert lock(reader, workflow, "--unverified").status == 0
    rows = tomllib.loads((workflow / LOCK_NAME).read_text())["image"]
    assert [one["signers"] for one in rows] == [[], [], []]
    reader.ok("trust", "add", grace.public_key, "--yes")
    result = check(reader, workflow)
    assert states(result) == {
        "climate.sif": ("same", "untrusted"),
        "ocean.sif": ("same", "untrusted"),
        "plain.sif": ("same", "unsigned"),
    }
    assert result.status == 4


def test_an_image_outside_the_folder_is_a_usage_error(
    workflow: Path, grace: Signer, reader: Account
) -> None:
    out = ("--out", workflow / "images" / LOCK_NAME, "--signer", grace.fingerprint)
    shutil.copy(workflow / "images" / "climate.sif", workflow / "climate.sif")
    result = lock(reader, workflow, workflow / "climate.sif", *out)
    assert result.status == 2
    assert "does not lie in the lock file's folder" in result.err


# Where to get them


def test_addresses_are_kept_until_others_are_given(
    workflow: Path, grace: Signer, reader: Account
) -> None:
    trusting = ("--signer", grace.fingerprint)
    assert lock(reader, workflow, *trusting, "--url", "https://lab.example/w/").status == 0
    update = (*trusting, "--update", "--yes", "--json")
    one = lock(reader, workflow, *update, "images/ocean.sif", "--url", "oras://reg.example/ocean:1")
    assert [image["url"] for image in one.json["images"]] == [
        "https://lab.example/w/images/climate.sif",
        "oras://reg.example/ocean:1",
    ]
    assert one.json["changes"] == [
        {"path": "images/ocean.sif", "change": "reworded", "members": ["url"]}
    ]


@pytest.mark.parametrize(
    ("url", "because"),
    [
        ("https://lab.example/one.sif", "can't all be had"),
        ("https://me:secret@lab.example/", "password"),
        ("somewhere", "not a web address"),
    ],
)
def test_an_address_that_makes_no_sense_is_a_usage_error(
    url: str, because: str, workflow: Path, grace: Signer, reader: Account
) -> None:
    result = lock(reader, workflow, "--signer", grace.fingerprint, "--url", url)
    assert result.status == 2
    assert because in result.err
    assert "secret" not in result.err


# Changing


def test_a_lock_file_is_not_overwritten(workflow: Path, grace: Signer, reader: Account) -> None:
    path = locked(reader, workflow, grace)
    before = path.read_bytes()
    shutil.rmtree(workflow / "images")
    assert lock(reader, workflow, "--signer", grace.fingerprint).status == 1
    assert lock(reader, workflow, "--signer", grace.fingerprint, "--update").status == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize("answer", ["y", "n"])
def test_an_update_shows_what_changes_and_asks(
    answer: str, workflow: Path, grace: Signer, reader: Account
) -> None:
    path = locked(reader, workflow, grace)
    before = path.read_text()
    climate, ocean = (workflow / "images" / f"{name}.sif" for name in ("climate", "ocean"))
    shutil.copy(ocean, climate)
    shutil.copy(f"{ocean}.manifest.asc", f"{climate}.manifest.asc")
    ocean.unlink()
    arguments = ("lock", workflow, "--out", path, "--update", "--signer", grace.fingerprint)
    result = at_a_terminal(reader, answer, *arguments)
    assert "changed  images/climate.sif" in result.out
    assert "removed  images/ocean.sif" in result.out
    assert '-path = "images/ocean.sif"' in result.out
    rows = tomllib.loads(path.read_text())["image"]
    if answer == "n":
        assert result.status == 1
        assert path.read_text() == before
    else:
        assert result.status == 0
        assert [one["path"] for one in rows] == ["images/climate.sif"]


def test_only_what_is_named_is_looked_at_anew(
    workflow: Path, grace: Signer, reader: Account
) -> None:
    path = locked(reader, workflow, grace)
    before = path.read_bytes()
    (workflow / "images" / "ocean.sif").unlink()
    update = ("--signer", grace.fingerprint, "--update", "--yes")
    assert lock(reader, workflow, "images/climate.sif", *update).status == 0
    assert path.read_bytes() == before
    (workflow / "elsewhere").mkdir()
    assert lock(reader, workflow, "elsewhere", *update).status == 3
    assert path.read_bytes() == before


def test_a_change_by_somebody_else_meanwhile_is_not_lost(
    workflow: Path, grace: Signer, reader: Account
) -> None:
    path = locked(reader, workflow, grace)
    (workflow / "images" / "ocean.sif").unlink()
    trusted = TrustPolicy({Fingerprint(grace.fingerprint): "the paper"})
    request = LockRequest(VerifyRequest(trusted, engine=Engine.NATIVE))
    plan = plan_lock(path, (), request, update=True)
    path.write_text(f"{path.read_text()}# by hand\n")
    with pytest.raises(RefusedError, match="changed by another program"):
        write_lock(plan)
    assert path.read_text().endswith("# by hand\n")
    assert sorted(os.listdir(workflow)) == ["images", LOCK_NAME]


# Holding a folder against it


def test_a_folder_as_it_was_locked_is_verified(
    workflow: Path, grace: Signer, reader: Account
) -> None:
    locked(reader, workflow, grace)
    result = check(reader, workflow)
    assert states(result) == dict.fromkeys(("climate.sif", "ocean.sif"), ("same", "verified"))
    assert result.status == 0
    (one, _) = result.json["images"]
    assert one["signatures"][0]["trusted_by"] == f"{LOCK_NAME} ({grace.user_id})"
    assert check(reader, workflow.parent, "--lock", workflow / LOCK_NAME).status == 0


def test_an_image_that_is_missing_is_no_success(
    workflow: Path, grace: Signer, reader: Account
) -> None:
    locked(reader, workflow, grace)
    (workflow / "images" / "ocean.sif").unlink()
    result = check(reader, workflow)
    assert states(result)["ocean.sif"] == ("missing", "unknown")
    assert result.status == 3
    assert check(reader, workflow, "images/ocean.sif").status == 3
    shutil.rmtree(workflow / "images")
    gone = check(reader, workflow)
    assert [word for word, _ in states(gone).values()] == ["missing", "missing"]
    assert gone.status == 3


def test_an_image_that_is_not_locked_is_no_success_whoever_signed_it(
    workflow: Path, grace: Signer, newer_image: Path, reader: Account
) -> None:
    locked(reader, workflow, grace)
    extra = Path(shutil.copy(newer_image, workflow / "images" / "extra.sif"))
    result = check(reader, workflow)
    assert states(result)["extra.sif"] == ("extra", "unsigned")
    assert result.status == 4
    grace.sign(extra)
    for believing in ((), ("--signer", grace.fingerprint), ("--key", grace.public_key)):
        result = check(reader, workflow, *believing)
        assert states(result)["extra.sif"] == ("extra", "untrusted")
        assert states(result)["ocean.sif"] == ("same", "verified")
        assert result.status == 5


def test_other_bytes_fail_also_when_the_same_person_signed_them(
    workflow: Path, grace: Signer, reader: Account
) -> None:
    locked(reader, workflow, grace)
    climate, ocean = (workflow / "images" / f"{name}.sif" for name in ("climate", "ocean"))
    shutil.copy(ocean, climate)
    (workflow / "images" / "climate.sif.manifest.asc").unlink()
    for believing in ((), ("--signer", grace.fingerprint)):
        result = check(reader, workflow, *believing)
        assert states(result)["climate.sif"] == ("changed", "failed")
        assert result.status == 1
    grace.sign(ocean, "--again")
    (message,) = {
        one["lock"]["message"] for one in check(reader, workflow, "images/ocean.sif").json["images"]
    }
    assert "what is signed is the same" in message


def test_a_signer_who_is_gone_is_named(
    workflow: Path, grace: Signer, ada: Signer, reader: Account
) -> None:
    climate = workflow / "images" / "climate.sif"
    ada.sign(climate, "--manifest-only")
    both = ("--signer", grace.fingerprint, "--signer", ada.fingerprint)
    assert lock(reader, workflow, "images/climate.sif", *both).status == 0
    assert states(check(reader, workflow, climate)) == {"climate.sif": ("same", "verified")}
    for path in (workflow / "images").glob("climate.sif.*.manifest.asc"):
        path.unlink()
    for believing in ((), both):
        result = check(reader, workflow, climate, *believing)
        assert states(result) == {"climate.sif": ("other-signer", "untrusted")}
        assert ada.user_id in result.image["lock"]["message"]
        assert result.status == 5


def test_whom_the_caller_names_and_the_lock_file_both_have_to_be_satisfied(
    workflow: Path, grace: Signer, mallory: Signer, reader: Account
) -> None:
    locked(reader, workflow, grace)
    assert check(reader, workflow, "--signer", grace.fingerprint).status == 0
    assert check(reader, workflow, "--signer", mallory.fingerprint).status == 5
    both = ("--signer", grace.fingerprint, "--signer", mallory.fingerprint)
    assert check(reader, workflow, *both).status == 0
    assert check(reader, workflow, *both, "--require", "2").status == 5
    assert check(reader, workflow, "--require", "2").status == 5
    policy = workflow / "policy.toml"
    for signer, status in ((grace, 0), (mallory, 5)):
        policy.write_text(
            f'[[signer]]\nname = "S"\nfingerprint = "{signer.fingerprint}"\n'
            '[[rule]]\nrequire = "S"\n'
        )
        assert check(reader, workflow, "--policy", policy).status == status


def test_the_trust_store_does_not_count_beside_a_lock_file(
    workflow: Path, grace: Signer, mallory: Signer, newer_image: Path, reader: Account
) -> None:
    locked(reader, workflow, grace)
    reader.ok("trust", "add", mallory.public_key, "--yes")
    mallory.sign(Path(shutil.copy(newer_image, workflow / "extra.sif")))
    result = check(reader, workflow)
    assert states(result)["extra.sif"] == ("extra", "untrusted")


def test_images_are_found_where_workflow_managers_put_them(
    workflow: Path, grace: Signer, reader: Account, tmp_path: Path
) -> None:
    locked(reader, workflow, grace)
    staged = workflow / "work" / "ab" / "cdef"
    staged.mkdir(parents=True)
    (staged / "image").symlink_to("../../../images/climate.sif")
    assert check(reader, workflow, staged / "image", "--key", grace.public_key).status == 0
    shutil.copytree(workflow / "images", tmp_path / "cache")
    assert check(reader, workflow, tmp_path / "cache" / "ocean.sif").status == 0
    copy = shutil.copytree(workflow, tmp_path / "copy", symlinks=True)
    assert states(check(reader, workflow, copy)) == dict.fromkeys(
        ("climate.sif", "ocean.sif"), ("same", "verified")
    )
    assert states(check(reader, workflow, "images")) == states(check(reader, workflow, copy))


def test_the_summary_counts_the_words(workflow: Path, grace: Signer, reader: Account) -> None:
    locked(reader, workflow, grace)
    (workflow / "images" / "ocean.sif").unlink()
    text = reader.run("verify", "-q", "--lock", LOCK_NAME, "--engine", "native", cwd=workflow).out
    assert "verified  [same]  images/climate.sif" in text
    assert "unknown  [missing]  images/ocean.sif" in text
    assert text.endswith("2 images: 1 verified, 1 unknown\nlock file: 1 same, 1 missing\n")


# Hostile files

LINES = {
    "version": "version = 1",
    "image": "[[image]]",
    "path": 'path = "a.sif"',
    "size": "size = 1",
    "sha256": f'sha256 = "{"1" * 64}"',
    "blake3": f'blake3 = "{"2" * 64}"',
    "identity": f'identity = "sha256:{"3" * 64}"',
    "signers": "signers = []",
}


def with_line(name: str, line: str) -> str:
    return "\n".join({**LINES, name: line}.values()) + "\n"


def test_a_lock_file_written_by_hand_is_read() -> None:
    (entry,) = parse("\n".join(LINES.values()).encode(), Path(LOCK_NAME)).entries
    assert (entry.path, entry.size, entry.signers, entry.url) == ("a.sif", 1, (), "")


SIGNER = f'{{fingerprint = "{"A" * 40}"}}'
STRANGE = {
    "another version": with_line("version", "version = 2"),
    "a version that is true": with_line("version", "version = true"),
    "no version": with_line("version", ""),
    "an unknown member": with_line("version", "version = 1\nmode = 1"),
    "an unknown member of an image": with_line("size", "size = 1\nsighners = []"),
    "a key twice": with_line("size", "size = 1\nsize = 2"),
    "a path twice": "\n".join([*LINES.values(), *list(LINES.values())[1:]]),
    "a path that leaves": with_line("path", 'path = "../a.sif"'),
    "a path that leaves in the middle": with_line("path", 'path = "a/../../b.sif"'),
    "an absolute path": with_line("path", 'path = "/etc/a.sif"'),
    "a path of a drive": with_line("path", 'path = "c:a.sif"'),
    "a path of Windows": with_line("path", "path = '..\\a.sif'"),
    "a path that is empty in the middle": with_line("path", 'path = "a//b.sif"'),
    "a path with a bidirectional mark": with_line("path", 'path = "a\\u202e.sif"'),
    "a size that is a text": with_line("size", 'size = "1"'),
    "a size that is true": with_line("size", "size = true"),
    "a size below zero": with_line("size", "size = -1"),
    "no digest": with_line("sha256", ""),
    "a short digest": with_line("sha256", 'sha256 = "11"'),
    "an identity of another kind": with_line("identity", f'identity = "blake3:{"3" * 64}"'),
    "no signers": with_line("signers", ""),
    "a short fingerprint": with_line("signers", 'signers = [{fingerprint = "AAAAAAAA"}]'),
    "a signer twice": with_line("signers", f"signers = [{SIGNER}, {SIGNER}]"),
    "a signer that is a text": with_line("signers", f'signers = ["{"A" * 40}"]'),
    "an address with a password": with_line("size", 'size = 1\nurl = "https://a:b@c.example/"'),
    "images that are one table": "version = 1\n[image]\n",
    "a key of many parts": f"version = 1\n{'a.' * 50_000}a = 1\n",
    "lists in lists": f"version = {'[' * 50_000}",
    "no TOML": "\x00",
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_not_understood_is_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        parse(STRANGE[name].encode(), Path(LOCK_NAME))


@pytest.mark.parametrize("name", ["another version", "a path that leaves", "lists in lists"])
def test_a_lock_file_that_is_not_valid_is_no_answer(name: str, reader: Account) -> None:
    path = reader.home / LOCK_NAME
    path.write_text(STRANGE[name])
    result = reader.run("verify", "--lock", path)
    assert result.status == 3
    assert "is not valid" in result.err
    assert "Traceback" not in result.err


def test_a_file_that_is_too_large_is_no_answer(reader: Account) -> None:
    path = reader.home / LOCK_NAME
    with path.open("wb") as file:
        file.truncate(1 << 30)
    result = reader.run("verify", "--lock", path)
    assert result.status == 3
    assert "larger than any lock file" in result.err


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20).filter(
    lambda text: not any(map(is_hidden, text))
)
ENTRIES = st.lists(
    st.builds(
        lambda number, size, hexes, names, url: LockEntry(
            f"images/{number}.sif",
            size,
            Digest("sha256", hexes),
            Digest("blake3", hexes),
            Digest("sha256", hexes),
            tuple(LockedSigner(Fingerprint(f"{at:040X}"), name) for at, name in enumerate(names)),
            url,
        ),
        st.integers(0, 99),
        st.integers(1, 1 << 50),
        st.integers(0, (1 << 256) - 1).map(lambda number: f"{number:064x}"),
        st.lists(TEXTS, max_size=3),
        st.sampled_from(["", "https://lab.example/a?b=1#c", "docker://ubuntu/x:22.04"]),
    ),
    max_size=4,
    unique_by=lambda one: one.path,
)


@given(ENTRIES)
def test_what_is_written_is_read_back(entries: list[LockEntry]) -> None:
    lock_file = LockFile(Path(LOCK_NAME), tuple(entries))
    text = to_text(lock_file)
    assert parse(text.encode(), Path(LOCK_NAME)) == lock_file
    assert to_text(parse(text.encode(), Path(LOCK_NAME))) == text


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse(data, Path(LOCK_NAME))


@given(
    EVIDENCE,
    st.lists(st.sampled_from(["ada", "grace", "mallory"]), unique=True),
    st.sampled_from([DIGESTS["sha256"], Digest("sha256", "9" * 64)]),
    POLICIES,
    st.booleans(),
)
def test_verified_is_only_what_is_as_it_was_locked(
    evidence: ImageEvidence, names: list[str], sha256: Digest, asked: TrustPolicy, alone: bool
) -> None:
    signers = tuple(LockedSigner(PEOPLE[name], name) for name in names)
    entry = LockEntry("climate.sif", 1, sha256, DIGESTS["blake3"], IDENTITY, signers)
    lock_file = LockFile(Path(LOCK_NAME), (entry,))
    policy = rules_for(entry, lock_file, TrustPolicy() if alone else asked, alone=alone)
    verdict = judge(evidence, policy)
    state = compare(entry, lock_file, evidence, policy).state
    assert not verdict or state is LockState.SAME
    assert not verdict or sha256 == DIGESTS["sha256"]
    assert not verdict or alone or judge(evidence, asked)
    assert not verdict or not alone or signers
    assert not judge(evidence, rules_for_extra(lock_file, asked))
