"""`verify --outputs`: result files against the digests that the author claims."""

import os
from pathlib import Path
from typing import Any

import pytest

from repro_sign.examining.comparison import digest_companion
from tests.account import Account
from tests.described import Describer, codes, noted, shown


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Give a folder with two results."""
    folder = tmp_path / "results"
    (folder / "tables").mkdir(parents=True)
    (folder / "warming.csv").write_text("year,kelvin\n2100,2.7\n", encoding="utf-8")
    (folder / "tables" / "ice.csv").write_text("year,km2\n2100,0\n", encoding="utf-8")
    return folder


def claimed(folder: Path, *names: str) -> dict[str, Any]:
    rows = []
    for name in names:
        sha256, blake3 = digest_companion(folder / name)
        rows.append({"name": name, "digest": {"sha256": sha256.hex, "blake3": blake3.hex}})
    return {"run": {"outputs": rows}}


@pytest.fixture
def signed(author_of_manifests: Describer, image: Path, results: Path) -> Path:
    """Give an image whose author claims both results."""
    author_of_manifests.sign(image, claimed(results, "warming.csv", "tables/ice.csv"))
    return image


def test_results_that_the_author_claims_are_recognised(
    author_of_manifests: Describer, signed: Path, results: Path
) -> None:
    (results / "other.csv").write_text("of no interest", encoding="utf-8")
    report = author_of_manifests.verify(signed, outputs=results)
    assert report
    assert "outputs-same" in noted(report)
    assert "2 result files are what the author claims of the run, byte for byte" in shown(report)


def test_a_changed_result_is_not_verified(
    author_of_manifests: Describer, signed: Path, results: Path
) -> None:
    (results / "warming.csv").write_text("year,kelvin\n2100,2.8\n", encoding="utf-8")
    report = author_of_manifests.verify(signed, outputs=results)
    assert codes(report) == ["output-changed"]
    assert "warming.csv" in report.verdict.reasons[0].message
    assert "1 of 2 result files" in shown(report)
    assert "the image is as it was signed" in shown(report)


def test_a_missing_result_is_not_verified(
    author_of_manifests: Describer, signed: Path, results: Path
) -> None:
    (results / "warming.csv").unlink()
    (results / "tables" / "ice.csv").unlink()
    (results / "tables").rmdir()
    (results / "tables").touch()
    report = author_of_manifests.verify(signed, outputs=results)
    assert codes(report) == ["output-missing", "output-missing"]


def test_links_inside_the_folder_are_followed_and_those_out_of_it_are_not(
    author_of_manifests: Describer, signed: Path, results: Path, tmp_path: Path
) -> None:
    (results / "warming.csv").rename(results / "latest.csv")
    (results / "warming.csv").symlink_to("latest.csv")
    assert author_of_manifests.verify(signed, outputs=results)
    (results / "latest.csv").rename(tmp_path / "outside.csv")
    (results / "latest.csv").symlink_to(tmp_path / "outside.csv")
    report = author_of_manifests.verify(signed, outputs=results)
    assert codes(report) == ["output-missing"]
    assert "leads out of" in report.verdict.reasons[0].message
    (results / "latest.csv").unlink()
    (results / "latest.csv").symlink_to("warming.csv")
    assert not author_of_manifests.verify(signed, outputs=results)


def test_what_is_no_file_gives_no_answer(
    author_of_manifests: Describer, signed: Path, results: Path
) -> None:
    (results / "warming.csv").unlink()
    os.mkfifo(results / "warming.csv")
    (results / "tables" / "ice.csv").unlink()
    (results / "tables" / "ice.csv").mkdir()
    report = author_of_manifests.verify(signed, outputs=results)
    assert report.verdict.word == "unknown"
    assert codes(report) == ["outputs-unanswered", "outputs-unanswered"]


DIGEST = {"sha256": "0" * 64, "blake3": "0" * 64}


@pytest.mark.parametrize(
    "rows",
    [
        [{"name": "/etc/passwd", "digest": DIGEST}],
        [{"name": "../secret", "digest": DIGEST}],
        [{"name": "tables/../../secret", "digest": DIGEST}],
        [{"name": "C:\\secret", "digest": DIGEST}],
        [{"name": "a\x1b[2Jb", "digest": DIGEST}],
        [{"name": "", "digest": DIGEST}],
        [{"name": "warming.csv"}],
        [{"name": "warming.csv", "digest": {"sha256": "0" * 64}}],
        [{"name": "warming.csv", "digest": {"sha256": "x", "blake3": "y"}}],
        [{"name": ["warming.csv"], "digest": DIGEST}],
        ["warming.csv"],
        "warming.csv",
        {"name": "warming.csv"},
        None,
        [],
    ],
    ids=repr,
)
def test_claims_that_are_not_valid_give_no_answer(
    author_of_manifests: Describer, image: Path, results: Path, rows: Any
) -> None:
    author_of_manifests.sign(image, {"run": {"outputs": rows}})
    report = author_of_manifests.verify(image, outputs=results)
    assert not report
    assert codes(report) == ["outputs-unanswered"]
    assert author_of_manifests.verify(image)


def test_results_that_no_trusted_manifest_claims_are_not_verified(
    author_of_manifests: Describer, image: Path, results: Path
) -> None:
    author_of_manifests.sign(image, {"run": {"seed": "42"}})
    assert codes(author_of_manifests.verify(image, outputs=results)) == ["no-outputs"]


def test_the_command_line_compares_results(
    author_of_manifests: Describer, signed: Path, results: Path, account: Account
) -> None:
    trusting = ("--engine", "native", "--signer", author_of_manifests.fingerprint)
    assert account.ok("verify", signed, *trusting, "--outputs", results)
    (results / "warming.csv").write_text("", encoding="utf-8")
    changed = account.run("verify", "-q", signed, *trusting, "--outputs", results)
    assert changed.status == 1
    assert "the result warming.csv is not the one that the author claims" in changed.out
    assert account.run("verify", signed, "--outputs", results / "none").status == 2
