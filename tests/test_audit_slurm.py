"""`audit --executor slurm`, on a real Slurm: nothing is lost for long, and nothing lost is good."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.auditing.examined import Examined, ToExamine
from repro_sign.auditing.rules import Rules
from repro_sign.auditing.slurm.executor import _believed
from repro_sign.auditing.slurm.shard import FoundElsewhere, ShardResult, split
from repro_sign.auditing.state import state_of
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import VerdictWord
from repro_sign.verifying import VerifyRequest
from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.slurm import PROGRAMS, Cluster, cluster
from tests.test_audit import events, read, rewrite, settle, verdicts

needs_slurm = pytest.mark.heavy
SLURM = ("--executor", "slurm", "--jobs", "2")


@pytest.fixture(scope="module")
def running_slurm(need: Need) -> Iterator[Cluster]:
    need(*PROGRAMS)
    with cluster() as one:
        yield one


@pytest.fixture
def slurm(running_slurm: Cluster) -> Iterator[Cluster]:
    """Give a Slurm whose one node is idle; no job of a test outlives it."""
    running_slurm.wait_for_node()
    yield running_slurm
    running_slurm.go_on()
    running_slurm.cancel()


@pytest.fixture
def site(tmp_path: Path, ada: Signer, image: Path) -> Path:
    """Give a folder with four images by Ada that have lain there for a while."""
    folder = tmp_path / "site"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.sif", "b.sif", "c.sif", "deep/d.sif"):
        ada.sign(Path(shutil.copy(image, folder / name)))
    settle(folder)
    return folder


@pytest.fixture
def admin(ada: Signer, slurm: Cluster) -> Iterator[Account]:
    """Give an administrator who trusts Ada."""
    with Account.new() as account:
        account.ok("trust", "add", ada.public_key, "--yes", "--as", "Ada")
        yield account.with_variables(**slurm.variables)


def audit(admin: Account, site: Path, *options: str | Path) -> Result:
    return admin.run("audit", site, "--json", *SLURM, *options)


@contextmanager
def auditing(admin: Account, site: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Start an audit, and go on."""
    with subprocess.Popen(
        admin.argv("audit", site, "--json", *SLURM, *options),
        env=admin.environment,
        cwd=admin.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def ended(running: "subprocess.Popen[str]") -> Result:
    out, err = running.communicate(timeout=180)
    return Result(running.returncode, out, err)


def left_beside_the_database(admin: Account) -> list[Path]:
    return list((admin.home / ".config/repro-sign/audits").glob("*.slurm-*"))


def reasons(result: Result) -> set[str]:
    return {one["reasons"][0]["message"] for one in result.json["images"]}


ALL_VERIFIED = {"a.sif", "b.sif", "c.sif", "deep/d.sif"}


@needs_slurm
def test_nodes_find_what_this_machine_finds(admin: Account, site: Path, tmp_path: Path) -> None:
    shutil.copy(site / "a.sif", site / "alone.sif")  # without its manifest: signed all the same
    rewrite(site / "b.sif")
    (site / "broken.sif").write_bytes((site / "c.sif").read_bytes()[:5000])
    settle(site)
    here = admin.run("audit", site, "--json", "--database", tmp_path / "here.sqlite")
    there = audit(admin, site, "--database", tmp_path / "there.sqlite")
    assert (here.status, there.status) == (1, 1), there.err
    found = [[one | {"checked": None} for one in each.json["images"]] for each in (here, there)]
    assert found[0] == found[1]
    assert verdicts(there)["b.sif"] == "failed"
    assert not list(tmp_path.glob("*.slurm-*"))


@needs_slurm
def test_what_nodes_read_is_not_read_again(admin: Account, site: Path) -> None:
    first = audit(admin, site)
    assert (first.status, read(first)) == (0, ALL_VERIFIED), first.err
    second = admin.run("audit", site, "--json")
    assert (second.status, read(second)) == (0, set())
    assert left_beside_the_database(admin) == []


@needs_slurm
@pytest.mark.parametrize("state", ["PENDING", "RUNNING"])
def test_cancelled_jobs_are_sent_again(
    admin: Account, site: Path, slurm: Cluster, state: str
) -> None:
    if state == "PENDING":
        slurm.set_node("DRAIN")
    else:
        slurm.hold()
    with auditing(admin, site) as running:
        slurm.cancel(slurm.wait_for(state))
        if state == "PENDING":
            slurm.set_node("RESUME")
        slurm.go_on()
        result = ended(running)
    assert (result.status, read(result)) == (0, ALL_VERIFIED), result.err


@needs_slurm
def test_jobs_whose_node_dies_are_sent_again(admin: Account, site: Path, slurm: Cluster) -> None:
    slurm.hold()
    with auditing(admin, site) as running:
        slurm.wait_for("RUNNING")
        slurm.kill_node()
        slurm.go_on()
        slurm.wait_for("NODE_FAIL")
        slurm.start_node()
        result = ended(running)
    assert (result.status, read(result)) == (0, ALL_VERIFIED), result.err


@needs_slurm
def test_jobs_that_are_lost_again_and_again_are_no_answer(
    admin: Account, site: Path, slurm: Cluster
) -> None:
    slurm.set_node("DRAIN")
    with auditing(admin, site) as running:
        while running.poll() is None:
            slurm.cancel()
            time.sleep(0.2)
        result = ended(running)
    assert (result.status, set(verdicts(result).values())) == (3, {"unknown"})
    assert all("was lost 3 times (CANCELLED" in one for one in reasons(result))
    slurm.set_node("RESUME")
    again = audit(admin, site)
    assert (again.status, read(again)) == (0, ALL_VERIFIED)
    assert set(events(again).values()) == {"recovered"}


@needs_slurm
def test_nothing_is_waited_for_for_ever(admin: Account, site: Path, slurm: Cluster) -> None:
    slurm.set_node("DRAIN")
    try:
        result = audit(admin, site, "--give-up-after", "0.001")
    finally:
        slurm.set_node("RESUME")
    assert (result.status, set(verdicts(result).values())) == (3, {"unknown"})
    assert reasons(result) == {"no job of Slurm's verified it within 0.001 hours"}
    assert set(slurm.jobs().values()) <= {"CANCELLED", "COMPLETED", "NODE_FAIL"}


@needs_slurm
def test_ctrl_c_ends_the_jobs_too(admin: Account, site: Path, slurm: Cluster) -> None:
    slurm.hold()
    with auditing(admin, site) as running:
        mine = slurm.wait_for("RUNNING")
        running.send_signal(signal.SIGINT)
        result = ended(running)
    assert (result.status, "Traceback" in result.err) == (130, False)
    assert slurm.jobs()[mine] in ("CANCELLED", "COMPLETING")
    assert left_beside_the_database(admin) == []


@needs_slurm
def test_a_node_that_goes_by_other_rules_is_not_believed(
    admin: Account, site: Path, slurm: Cluster, grace: Signer
) -> None:
    slurm.hold()
    with auditing(admin, site) as running:
        slurm.wait_for("RUNNING")
        admin.ok("trust", "add", grace.public_key, "--yes", "--as", "Grace")
        slurm.go_on()
        result = ended(running)
    assert (result.status, set(verdicts(result).values())) == (3, {"unknown"})
    assert all("goes by other keys or rules than this machine" in one for one in reasons(result))


@needs_slurm
def test_an_image_that_changes_meanwhile_is_read_again(
    admin: Account, site: Path, slurm: Cluster
) -> None:
    slurm.hold()
    with auditing(admin, site) as running:
        slurm.wait_for("RUNNING")
        shutil.copy(site / "a.sif", site / "new")
        os.replace(site / "new", site / "a.sif")
        slurm.go_on()
        result = ended(running)
    assert (result.status, set(verdicts(result).values())) == (0, {"verified"}), result.err
    settle(site)
    again = audit(admin, site)
    assert (again.status, read(again)) == (0, {"a.sif"})


@needs_slurm
def test_nothing_in_the_current_folder_is_run(admin: Account, site: Path, tmp_path: Path) -> None:
    current, ran = tmp_path / "current", tmp_path / "ran"
    current.mkdir()
    for name in ("submitit", "repro_sign", "json", "numpy"):
        (current / f"{name}.py").write_text(f"open({str(ran)!r}, 'w')\nraise SystemExit(1)\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("repro-sign"), "audit", site, "--json", *SLURM],
        env=admin.environment,
        cwd=current,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (done.returncode, ran.exists()) == (0, False), done.stderr
    assert {one["verdict"] for one in json.loads(done.stdout)["images"]} == {"verified"}


@needs_slurm
def test_what_slurm_refuses_is_said(admin: Account, site: Path) -> None:
    refused = audit(admin, site, "--slurm", "partition=nowhere")
    assert (refused.status, refused.out) == (3, "")
    assert "Slurm took no job" in refused.err
    assert "invalid partition" in refused.err.lower()
    assert left_beside_the_database(admin) == []


@needs_slurm
def test_a_folder_that_others_can_write_gets_no_jobs(
    admin: Account, site: Path, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    refused = audit(admin, site, "--database", shared / "audit.sqlite")
    assert (refused.status, "others can write" in refused.err) == (1, True)


def test_without_slurm_or_its_library_that_is_said(
    account: Account, site: Path, tmp_path: Path
) -> None:
    nowhere = account.with_variables(PATH=str(tmp_path / "no-programs"))
    refused = audit(nowhere, site)
    assert (refused.status, "sbatch is not on the PATH" in refused.err) == (3, True)
    (tmp_path / "submitit.py").write_text("raise ImportError\n")
    refused = audit(account.with_variables(PYTHONPATH=str(tmp_path)), site)
    assert (refused.status, "pip install 'repro-sign[slurm]'" in refused.err) == (3, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--slurm", "array=0-3"), "repro-sign sets that itself"),
        (("--slurm", "partition=a\n#SBATCH --uid=0"), "can't be printed"),
        (("--slurm", "$(true)=1"), "no option of sbatch"),
        (("--slurm", "time=soon"), "a whole number is needed"),
        (("--executor", "local", "--slurm", "qos=low"), "--executor slurm"),
        (("--give-up-after", "0"), "--give-up-after"),
    ],
)
def test_wrong_options_are_said(
    account: Account, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    refused = account.run("audit", tmp_path, *SLURM, *options)
    assert refused.status == 2
    assert words in " ".join(refused.err.split())


@given(st.lists(st.integers(0, 1 << 40), max_size=200), st.integers(1, 50))
def test_shards_hold_each_image_once_and_about_as_many_bytes(sizes: list[int], count: int) -> None:
    shards = split(sizes, count)
    assert sorted(image for shard in shards for image in shard) == list(range(len(sizes)))
    assert all(shards)
    loads = [sum(sizes[image] + (1 << 20) for image in shard) for shard in shards]
    largest = max(sizes, default=0) + (1 << 20)
    assert max(loads, default=0) - min(loads, default=0) <= largest


def answer(image: Path, rules: Rules, now: float) -> ShardResult:
    good = Examined(VerdictWord.VERIFIED, (("verified", "by Ada"),))
    state = state_of(image).anywhere
    return ShardResult("n17", now, now, (FoundElsewhere(state, rules.digest(image.name), good),))


def test_a_node_with_another_file_clock_or_half_an_answer_is_not_believed(image: Path) -> None:
    rules, now = Rules(VerifyRequest(TrustPolicy()), anywhere=True), time.time()
    images = [ToExamine(image, state_of(image))]
    right = answer(image, rules, now)
    other = image.with_name("other.sif")
    shutil.copy(image, other)
    ((found,),) = [_believed(right, images, rules, now)]
    assert found.verdict is VerdictWord.VERIFIED
    for wrong, words in (
        (replace(right, found=answer(other, rules, now).found), "another file"),
        (replace(right, began=now - 90_000), "the clock of n17 is wrong"),
        (replace(right, ended=now + 90_000), "the clock of n17 is wrong"),
        (replace(right, found=()), "no whole answer"),
    ):
        ((found,),) = [_believed(wrong, images, rules, now)]
        assert (found.verdict, words in found.reasons[0][1]) == (VerdictWord.UNKNOWN, True)
