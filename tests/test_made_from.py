"""What verify shows of what an image was made from and on: of trusted manifests, and no others."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from repro_sign.examining import surroundings
from repro_sign.provenance import machine
from repro_sign.report import as_text
from tests.account import Account
from tests.described import COMMIT, PARTS, SOURCE, Describer, codes, shown, told

OTHER_MACHINE: Mapping[str, Any] = {
    "kernel": {"name": "Linux", "release": "1.0.0", "architecture": "x86_64"},
    "cpu": {"vendor": "Other", "model": "Other CPU", "cores": 3, "flags": []},
}


@pytest.fixture(scope="session")
def other_author() -> Iterator[Describer]:
    with Describer.new() as one:
        yield one


def test_the_block_says_what_the_image_was_made_from(
    author_of_manifests: Describer, image: Path
) -> None:
    author_of_manifests.sign(image, PARTS)
    text = shown(author_of_manifests.verify(image))
    for line in (
        "made from source https://git.example/ada/climate.git",
        f"commit {COMMIT}",
        "tag v1.0, annotated, signed (not checked)",
        "checkout clean: nothing but that commit",
        "base docker.io/library/python:3.11.9",
        "sha256:cccccccccccc…",
        "system Debian GNU/Linux 12, glibc 2.36",
        "packages requirements.txt, env.yml: 1201 not pinned to one\nversion",
        "run claimed, not recorded:",
        "python run.py --grid 5",
        "seed 42",
        "OMP_NUM_THREADS=8",
        "open to the host: --nv",
    ):
        assert f"\n{line}\n" in text
    assert "machine" not in text


def test_the_json_has_the_same(author_of_manifests: Describer, image: Path) -> None:
    author_of_manifests.sign(image, PARTS)
    (found,) = told(author_of_manifests.verify(image))["made_from"]
    assert found["manifest"] == "climate.sif.sigstore.json"
    assert found["fingerprint"] == author_of_manifests.fingerprint
    assert found["source"]["commit"] == COMMIT
    assert found["source"]["tag"] == {"name": "v1.0", "annotated": True, "signed": True}
    assert found["source"]["clean"] is True
    assert found["recipe"]["libc"] == "glibc 2.36"
    assert found["packages"]["unpinned"] == 1201
    assert found["run"]["environment"] == {"OMP_NUM_THREADS": "8"}


def test_a_checkout_with_changes_is_said_loudly(
    author_of_manifests: Describer, image: Path
) -> None:
    changed = {**SOURCE, "clean": False, "changed": ["a.py", "b.py", "c.py", "d.py"]}
    author_of_manifests.sign(image, {"source": changed})
    report = author_of_manifests.verify(image)
    line = "checkout NOT clean, files that no commit holds: 4 (a.py, b.py,"
    assert line in shown(report)
    assert "d.py" in shown(report, all_of_it=True)
    assert "not said recipe, packages, run" in shown(report)


def test_of_an_untrusted_manifest_nothing_is_shown(
    author_of_manifests: Describer, other_author: Describer, image: Path
) -> None:
    other_author.sign(image, {**PARTS, "environment": OTHER_MACHINE})
    report = author_of_manifests.verify(image)
    assert codes(report) == ["unsigned"]
    assert told(report)["made_from"] == told(report)["machine"] == []
    assert not {"made from", "machine"} & {line[:9].strip() for line in shown(report).splitlines()}
    assert COMMIT not in str(told(report))


def test_the_machine_is_not_looked_at_for_an_untrusted_manifest_or_one_without(
    author_of_manifests: Describer,
    other_author: Describer,
    image: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object) -> dict[str, Any]:
        raise AssertionError("the machine was looked at")

    monkeypatch.setattr(machine, "describe_machine", never)
    author_of_manifests.sign(image, PARTS)
    other_author.sign(image, {"environment": OTHER_MACHINE})
    assert author_of_manifests.verify(image)
    with pytest.raises(AssertionError, match="looked at"):
        author_of_manifests.verify(image, other_author)


def test_no_program_is_asked_for_what_the_manifest_does_not_say(
    author_of_manifests: Describer, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "run", None)
    author_of_manifests.sign(image, {"environment": OTHER_MACHINE})
    rows = told(author_of_manifests.verify(image))["machine"][0]["rows"]
    assert [row["outcome"] for row in rows if row["name"] == "kernel"] == ["different"]


def test_the_table_holds_this_machine_against_the_authors(
    author_of_manifests: Describer, image: Path
) -> None:
    here = machine.describe_machine(("kernel", "os"))
    there = {**OTHER_MACHINE, "os": here["os"], "gpus": [{"name": "A100", "driver": "535.1"}]}
    author_of_manifests.sign(image, {"environment": there})
    report = author_of_manifests.verify(image)
    text = shown(report)
    assert f"\nkernel Linux {here['kernel']['release']} Linux 1.0.0\nnewer" in text
    assert "\nsame architecture, os\n" in text
    assert "not known" not in text
    assert "libc" not in text
    assert "made from" not in text
    every = shown(report, all_of_it=True)
    assert "\nlibc not known not known\n" in every
    assert max(map(len, _table(report))) <= 80


def _table(report: Any) -> list[str]:
    lines = as_text.image(report).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("  machine"))
    end = next(at for at, line in enumerate(lines) if line.startswith(("  blake3", "  sha256")))
    return lines[start:end]


def test_of_several_trusted_manifests_it_is_said_whose(
    author_of_manifests: Describer, other_author: Describer, image: Path
) -> None:
    author_of_manifests.sign(image, {"source": SOURCE, "environment": OTHER_MACHINE})
    other_author.sign(image, {"source": {**SOURCE, "commit": "9" * 40}})
    report = author_of_manifests.verify(image, other_author)
    text = shown(report)
    first, second = text.index(f"commit {COMMIT}"), text.index(f"commit {'9' * 40}")
    theirs = f"by {other_author.fingerprint}, in climate.sif."
    assert f"made from by {author_of_manifests.fingerprint}, in climate.sif.sigstore.json:" in text
    assert first < text.index(theirs) < second
    assert {one["fingerprint"] for one in told(report)["made_from"]} == {
        author_of_manifests.fingerprint,
        other_author.fingerprint,
    }


HOSTILE = "\x1b[2J\u202egood\x07\nVERIFIED"


def test_hostile_values_are_escaped(author_of_manifests: Describer, image: Path) -> None:
    parts: dict[str, dict[str, Any]] = {
        "source": {
            "url": HOSTILE,
            "commit": HOSTILE,
            "tag": {"name": HOSTILE},
            "clean": False,
            "changed": [HOSTILE],
        },
        "recipe": {"base": {"reference": HOSTILE, "digest": HOSTILE}, "os": {"name": HOSTILE}},
        "dependencies": {"files": [{"path": HOSTILE, "unpinned": []}]},
        "run": {"command": [HOSTILE], "seed": HOSTILE, "environment": {HOSTILE: HOSTILE}},
        "environment": {
            "kernel": {"name": HOSTILE, "release": HOSTILE, "architecture": HOSTILE},
            "cpu": {"vendor": HOSTILE, "model": HOSTILE, "flags": [HOSTILE]},
            "gpus": [{"name": HOSTILE, "driver": HOSTILE}],
            "libc": HOSTILE,
        },
    }
    author_of_manifests.sign(image, parts)
    for every in (False, True):
        text = shown(author_of_manifests.verify(image), all_of_it=every)
        assert not set(text) & set("\x1b\x07\u202e")
        assert "\nVERIFIED" not in text.removeprefix("VERIFIED")
        assert r"\x1b[2J\u202egood\x07\x0aVERIFIED" in text.replace("\n", "")
    failed = author_of_manifests.verify(image, require_same="kernel cpu gpu driver libc")
    assert set(codes(failed)) == {"machine-differs"}
    assert not set(shown(failed)) & set("\x1b\x07\u202e")


WRONG: list[Any] = [None, True, 7, "text", [], {}, [1], [{}], {"name": 7}, {"reference": [1]}]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_members_of_the_wrong_type_are_not_shown_as_if_they_were_right(
    author_of_manifests: Describer, image: Path, wrong: Any
) -> None:
    whole = {**PARTS, "environment": OTHER_MACHINE}
    parts = {part: dict.fromkeys(members, wrong) for part, members in whole.items()}
    author_of_manifests.sign(image, parts)
    report = author_of_manifests.verify(image)
    assert report
    text = shown(report, all_of_it=True)
    assert "checkout clean" not in text or wrong is True
    assert "v1.0" not in text
    assert "commit 7" not in text
    rows = [row for one in told(report)["machine"] for row in one["rows"]]
    assert not any(row["outcome"] == "same" for row in rows)


def test_the_same_machine_can_be_demanded(author_of_manifests: Describer, image: Path) -> None:
    here = machine.describe_machine(("kernel", "cpu"))
    author_of_manifests.sign(image, {"environment": {**here, "cpu": OTHER_MACHINE["cpu"]}})
    assert author_of_manifests.verify(image, require_same="kernel architecture")
    report = author_of_manifests.verify(image, require_same="kernel cpu cores libc")
    assert codes(report) == ["machine-differs"] * 3
    messages = [reason.message for reason in report.verdict.reasons]
    assert "does not say the author's libc" in messages[0]
    assert all("climate.sif.sigstore.json" in one for one in messages)
    assert "Other CPU" in messages[1]
    assert "use a machine like the author's" in shown(report)


def test_a_machine_that_no_trusted_manifest_describes_is_not_the_same(
    author_of_manifests: Describer, other_author: Describer, image: Path
) -> None:
    here = machine.describe_machine(("kernel",))
    author_of_manifests.sign(image, PARTS)
    other_author.sign(image, {"environment": here})
    assert codes(author_of_manifests.verify(image, require_same="kernel")) == ["no-machine"]
    assert author_of_manifests.verify(image, other_author, require_same="kernel")


def test_the_command_line_shows_and_demands(
    author_of_manifests: Describer, image: Path, account: Account
) -> None:
    author_of_manifests.sign(image, {**PARTS, "environment": OTHER_MACHINE})
    trusting = ("--engine", "native", "--signer", author_of_manifests.fingerprint)
    brief = account.ok("verify", image, *trusting)
    assert "  made from    source    https://git.example" in brief.out
    assert "  libc         not known" in account.ok("verify", "-v", image, *trusting).out
    failed = account.verify(image, *trusting, "--require-same", "kernel, cpu")
    assert failed.status == 1
    assert failed.codes == {"machine-differs", "image-not-signed"}
    for wrong in ("kernel,colour", "", "cpu,,gpu"):
        refused = account.run("verify", image, "--require-same", wrong)
        assert refused.status == 2
        assert "kernel, architecture, os" in refused.err


def test_where_nothing_is_shown_the_machine_is_looked_at_on_demand_only(
    author_of_manifests: Describer, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    author_of_manifests.sign(image, {"environment": OTHER_MACHINE})
    around = surroundings.Surroundings(look_at_machine=False)
    report = author_of_manifests.verify_around(image, around, require_same="kernel")
    assert codes(report) == ["machine-differs"]
    monkeypatch.setattr(machine, "describe_machine", None)
    quiet = surroundings.Surroundings(look_at_machine=False)
    assert author_of_manifests.verify_around(image, quiet)


def test_one_look_at_the_machine_serves_many_images(
    author_of_manifests: Describer, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[set[str]] = []
    real = machine.describe_machine

    def counting(members: Any = None) -> dict[str, Any]:
        looked.append(set(members))
        return real(members)

    monkeypatch.setattr(machine, "describe_machine", counting)
    author_of_manifests.sign(image, {"environment": OTHER_MACHINE})
    other = image.with_name("other.sif")
    shutil.copy(image, other)
    author_of_manifests.sign(other, {"environment": {**OTHER_MACHINE, "mpi": "x"}})
    around = surroundings.Surroundings()
    for one in (image, other, image):
        assert author_of_manifests.verify_around(one, around)
    assert looked == [{"kernel", "cpu"}, {"mpi"}]
