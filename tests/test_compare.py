"""Two images, two manifests, or one of each: are they the same, in which sense, what differs?"""

import os
import shutil
import subprocess
import sys
import time
import zipapp
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.forge import siftool
from tests.programs import PROJECT
from tests.squashed import image_of, into_image, pack, run

RECIPE = """\
Bootstrap: scratch

%setup
    mkdir -p ${{APPTAINER_ROOTFS}}/bin ${{APPTAINER_ROOTFS}}/etc
    cp {busybox} ${{APPTAINER_ROOTFS}}/bin/busybox
    chmod 755 ${{APPTAINER_ROOTFS}}/bin ${{APPTAINER_ROOTFS}}/etc
    ln -s busybox ${{APPTAINER_ROOTFS}}/bin/sh
    echo {text} > ${{APPTAINER_ROOTFS}}/etc/text

%labels
    Author {author}

%environment
    export SEED=42

%runscript
    cat /etc/text
"""


@pytest.fixture(scope="module")
def build(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that has the real Apptainer build an image from a recipe."""
    need("apptainer", "mksquashfs", "busybox", "siftool")
    folder = tmp_path_factory.mktemp("builds")

    def make(name: str, text: str = "one", author: str = "Ada") -> Path:
        recipe = folder / "recipe.def"
        recipe.write_text(RECIPE.format(busybox=shutil.which("busybox"), text=text, author=author))
        image = folder / f"{name}.sif"
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        subprocess.run(
            ["apptainer", "build", "--force", image, recipe],
            env=environment,
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=120,
        )
        return image

    return make


@pytest.fixture(scope="module")
def original(build: Callable[..., Path]) -> Path:
    return build("original")


@pytest.fixture(scope="module")
def rebuilt(original: Path, build: Callable[..., Path]) -> Path:
    assert original.exists()
    time.sleep(1.1)  # so that the times in it are others
    return build("rebuilt")


@pytest.fixture(scope="module")
def other(build: Callable[..., Path]) -> Path:
    return build("other", text="two", author="Grace")


def compare(account: Account, *arguments: str | Path) -> Result:
    return account.run("compare", "--json", *arguments)


def rows(result: Result, weight: str) -> set[tuple[str, str]]:
    return {
        (one["where"], one["what"]) for one in result.json["differences"] if one["weight"] == weight
    }


def test_two_builds_from_one_recipe_are_the_same_content_packed_otherwise(
    original: Path, rebuilt: Path, account: Account
) -> None:
    assert original.read_bytes() != rebuilt.read_bytes()
    found = account.run("compare", original, rebuilt, "--ignore-times")
    assert found.status == 0
    assert found.out.startswith("same content, different packing: times, UUID\n")
    strict = account.run("compare", original, rebuilt)
    assert strict.status == 1
    assert strict.out.startswith("same content, different packing: times, UUID\n")
    assert "counts as   different, since times differ" in strict.out
    told = compare(account, original, rebuilt, "--ignore-times").json
    (tree,) = told["trees"]
    assert (told["result"], told["same"]) == ("same-content", True)
    assert tree["digest"]["a"] == tree["digest"]["b"]
    assert tree["changed"]["count"] == tree["only_in_a"]["count"] == tree["only_in_b"]["count"] == 0
    dates = [one for one in tree["times"]["entries"] if one["what"] == "build date"]
    assert [one["path"] for one in dates] == [".singularity.d/labels.json"]


def test_two_builds_have_one_content_digest(
    original: Path, rebuilt: Path, other: Path, account: Account
) -> None:
    contents = [
        account.ok("inspect", "--content-digest", "--json", image).json["content"]
        for image in (original, rebuilt, other)
    ]
    assert contents[0] == contents[1] != contents[2]
    assert contents[0]["digest"].startswith("content:sha256:")
    (tree,) = contents[0]["trees"]
    assert (tree["object"], tree["digest"][:12]) == (3, "tree:sha256:")
    text = account.ok("inspect", "--content-digest", original).out
    assert contents[0]["digest"] in text
    assert tree["digest"] in text
    assert account.ok("inspect", "--json", original).json["content"] is None


def test_what_differs_between_two_recipes_is_shown(
    original: Path, other: Path, account: Account
) -> None:
    found = compare(account, original, other, "--ignore-times")
    assert found.status == 1
    assert found.json["result"] == "different"
    content = rows(found, "content")
    assert ("object 1 (definition file)", "data") in content
    assert ("object 2 (JSON inspect-metadata.json)", "data.attributes.labels.Author") in content
    (text,) = found.json["texts"]
    assert "-    Author Ada" in text["diff"]
    assert "+    Author Grace" in text["diff"]
    (tree,) = found.json["trees"]
    changed = {(one["path"], one["what"]) for one in tree["changed"]["entries"]}
    assert changed == {
        ("etc/text", "content"),
        (".singularity.d/Singularity", "content"),
        (".singularity.d/labels.json", "content"),
    }
    shown = account.run("compare", original, other).out
    assert shown.startswith("different: object 1 (definition file), ")
    assert "  -    Author Ada\n" in shown
    assert "  content of etc/text: sha256:" in shown


def test_an_image_is_the_same_as_its_copy(original: Path, account: Account, tmp_path: Path) -> None:
    copy = Path(shutil.copy(original, tmp_path / "copy.sif"))
    found = account.run("compare", original, copy)
    assert (found.status, found.out.splitlines()[0]) == (0, "same bytes")
    assert "comparing is no verifying" in found.out
    assert account.run("compare", "-q", original, copy).out == "same bytes\n"


def test_a_signature_leaves_the_identity_the_same(
    original: Path, author: Signer, account: Account, tmp_path: Path
) -> None:
    signed = Path(shutil.copy(original, tmp_path / "signed.sif"))
    author.sign(signed)
    found = compare(account, original, signed)
    assert (found.status, found.json["result"]) == (0, "same-identity")
    assert rows(found, "signature") == {("object 4 (signature)", "object")}
    assert found.json["trees"] == []
    shown = account.run("compare", original, signed).out
    assert shown.startswith("same identity: only signatures differ, and what no signature covers\n")


def test_bytes_outside_all_objects_leave_the_identity_the_same(
    original: Path, account: Account, tmp_path: Path
) -> None:
    longer = tmp_path / "longer.sif"
    longer.write_bytes(original.read_bytes() + b"junk")
    found = compare(account, original, longer)
    assert (found.status, found.json["result"]) == (0, "same-identity")
    assert rows(found, "packing") == {("file", "bytes that belong to no object")}


@pytest.mark.parametrize(
    ("offset", "data", "what"),
    [(0, b"#!/bin/false\n", "launch script"), (45, b"04", "architecture")],
)
def test_another_header_is_another_image(
    original: Path, account: Account, tmp_path: Path, offset: int, data: bytes, what: str
) -> None:
    changed = bytearray(original.read_bytes())
    changed[offset : offset + len(data)] = data
    copy = tmp_path / "changed.sif"
    copy.write_bytes(changed)
    found = compare(account, original, copy, "--ignore-times")
    assert (found.status, found.json["result"]) == (1, "different")
    assert ("header", what) in rows(found, "content")


@pytest.fixture
def trees(need: Need, tmp_path: Path) -> tuple[Path, Path]:
    """Give two folders that hold the same, at the same time."""
    need("mksquashfs", "siftool")
    for name in ("a", "b"):
        (top := tmp_path / name).mkdir()
        (top / "kept").write_text("kept")
        (top / "changed").write_text("old")
        (top / "linked").symlink_to("kept")
        (top / "folder").mkdir()
        (top / "folder" / "inside").write_text("x")
        for path in (top / "folder" / "inside", *top.iterdir(), top):
            os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)
    return tmp_path / "a", tmp_path / "b"


def compare_trees(account: Account, trees: tuple[Path, Path], *options: str) -> Result:
    images = [image_of(one, one.with_suffix(".sif"), "-mkfs-time", "1") for one in trees]
    header = bytearray(images[1].read_bytes())  # the same UUID and times, so that only trees differ
    first = images[0].read_bytes()
    header[48:80] = first[48:80]
    header[4096 + 41 : 4096 + 57] = first[4096 + 41 : 4096 + 57]
    images[1].write_bytes(header)
    return compare(account, *images, *options)


def test_each_kind_of_difference_between_trees_is_named(
    trees: tuple[Path, Path], account: Account
) -> None:
    _, b = trees
    (b / "changed").write_text("new")
    (b / "linked").unlink()
    (b / "linked").symlink_to("changed")
    (b / "kept").chmod(0o600)
    shutil.rmtree(b / "folder")
    (b / "folder").write_text("no folder")
    (b / "added").write_text("")
    found = compare_trees(account, trees)
    assert found.status == 1
    (tree,) = found.json["trees"]
    changed = {(one["path"], one["what"]) for one in tree["changed"]["entries"]}
    assert changed == {
        ("changed", "content"),
        ("linked", "link target"),
        ("kept", "mode"),
        ("folder", "type"),
    }
    assert tree["only_in_a"] == {"count": 1, "paths": ["folder/inside"]}
    assert tree["only_in_b"] == {"count": 1, "paths": ["added"]}
    (target,) = [one for one in tree["changed"]["entries"] if one["what"] == "link target"]
    assert (target["a"], target["b"]) == ("kept", "changed")


def test_other_owners_and_attributes_are_differences(
    trees: tuple[Path, Path], account: Account
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may do this")
    _, b = trees
    os.chown(b / "kept", 33, 44)
    try:
        os.setxattr(b / "changed", "user.note", b"x")
    except OSError:
        pytest.skip("no attributes here")
    found = compare_trees(account, trees, "--ignore-times")
    (tree,) = found.json["trees"]
    assert tree["digest"]["a"] == tree["digest"]["b"]
    changed = {(one["path"], one["what"]) for one in tree["changed"]["entries"]}
    assert changed == {("kept", "owner"), ("changed", "extended attributes")}
    assert (found.status, found.json["result"]) == (1, "different")


@pytest.mark.parametrize(("options", "status"), [((), 1), (("--ignore-times",), 0)])
def test_times_count_unless_they_are_to_be_left_aside(
    trees: tuple[Path, Path], account: Account, options: tuple[str, ...], status: int
) -> None:
    os.utime(trees[1] / "kept", (1, 1))
    found = compare_trees(account, trees, *options)
    assert (found.status, found.json["result"]) == (status, "same-content")
    (tree,) = found.json["trees"]
    assert [one["path"] for one in tree["times"]["entries"]] == ["kept"]


def test_another_packing_alone_is_the_same(
    trees: tuple[Path, Path], account: Account, tmp_path: Path
) -> None:
    a = image_of(trees[0], tmp_path / "a.sif", "-mkfs-time", "1")
    b = image_of(trees[0], tmp_path / "b.sif", "-mkfs-time", "1", "-comp", "xz", "-b", "4096")
    found = compare(account, a, b, "--ignore-times")
    assert (found.status, found.json["result"]) == (0, "same-content")
    shown = account.run("compare", a, b).out
    assert "compression: gzip → xz  (packing)" in shown
    assert "block size: 131072 → 4096  (packing)" in shown


def test_long_lists_are_cut_in_text_and_whole_in_json(
    trees: tuple[Path, Path], account: Account, tmp_path: Path
) -> None:
    a, b = trees
    for number in range(200):
        (b / f"more-{number:03}").write_text("")
    found = compare_trees(account, trees)
    (tree,) = found.json["trees"]
    assert len(tree["only_in_b"]["paths"]) == tree["only_in_b"]["count"] == 200
    shown = account.run("compare", a.with_suffix(".sif"), b.with_suffix(".sif")).out
    assert shown.count("only in B") == 20
    assert "  … and 180 more\n" in shown


def test_hostile_names_are_shown_escaped(trees: tuple[Path, Path], account: Account) -> None:
    a, b = trees
    for name in (b"\x1b[31mred", b"new\nline", b"\xff", "\u202eright".encode()):
        (b / os.fsdecode(name)).write_bytes(b"")
    (b / "linked").unlink()
    os.symlink(b"\x1b]0;title\x07", os.fsencode(b / "linked"))
    found = compare_trees(account, trees)
    assert "new\nline" in found.json["trees"][0]["only_in_b"]["paths"]
    shown = account.run("compare", a.with_suffix(".sif"), b.with_suffix(".sif")).out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    for escaped in (
        "\\x1b[31mred",
        "new\\x0aline",
        "\\udcff",
        "\\u202eright",
        "\\x1b]0;title\\x07",
    ):
        assert escaped in shown


@pytest.mark.parametrize(("kind", "name"), [("2", "ext3"), ("5", "encrypted squashfs")])
def test_a_file_system_that_cannot_be_read_is_compared_by_its_bytes(
    account: Account, tmp_path: Path, need: Need, kind: str, name: str
) -> None:
    need("siftool")
    images = []
    for text in ("one", "two"):
        (data := tmp_path / text).write_text(text)
        image = tmp_path / f"{text}.sif"
        siftool("new", image)
        partition = ("--datatype", "4", "--partfs", kind, "--parttype", "3", "--partarch", "2")
        siftool("add", *partition, "--groupid", "1", image, data)
        images.append(image)
    found = account.run("compare", *images)
    assert found.status == 1
    assert f"object 1 (partition ({name}, data)" in found.out
    assert "(a file system that can't be read here)" in found.out
    assert compare(account, images[0], images[0]).json["result"] == "same-bytes"


def damaged(folder: Path, to: Path) -> Path:
    data = bytearray(pack(folder, to).read_bytes())
    data[64:72] = b"\xff" * 8  # where its inodes are
    to.write_bytes(data)
    return to


def test_a_damaged_file_system_is_no_answer(
    trees: tuple[Path, Path], account: Account, tmp_path: Path
) -> None:
    a = image_of(trees[0], tmp_path / "a.sif")
    b = into_image(damaged(trees[0], tmp_path / "damaged"), tmp_path / "b.sif")
    found = account.run("compare", a, b)
    assert found.status == 3
    assert found.out.startswith("could not find out whether the content is the same\n")
    assert "b.sif, object 1" in found.out
    assert account.run("compare", b, b).status == 0
    inspected = account.run("inspect", "--content-digest", b)
    assert (inspected.status, inspected.out) == (3, "")


@pytest.mark.parametrize("which", ["missing", "folder", "text", "cut short"])
def test_what_can_be_compared_with_nothing_is_no_answer(
    original: Path, account: Account, tmp_path: Path, which: str
) -> None:
    path = tmp_path / "it.sif"
    if which == "folder":
        path.mkdir()
    elif which != "missing":
        data = original.read_bytes()
        path.write_bytes(b"a text" if which == "text" else data[: len(data) // 2])
    for pair in ((original, path), (path, original)):
        found = account.run("compare", *pair)
        assert (found.status, found.out) == (3, "")
        assert "it.sif" in found.err


def test_a_rebuild_is_held_against_a_manifest_by_its_content_digest(
    original: Path, rebuilt: Path, other: Path, author: Signer, account: Account, tmp_path: Path
) -> None:
    signed = Path(shutil.copy(original, tmp_path / "climate.sif"))
    report = author.sign(signed, "--content-digest").json["images"][0]
    manifest = Path(report["manifest"])
    assert (
        report["content"]
        == (account.ok("inspect", "--content-digest", "--json", original).json["content"]["digest"])
    )
    assert account.verify(signed, "--signer", author.fingerprint).image["verdict"] == "verified"
    for a, b in ((rebuilt, manifest), (manifest, rebuilt)):
        found = compare(account, a, b)
        assert (found.status, found.json["result"]) == (0, "same-content")
        assert {found.json[side]["kind"] for side in "ab"} == {"image", "manifest"}
        assert found.json["a"]["content"] == found.json["b"]["content"] == report["content"]
    shown = account.run("compare", rebuilt, manifest).out
    assert shown.startswith("same content, different packing")
    assert "they leave out times, owners and extended attributes" in shown
    assert "manifest signed by " in shown
    assert compare(account, signed, manifest).json["result"] == "same-bytes"
    found = compare(account, other, manifest)
    assert (found.status, found.json["result"]) == (1, "different")
    assert ("image", "content digest") in rows(found, "content")


def test_without_a_content_digest_other_bytes_are_different(
    original: Path, rebuilt: Path, author: Signer, account: Account, tmp_path: Path
) -> None:
    signed = Path(shutil.copy(original, tmp_path / "climate.sif"))
    manifest = Path(author.sign(signed).json["images"][0]["manifest"])
    found = account.run("compare", rebuilt, manifest)
    assert found.status == 1
    assert "no content digest on both sides" in found.out
    assert compare(account, original, manifest).json["result"] == "same-identity"


def test_two_manifests_are_compared_in_what_they_say(
    original: Path, ada: Signer, grace: Signer, account: Account, tmp_path: Path
) -> None:
    signed = Path(shutil.copy(original, tmp_path / "climate.sif"))
    note = tmp_path / "notes.txt"
    note.write_text("a companion\n")
    first = Path(ada.sign(signed, "--with", note).json["images"][0]["manifest"])
    again = Path(grace.sign(signed, "--manifest-only").json["images"][0]["manifest"])
    found = compare(account, first, again)
    assert found.status == 1
    assert (found.json["result"], found.json["image"]) == ("different", "same-bytes")
    assert rows(found, "claim") == {("other files", "notes.txt")}
    signers = {found.json[side]["signature"]["fingerprint"] for side in "ab"}
    assert signers == {ada.fingerprint, grace.fingerprint}
    shown = account.run("compare", first, again).out
    assert shown.startswith("different: not the image (same bytes), but what is said besides\n")
    grace.sign(signed, "--manifest-only", "--with", note)
    assert compare(account, first, again).json["result"] == "same-bytes"


def test_a_manifest_that_was_changed_is_not_compared(
    original: Path, author: Signer, account: Account, tmp_path: Path
) -> None:
    signed = Path(shutil.copy(original, tmp_path / "climate.sif"))
    manifest = Path(author.sign(signed).json["images"][0]["manifest"])
    text = manifest.read_text()
    for old, new in (('"arch": "amd64"', '"arch": "arm64"'), ("-----END", "-----ENT")):
        manifest.write_text(text.replace(old, new))
        found = account.run("compare", signed, manifest)
        assert (found.status, found.out) == (3, "")
        assert "climate.sif.manifest.asc" in found.err


def test_a_manifest_by_a_pem_key_is_compared_too(
    original: Path, account: Account, tmp_path: Path, need: Need
) -> None:
    need("openssl")
    signed = Path(shutil.copy(original, tmp_path / "climate.sif"))
    key = tmp_path / "key.pem"
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
    key.chmod(0o600)
    made = account.ok("sign", "--json", "--key", key, "--content-digest", signed).json
    manifest = Path(made["images"][0]["manifest"])
    found = compare(account, manifest, signed)
    assert (found.status, found.json["result"]) == (0, "same-bytes")
    assert found.json["a"]["signature"]["fingerprint"] == made["fingerprint"]


def test_signing_again_keeps_the_content_digest_and_adds_a_missing_one(
    original: Path, author: Signer, account: Account, tmp_path: Path
) -> None:
    signed = Path(shutil.copy(original, tmp_path / "climate.sif"))
    author.sign(signed)
    added = author.sign(signed, "--content-digest").json["images"][0]
    assert added["manifest_written"]
    kept = author.sign(signed).json["images"][0]
    assert not kept["manifest_written"]
    again = author.sign(signed, "--content-digest").json["images"][0]
    assert not again["manifest_written"]
    image = account.verify(signed, "--signer", author.fingerprint).image
    content = image["manifest"]["statement"]["predicate"]["image"]["content"]
    assert content["digest"] == added["content"]


def test_an_image_whose_content_cannot_be_read_is_left_as_it_is(
    author: Signer, trees: tuple[Path, Path], tmp_path: Path
) -> None:
    image = into_image(damaged(trees[0], tmp_path / "damaged"), tmp_path / "image.sif")
    before = image.read_bytes()
    refused = author.account.run("sign", "--content-digest", image)
    assert refused.status == 3
    assert image.read_bytes() == before
    assert not list(tmp_path.glob("*.asc"))
    assert author.account.run("sign", "--content-digest", "--no-manifest", image).status == 2


def test_comparing_writes_nothing_and_needs_no_program(
    original: Path, rebuilt: Path, account: Account, tmp_path: Path
) -> None:
    folder = tmp_path / "alone"
    folder.mkdir()
    for image in (original, rebuilt):
        shutil.copy(image, folder)
    bare = account.with_variables(PATH=str(folder))
    before = sorted(path.name for path in folder.iterdir())
    images = (folder / original.name, folder / rebuilt.name)
    assert bare.run("compare", "--ignore-times", *images).status == 0
    assert sorted(path.name for path in folder.iterdir()) == before
    assert list(account.home.iterdir()) == []


def test_the_child_imports_from_where_the_program_is(
    original: Path, rebuilt: Path, tmp_path: Path
) -> None:
    (source := tmp_path / "source").mkdir()
    shutil.copytree(
        PROJECT / "repro_sign", source / "repro_sign", ignore=shutil.ignore_patterns("__pycache__")
    )
    archive = tmp_path / "repro-sign.pyz"
    zipapp.create_archive(source, archive, main="repro_sign.__main__:main")
    (evil := tmp_path / "evil").mkdir()
    (evil / "zlib.py").write_text("raise SystemExit('ran what lies in the current folder')")
    (evil / "json.py").write_text("raise SystemExit('ran what lies in the current folder')")
    done = subprocess.run(
        [sys.executable, archive, "compare", "--ignore-times", original, rebuilt],
        cwd=evil,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("same content, different packing")
