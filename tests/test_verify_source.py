"""`verify --source` and `--online`: real repositories, real git serving them, tags that moved."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from repro_sign.provenance import commit_files
from tests.account import Account
from tests.conftest import Need
from tests.described import Describer, codes, noted, shown
from tests.repositories import Checkout, served
from tests.servers import document, redirect, small_server


@pytest.fixture
def checkout(need: Need, tmp_path: Path) -> Checkout:
    """Give the repository whose commit is signed."""
    need("git")
    return Checkout.new(tmp_path / "climate")


@pytest.fixture
def signed(author_of_manifests: Describer, image: Path, checkout: Checkout) -> Path:
    """Give an image whose manifest names that commit and tag."""
    author_of_manifests.sign(image, {"source": checkout.source()})
    return image


def test_the_signed_commit_is_recognised_in_a_clone(
    author_of_manifests: Describer, signed: Path, checkout: Checkout, tmp_path: Path
) -> None:
    clone = checkout.clone(tmp_path / "clone")
    report = author_of_manifests.verify(signed, source=clone.top)
    assert report
    text = shown(report)
    assert f"is commit {checkout.head}, which was signed, clean" in text
    assert "the tag v1.0 points at it" in text


def test_another_commit_is_not_the_signed_one(
    author_of_manifests: Describer, signed: Path, checkout: Checkout
) -> None:
    before = checkout.head
    checkout.commit("run.py", "print(3)\n")
    report = author_of_manifests.verify(signed, source=checkout.top)
    assert codes(report) == ["source-differs"]
    assert before in report.verdict.reasons[0].message
    assert checkout.head in report.verdict.reasons[0].message
    assert "git checkout" in shown(report)


@pytest.mark.parametrize("name", ["run.py", "added.py"])
def test_a_checkout_with_changes_is_not_the_signed_commit(
    author_of_manifests: Describer, signed: Path, checkout: Checkout, name: str
) -> None:
    (checkout.top / name).write_text("print('other')\n", encoding="utf-8")
    report = author_of_manifests.verify(signed, source=checkout.top)
    assert codes(report) == ["source-differs"]
    assert name in report.verdict.reasons[0].message


def test_the_image_may_lie_in_the_checkout_and_nothing_else_may(
    author_of_manifests: Describer, image: Path, checkout: Checkout
) -> None:
    own = Path(shutil.copy(image, checkout.top / "climate.sif"))
    author_of_manifests.sign(own, {"source": checkout.source()})
    assert author_of_manifests.verify(own, source=checkout.top)
    shutil.copy(own, checkout.top / "climate.sif.py")
    report = author_of_manifests.verify(own, source=checkout.top)
    assert codes(report) == ["source-differs"]
    assert "climate.sif.py is added" in report.verdict.reasons[0].message


def test_a_file_that_the_index_hides_is_not_hidden(
    author_of_manifests: Describer, signed: Path, checkout: Checkout
) -> None:
    """Whoever hands the checkout over can mark a file as one that git need not look at."""
    (checkout.top / "run.py").write_text("print('evil')\n", encoding="utf-8")
    for how in ("--assume-unchanged", "--skip-worktree"):
        checkout.git("update-index", how, "run.py")
        report = author_of_manifests.verify(signed, source=checkout.top)
        assert codes(report) == ["source-differs"], how
        checkout.git("update-index", how.replace("--", "--no-"), "run.py")


@pytest.mark.parametrize("annotated", [True, False])
def test_a_tag_that_was_moved_is_said_loudly(
    author_of_manifests: Describer, signed: Path, checkout: Checkout, annotated: bool
) -> None:
    commit = checkout.head
    options = ("--annotate", "--message", "moved") if annotated else ()
    checkout.git("tag", "--force", *options, "v1.0", "HEAD~1")
    report = author_of_manifests.verify(signed, source=checkout.top)
    assert codes(report) == ["tag-moved"]
    assert "\nTAG MOVED the tag v1.0 was moved" in shown(report)
    assert commit in report.verdict.reasons[0].message
    assert checkout.git("rev-parse", "HEAD~1") in report.verdict.reasons[0].message


def test_a_clone_without_tags_can_not_say_whether_the_tag_was_moved(
    author_of_manifests: Describer, signed: Path, checkout: Checkout, tmp_path: Path
) -> None:
    clone = checkout.clone(tmp_path / "clone", "--depth", "1", "--no-tags")
    report = author_of_manifests.verify(signed, source=clone.top)
    assert report
    assert "source-note" in noted(report)
    assert "whether it was moved is not known" in shown(report)


def test_that_the_author_had_changes_is_said(
    author_of_manifests: Describer, image: Path, checkout: Checkout
) -> None:
    source = {**checkout.source(), "clean": False, "changed": ["run.py"]}
    author_of_manifests.sign(image, {"source": source})
    report = author_of_manifests.verify(image, source=checkout.top)
    assert report
    assert "this commit is not all that the image was made from" in shown(report)


def test_files_without_a_repository_are_compared_by_their_identifier(
    author_of_manifests: Describer, signed: Path, checkout: Checkout, tmp_path: Path
) -> None:
    archive = tmp_path / "files.tar"
    checkout.git("archive", "--output", str(archive), "HEAD")
    (folder := tmp_path / "files").mkdir()
    shutil.unpack_archive(archive, folder, filter="data")
    assert author_of_manifests.verify(signed, source=folder)
    (folder / "run.py").write_text("print(3)\n", encoding="utf-8")
    report = author_of_manifests.verify(signed, source=folder)
    assert codes(report) == ["source-differs"]


def test_files_that_nothing_identifies_give_no_answer(
    author_of_manifests: Describer, image: Path, checkout: Checkout, tmp_path: Path
) -> None:
    source = {name: value for name, value in checkout.source().items() if name != "swhid"}
    author_of_manifests.sign(image, {"source": source})
    report = author_of_manifests.verify(image, source=tmp_path)
    assert (report.verdict.word, codes(report)) == ("unknown", ["source-unanswered"])


def test_a_repository_that_git_does_not_read_gives_no_answer(
    author_of_manifests: Describer, signed: Path, checkout: Checkout
) -> None:
    (checkout.top / ".git" / "HEAD").write_text("damaged", encoding="utf-8")
    assert codes(author_of_manifests.verify(signed, source=checkout.top)) == ["source-unanswered"]


def test_without_git_there_is_no_answer(
    author_of_manifests: Describer,
    signed: Path,
    checkout: Checkout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    report = author_of_manifests.verify(signed, source=checkout.top)
    assert codes(report) == ["source-unanswered"]
    assert "git is not on the PATH" in shown(report)


def test_a_source_that_no_trusted_manifest_names_is_not_verified(
    author_of_manifests: Describer, image: Path, checkout: Checkout
) -> None:
    author_of_manifests.sign(image, {})
    report = author_of_manifests.verify(image, source=checkout.top)
    assert codes(report) == ["no-source"]


STARTERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "a filter": (("filter.evil.clean", "{}"), ("filter.evil.process", "{}")),
    "a required filter": (("filter.evil.clean", "{}"), ("filter.evil.required", "true")),
    "a monitor": (("core.fsmonitor", "{}"),),
    "hooks": (("core.hooksPath", "{folder}"),),
    "a pager": (("core.pager", "{}"), ("pager.status", "true")),
    "an external diff": (("diff.external", "{}"),),
    "ssh": (("core.sshCommand", "{}"),),
    "an alias": (("alias.status", "!{}"), ("alias.rev-parse", "!{}")),
}


@pytest.mark.parametrize("what", STARTERS)
def test_nothing_that_the_repository_names_is_started(
    author_of_manifests: Describer, signed: Path, checkout: Checkout, tmp_path: Path, what: str
) -> None:
    hooks, mark = tmp_path / "hooks", tmp_path / "started"
    hooks.mkdir()
    for name in ("evil", "post-index-change", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\ncat\n", encoding="utf-8")
        (hooks / name).chmod(0o755)
    (checkout.top / ".git" / "info").mkdir(exist_ok=True)
    attributes = checkout.top / ".git" / "info" / "attributes"
    attributes.write_text("* filter=evil diff=evil\n", encoding="utf-8")
    for name, value in STARTERS[what]:
        checkout.git("config", name, value.format(hooks / "evil", folder=hooks))
    os.utime(checkout.top / "run.py", (1, 1))  # git has to read it anew
    report = author_of_manifests.verify(signed, source=checkout.top)
    assert not mark.exists()
    assert report


def test_a_submodule_is_looked_at_and_starts_nothing(
    author_of_manifests: Describer, image: Path, checkout: Checkout, tmp_path: Path
) -> None:
    inner, mark = Checkout.new(tmp_path / "inner"), tmp_path / "started"
    allowed = ("-c", "protocol.file.allow=always")
    checkout.git(*allowed, "submodule", "--quiet", "add", f"file://{inner.top}", "inner")
    checkout.git("commit", "--quiet", "--message", "with a submodule")
    author_of_manifests.sign(image, {"source": {**checkout.source(), "tag": None}})
    module = Checkout(checkout.top / "inner")
    module.git("config", "filter.evil.clean", f"touch {mark}; cat")
    attributes = checkout.top / ".git" / "modules" / "inner" / "info" / "attributes"
    attributes.write_text("* filter=evil\n", encoding="utf-8")
    os.utime(module.top / "run.py", (1, 1))
    assert author_of_manifests.verify(image, source=checkout.top)
    (module.top / "run.py").write_text("print('evil')\n", encoding="utf-8")
    report = author_of_manifests.verify(image, source=checkout.top)
    assert codes(report) == ["source-differs"]
    assert not mark.exists()


def test_an_object_that_is_not_what_its_name_says_is_not_believed(
    author_of_manifests: Describer, signed: Path, checkout: Checkout
) -> None:
    """git looks packed objects up by an index, and does not see that it leads to others."""
    good = checkout.git("rev-parse", "HEAD^{tree}")
    checkout.commit("run.py", "print('evil')\n")
    evil = checkout.git("rev-parse", "HEAD^{tree}")
    checkout.git("tag", "keep")
    checkout.git("reset", "--quiet", "--soft", "HEAD~1")
    checkout.git("repack", "-adfq", "--depth=0")
    (index,) = (checkout.top / ".git" / "objects" / "pack").glob("*.idx")
    _swap(index, bytes.fromhex(good), bytes.fromhex(evil))
    report = author_of_manifests.verify(signed, source=checkout.top)
    assert codes(report) == ["source-unanswered"]
    assert f"what the repository has as {good} is something else" in shown(report)


def _swap(index: Path, one: bytes, other: bytes) -> None:
    """Let each of two names in a pack's index (version 2) lead to the other's object."""
    data = bytearray(index.read_bytes())
    count = int.from_bytes(data[8 + 255 * 4 : 8 + 256 * 4], "big")
    names = 8 + 256 * 4
    offsets = names + count * (20 + 4)
    all_names = [bytes(data[names + 20 * at : names + 20 * at + 20]) for at in range(count)]
    here, there = (offsets + 4 * all_names.index(name) for name in (one, other))
    data[here : here + 4], data[there : there + 4] = (
        data[there : there + 4],
        data[here : here + 4],
    )
    index.chmod(0o644)
    index.write_bytes(data)


@pytest.mark.parametrize("limit", ["_MAX_FILES", "_MAX_PATHS_BYTES", "_MAX_BYTES", "_MAX_DEPTH"])
def test_a_commit_that_unfolds_without_end_gives_no_answer(
    author_of_manifests: Describer,
    image: Path,
    checkout: Checkout,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
) -> None:
    """Ten trees name a hundred million files."""
    tree = checkout.git("rev-parse", "HEAD^{tree}")
    for _ in range(8):
        rows = "".join(f"040000 tree {tree}\t{number}\n" for number in range(10))
        tree = checkout.git("mktree", given=rows)
    commit = checkout.git("commit-tree", "-m", "bomb", tree)
    checkout.git("update-ref", "HEAD", commit)
    author_of_manifests.sign(image, {"source": {**checkout.source(), "tag": None}})
    monkeypatch.setattr(commit_files, limit, {"_MAX_DEPTH": 4}.get(limit, 2000))
    report = author_of_manifests.verify(image, source=checkout.top)
    assert codes(report) == ["source-unanswered"]


def test_objects_that_replace_others_are_not_followed(
    author_of_manifests: Describer, signed: Path, checkout: Checkout
) -> None:
    commit = checkout.head
    checkout.commit("run.py", "print('evil')\n")
    checkout.git("replace", commit, checkout.head)
    checkout.git("checkout", "--quiet", commit)
    (checkout.top / "run.py").write_text("print('evil')\n", encoding="utf-8")
    report = author_of_manifests.verify(signed, source=checkout.top)
    assert codes(report) == ["source-differs"]


def test_a_repository_can_not_lead_to_another_folder(
    author_of_manifests: Describer, signed: Path, checkout: Checkout, tmp_path: Path
) -> None:
    clone = checkout.clone(tmp_path / "clone")
    checkout.git("config", "core.worktree", str(clone.top))
    (checkout.top / "added.py").write_text("print('evil')\n", encoding="utf-8")
    report = author_of_manifests.verify(signed, source=checkout.top)
    assert codes(report) == ["source-differs"]


def test_ignored_files_do_not_count_and_are_named(
    author_of_manifests: Describer, image: Path, checkout: Checkout
) -> None:
    """Tools leave such files, with an ignore file of their own that hides itself too."""
    checkout.commit(".gitignore", "__pycache__/\n")
    author_of_manifests.sign(image, {"source": {**checkout.source(), "tag": None}})
    assert noted(author_of_manifests.verify(image, source=checkout.top)) == {
        "image-not-signed",
        "source-same",
    }
    for name, text in (("__pycache__/run.pyc", ""), (".cache/.gitignore", "*\n")):
        (checkout.top / name).parent.mkdir()
        (checkout.top / name).write_text(text, encoding="utf-8")
    report = author_of_manifests.verify(image, source=checkout.top)
    assert report
    assert "ignored: .cache/.gitignore, __pycache__/run.pyc" in shown(report)
    (checkout.top / ".git" / "info" / "exclude").write_text("evil.py\n", encoding="utf-8")
    (checkout.top / "evil.py").touch()
    report = author_of_manifests.verify(image, source=checkout.top)
    assert codes(report) == ["source-differs"]
    assert "evil.py is added" in shown(report)


@pytest.mark.parametrize("what", ["mode", "link", "folder", "missing", "linked folder"])
def test_more_than_content_can_differ(
    author_of_manifests: Describer, image: Path, checkout: Checkout, tmp_path: Path, what: str
) -> None:
    (checkout.top / "lib").mkdir()
    checkout.commit("lib/grid.py", "GRID = 5\n")
    (checkout.top / "newest").symlink_to("lib/grid.py")
    checkout.git("add", "newest")
    checkout.git("commit", "--quiet", "--message", "a link")
    author_of_manifests.sign(image, {"source": {**checkout.source(), "tag": None}})
    assert author_of_manifests.verify(image, source=checkout.top)
    if what == "mode":
        (checkout.top / "run.py").chmod(0o755)
    elif what == "link":
        (checkout.top / "newest").unlink()
        (checkout.top / "newest").symlink_to("run.py")
    elif what == "folder":
        (checkout.top / "run.py").unlink()
        (checkout.top / "run.py").mkdir()
    elif what == "missing":
        (checkout.top / "run.py").unlink()
    else:
        (checkout.top / "lib").rename(tmp_path / "lib")
        (checkout.top / "lib").symlink_to(tmp_path / "lib")
    assert codes(author_of_manifests.verify(image, source=checkout.top)) == ["source-differs"]


def test_a_repository_of_sha256_is_read_too(
    author_of_manifests: Describer, image: Path, need: Need, tmp_path: Path
) -> None:
    need("git")
    checkout = Checkout.new(tmp_path / "long", "--object-format=sha256")
    source = {**checkout.source(), "swhid": {}}
    author_of_manifests.sign(image, {"source": source})
    assert len(checkout.head) == 64
    assert author_of_manifests.verify(image, source=checkout.top)
    (checkout.top / "run.py").write_text("print('evil')\n", encoding="utf-8")
    assert not author_of_manifests.verify(image, source=checkout.top)


def remote(url: str, checkout: Checkout, **others: Any) -> dict[str, Any]:
    return {"source": {**checkout.source(url), **others}}


def test_the_remote_is_asked_for_the_tag_and_for_nothing_else(
    author_of_manifests: Describer, image: Path, checkout: Checkout, tmp_path: Path
) -> None:
    bare = checkout.clone(tmp_path / "bare.git", "--bare")
    with served(bare.top) as (url, asked):
        author_of_manifests.sign(image, remote(url, checkout))
        assert author_of_manifests.verify(image, source=checkout.top)
        assert asked == []
        report = author_of_manifests.verify(image, source=checkout.top, online=True)
        assert report
        assert f"points at the signed commit in {url} too" in shown(report)
        assert asked == ["GET /bare.git/info/refs?service=git-upload-pack"]
        assert author_of_manifests.verify(image, online=True)


@pytest.mark.parametrize("annotated", [True, False])
def test_a_tag_that_was_moved_in_the_remote_is_said(
    author_of_manifests: Describer,
    image: Path,
    checkout: Checkout,
    tmp_path: Path,
    annotated: bool,
) -> None:
    bare = checkout.clone(tmp_path / "bare.git", "--bare")
    options = ("--annotate", "--message", "moved") if annotated else ()
    bare.git("tag", "--force", *options, "v1.0", "HEAD~1")
    with served(bare.top) as (url, _):
        author_of_manifests.sign(image, remote(url, checkout))
        report = author_of_manifests.verify(image, source=checkout.top, online=True)
        assert codes(report) == ["tag-moved"]
        assert f"in {url} it points at {bare.git('rev-parse', 'HEAD~1')}" in shown(report)
        bare.git("tag", "--delete", "v1.0")
        assert codes(author_of_manifests.verify(image, online=True)) == ["tag-gone"]


def test_a_server_of_plain_files_is_understood_too(
    author_of_manifests: Describer, image: Path, checkout: Checkout
) -> None:
    checkout.git("update-server-info")
    refs = (checkout.top / ".git" / "info" / "refs").read_bytes()
    with small_server(document(refs)) as server:
        author_of_manifests.sign(image, remote(f"{server.url}/x", checkout))
        assert author_of_manifests.verify(image, online=True)


LINE = b"003f" + b"0" * 40 + b" refs/tags/v1.0\n"


@pytest.mark.parametrize(
    "answer",
    [
        document(b"<html>log in</html>\n"),
        document(b"", status=404),
        document(b"001e# service=git-upload-pack\n0000"),
        document(b"001e# service=git-upload-pack\n0000" + LINE),
        document(b"001e# service=git-upload-pack\n0000ffff" + LINE + b"0000"),
        document(b"001e# service=git-upload-pack\n00000003" + LINE + b"0000"),
        document(b"0" * 40 + b"\trefs/tags/v1.0"),
        document(b"", Content_Length="100000000000"),
        redirect("file:///etc/passwd"),
        redirect("http://git.example/x"),
    ],
    ids=range(10),
)
def test_an_answer_that_is_no_list_of_references_is_no_answer_and_never_verified(
    author_of_manifests: Describer, image: Path, checkout: Checkout, answer: Any
) -> None:
    with small_server(answer) as server:
        author_of_manifests.sign(image, remote(f"{server.url}/x", checkout))
        report = author_of_manifests.verify(image, online=True)
    assert codes(report) in (["source-unanswered"], ["tag-gone"])
    assert not report


@pytest.mark.parametrize(
    "url",
    [
        "file:///srv/climate.git",
        "http://git.example/climate.git",
        "ssh://git.example/climate.git",
        "git://git.example/climate.git",
        "ext::sh -c 'touch x'",
        "https://ada:secret@git.example/climate.git",
        "https://git.example/climate.git?x=1",
        "--upload-pack=touch",
        "/srv/climate.git",
        "",
        7,
    ],
)
def test_only_https_is_asked(
    author_of_manifests: Describer, image: Path, checkout: Checkout, url: Any
) -> None:
    author_of_manifests.sign(image, remote(url, checkout))
    report = author_of_manifests.verify(image, online=True)
    assert (report.verdict.word, codes(report)) == ("unknown", ["source-unanswered"])


def test_without_a_signed_tag_there_is_nothing_to_ask_for(
    author_of_manifests: Describer, image: Path, checkout: Checkout
) -> None:
    author_of_manifests.sign(image, remote("https://127.0.0.1:9/x", checkout, tag=None))
    report = author_of_manifests.verify(image, online=True)
    assert report
    assert "there is nothing to ask" in shown(report)


def test_a_tag_name_that_is_no_name_of_a_tag_is_no_option_of_git(
    author_of_manifests: Describer, image: Path, checkout: Checkout
) -> None:
    for name in ("--help", "../heads/main", "x^{/evil}", "\x1b[2J", "a b"):
        tag = {"name": name, "annotated": True, "signed": True}
        author_of_manifests.sign(image, {"source": {**checkout.source(), "tag": tag}})
        report = author_of_manifests.verify(image, source=checkout.top)
        assert "points at it" not in shown(report)
        assert "\x1b" not in shown(report)


def test_the_command_line_compares_a_checkout(
    author_of_manifests: Describer, signed: Path, checkout: Checkout, account: Account
) -> None:
    trusting = ("--engine", "native", "--signer", author_of_manifests.fingerprint)
    same = account.verify(signed, *trusting, "--source", checkout.top)
    assert same.status == 0
    assert "source-same" in same.codes
    checkout.commit("run.py", "print(4)\n")
    other = account.verify(signed, *trusting, "--source", checkout.top)
    assert other.status == 1
    assert "source-differs" in other.codes
    missing = account.verify(signed, *trusting, "--source", checkout.top / "none")
    assert missing.status == 2
    unheard = account.verify(signed, *trusting, "--online")
    assert unheard.status == 3


def test_a_folder_inside_another_repository_is_no_checkout_of_that(
    author_of_manifests: Describer, signed: Path, checkout: Checkout, tmp_path: Path
) -> None:
    """An unpacked archive may lie in somebody's repository of something else."""
    outer = Checkout.new(tmp_path / "outer")
    archive = tmp_path / "files.tar"
    checkout.git("archive", "--output", str(archive), "HEAD")
    (folder := outer.top / "files").mkdir()
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
    assert author_of_manifests.verify(signed, source=folder)
