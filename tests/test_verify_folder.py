"""`verify` of whole folders, as people run it: order, lists, patterns, interruptions, progress."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.terminal import Terminal

ENDLESS = 1 << 42
"""A sparse file of this size takes longer to read than any test."""


@pytest.fixture
def site(ada: Signer, image: Path, tmp_path: Path) -> Path:
    """Give a folder with six images: four signed, one of them changed since, one not signed."""
    folder = tmp_path / "site"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(image, folder / "e-plain.sif")
    ada.sign(image)
    for name in ("a", "b-changed", "deep/c", "d"):
        shutil.copy(image, folder / f"{name}.sif")
        shutil.copy(f"{image}.manifest.asc", folder / f"{name}.sif.manifest.asc")
    (folder / "b-changed.sif.manifest.asc").unlink()
    with (folder / "b-changed.sif").open("r+b") as file:
        file.seek(-5000, os.SEEK_END)
        file.write(b"changed")
    return folder


def make_endless(image: Path) -> None:
    """Let an image have bytes after its last object that nobody lives to see the end of."""
    os.truncate(image, ENDLESS)
    Path(f"{image}.manifest.asc").unlink()


def native(ada: Signer, *arguments: str | Path) -> list[str]:
    return ada.account.argv("verify", "--engine", "native", "--signer", ada.fingerprint, *arguments)


@contextmanager
def started(ada: Signer, *arguments: str | Path) -> Iterator["subprocess.Popen[str]"]:
    running = subprocess.Popen(
        native(ada, *arguments),
        env=ada.account.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def children_of(process: int) -> list[int]:
    return [
        int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]


def reader_of(process: int, image: Path) -> int:
    """Wait until a process or a child of it has an image open, and return which."""
    for _ in range(1200):
        for one in (process, *children_of(process)):
            with suppress(OSError):
                if str(image) in map(os.readlink, Path(f"/proc/{one}/fd").iterdir()):
                    return one
        time.sleep(0.05)
    raise AssertionError(f"nobody reads {image}")


@pytest.mark.parametrize("form", ["--json", "--verbose", "--quiet"])
def test_more_jobs_give_the_same_answers_in_the_same_order(
    ada: Signer, site: Path, form: str
) -> None:
    alone, both, many = (
        ada.account.run("verify", form, "--signer", ada.fingerprint, "--jobs", jobs, site)
        for jobs in ("1", "2", "7")
    )
    assert alone.status == both.status == many.status == 1
    assert alone.out == both.out == many.out


def test_json_of_a_folder_is_one_document_with_sorted_members(ada: Signer, site: Path) -> None:
    result = ada.account.verify(site, "--signer", ada.fingerprint, "--jobs", "2")
    found = [(Path(one["path"]).name, one["verdict"]) for one in result.json["images"]]
    assert found == [
        *(("a.sif", "verified"), ("b-changed.sif", "failed"), ("d.sif", "verified")),
        *(("e-plain.sif", "unsigned"), ("c.sif", "verified")),
    ]
    assert result.out == json.dumps(result.json, indent=2, sort_keys=True) + "\n"
    assert "interrupted" not in result.json


def test_the_end_of_a_long_run_names_what_is_not_verified(ada: Signer, site: Path) -> None:
    for number in range(10):
        for name in ("d.sif", "d.sif.manifest.asc"):
            shutil.copy(site / name, site / f"z{number}-{name}")
    result = ada.account.run("verify", "--signer", ada.fingerprint, site)
    end = result.out[result.out.index("not verified") :].splitlines()
    assert end[1].startswith(f"  failed  {site / 'b-changed.sif'}: ")
    assert end[2].startswith(f"  unsigned  {site / 'e-plain.sif'}: ")
    assert [line.split()[:2] for line in end[4:8]] == [
        *(["verdict", "images"], ["verified", "13"], ["failed", "1"], ["unsigned", "1"]),
    ]
    assert end[-1] == "15 images: 13 verified, 1 failed, 1 unsigned"


def test_lines_come_for_every_image(ada: Signer, site: Path) -> None:
    result = ada.account.run("verify", "--jsonl", "--signer", ada.fingerprint, "--jobs", "2", site)
    found = {
        Path(one["path"]).name: one["verdict"] for one in map(json.loads, result.out.splitlines())
    }
    assert found == {
        **dict.fromkeys(("a.sif", "c.sif", "d.sif"), "verified"),
        "b-changed.sif": "failed",
        "e-plain.sif": "unsigned",
    }
    assert result.status == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\0"], ids=["line", "line of Windows", "NUL"])
def test_paths_come_from_a_list(ada: Signer, site: Path, end: str) -> None:
    names = ["a.sif", "deep", "missing.sif"]
    text = end.join(names)
    (site / "list").write_bytes(text.encode())
    options = ("--signer", ada.fingerprint, "-q", "-@")
    from_file = ada.account.run("verify", *options, "list", cwd=site)
    piped = ada.account.run("verify", *options, "-", cwd=site, stdin=text)
    assert from_file.status == piped.status == 3
    assert from_file.out == piped.out
    assert from_file.out.splitlines() == [
        "verified  a.sif",
        "verified  deep/c.sif",
        "unknown  missing.sif: missing.sif: No such file or directory",
        "3 images: 2 verified, 1 unknown",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "list lists no path"),
        (b"\n\r\n\n", "list lists no path"),
        (b"a" * 200_000, "list is no list of paths: a line of it has no end"),
        (None, "list: No such file or directory"),
    ],
    ids=["empty", "empty lines", "endless line", "missing"],
)
def test_a_list_that_names_nothing_is_no_answer(
    account: Account, tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "list").write_bytes(content)
    result = account.verify("-@", "list", cwd=tmp_path)
    assert result.status == 3
    assert result.image["verdict"] == "unknown"
    assert result.image["reasons"][0]["message"] == words


def test_standard_input_is_read_once(account: Account) -> None:
    assert account.run("verify", "-@", "-", "-@", "-").status == 2


def test_a_pattern_that_no_shell_expanded_is_expanded(ada: Signer, site: Path) -> None:
    options = ("--signer", ada.fingerprint, "-q")
    found = ada.account.run("verify", "[ad].sif", "**/c.s?f", *options, cwd=site)
    assert found.out.splitlines() == [
        *("verified  a.sif", "verified  d.sif", "verified  deep/c.sif", "3 images: 3 verified")
    ]
    none = ada.account.run("verify", "x*.sif", *options, cwd=site)
    assert (none.status, none.out) == (3, "unknown  x*.sif: x*.sif matches nothing\n")


def test_a_name_that_looks_like_a_pattern_is_a_name(ada: Signer, site: Path) -> None:
    odd = (site / "d.sif").rename(site / "[a].sif")
    result = ada.account.verify(odd, "--signer", ada.fingerprint)
    assert result.image["path"] == str(odd)


def test_a_killed_process_costs_its_image_only(ada: Signer, site: Path) -> None:
    make_endless(site / "d.sif")
    with started(ada, "--json", "--jobs", "2", site) as running:
        os.kill(reader_of(running.pid, site / "d.sif"), signal.SIGKILL)
        out, _ = running.communicate(timeout=60)
    images = {Path(one["path"]).name: one for one in json.loads(out)["images"]}
    assert {name: one["verdict"] for name, one in images.items()} == {
        **dict.fromkeys(("a.sif", "c.sif"), "verified"),
        "b-changed.sif": "failed",
        "d.sif": "unknown",
        "e-plain.sif": "unsigned",
    }
    (reason,) = images["d.sif"]["reasons"]
    assert reason["message"].endswith("d.sif was killed by signal 9")
    assert images["d.sif"]["digest"] == {"sha256": None, "blake3": None}


def test_ctrl_c_leaves_whole_lines_of_what_is_known(ada: Signer, site: Path) -> None:
    make_endless(site / "a.sif")
    with started(ada, "--jsonl", "--jobs", "2", site) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(4)]
        workers = children_of(running.pid)
        running.send_signal(signal.SIGINT)
        rest, err = running.communicate(timeout=60)
    assert running.returncode == 130
    found = {Path(one["path"]).name for one in map(json.loads, [*lines, *rest.splitlines()])}
    assert found == {"b-changed.sif", "c.sif", "d.sif", "e-plain.sif"}
    assert err == "repro-sign: interrupted: 4 images were looked at, the others were not\n"
    assert not any(Path(f"/proc/{one}").exists() for one in workers)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_document_that_was_interrupted_says_so(ada: Signer, site: Path, jobs: str) -> None:
    make_endless(site / "d.sif")
    with started(ada, "--json", "--jobs", jobs, site / "a.sif", site / "d.sif") as running:
        reader_of(running.pid, site / "d.sif")
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    document = json.loads(out)
    assert [Path(one["path"]).name for one in document["images"]] in (["a.sif"], [])
    assert document["interrupted"] is True
    assert "interrupted" in err


def test_ctrl_c_on_a_terminal_prints_what_is_known(ada: Signer, site: Path) -> None:
    make_endless(site / "d.sif")
    argv = native(ada, "--jobs", "2", site)
    with Terminal.running_in(argv, ada.account.environment) as terminal:
        terminal.read_until(b"b-changed.sif")
        reader_of(terminal.running.pid, site / "d.sif")
        terminal.press_ctrl_c()
        assert terminal.end() == 130
    assert b"the others were not looked at" in terminal.shown
    assert b"Traceback" not in terminal.shown


def test_progress_is_shown_on_a_terminal(ada: Signer, site: Path) -> None:
    os.truncate(site / "e-plain.sif", ENDLESS)
    argv = native(ada, "--jobs", "1", site)
    with Terminal.running_in(argv, ada.account.environment) as terminal:
        terminal.read_until(b"3 of 5 images")
        terminal.press_ctrl_c()
        terminal.end()
    assert b"verifying" in terminal.shown
    assert b"a second" in terminal.shown


def test_progress_is_not_shown_to_a_pipe(ada: Signer, site: Path) -> None:
    result = ada.account.run("verify", "--signer", ada.fingerprint, "--jobs", "2", site)
    assert result.err == ""
    assert "\x1b" not in result.out


def test_a_lock_file_is_held_against_a_folder_by_several_processes(ada: Signer, site: Path) -> None:
    for name in ("b-changed.sif", "e-plain.sif"):
        (site / name).unlink()
    ada.account.ok("lock", "--signer", ada.fingerprint, "a.sif", "d.sif", "deep", cwd=site)
    shutil.copy(site / "a.sif", site / "extra.sif")
    (site / "d.sif").unlink()
    alone, both = (
        ada.account.run("verify", "--lock", "repro-sign.lock", "--json", "--jobs", jobs, cwd=site)
        for jobs in ("1", "2")
    )
    states = {one["path"]: one["lock"]["state"] for one in both.json["images"]}
    assert states == {
        "a.sif": "same",
        "d.sif": "missing",
        "deep/c.sif": "same",
        "extra.sif": "extra",
    }
    assert (alone.status, alone.out) == (both.status, both.out)


def test_what_is_remembered_does_not_depend_on_the_number_of_processes(
    ada: Signer, site: Path
) -> None:
    for jobs in ("1", "2"):
        with Account.new() as reader:
            options = ("--key", ada.public_key, "--remember", "--jobs", jobs)
            first = reader.verify(site, *options)
            again = reader.verify(site, *options)
        memories = [one["memory"] for one in first.json["images"]]
        assert [bool(one["new"]) for one in memories] == [True, False, True, False, True]
        assert not any(one["memory"]["new"] for one in again.json["images"])
