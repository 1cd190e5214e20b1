"""Many images at a time: what comes of each, also of one whose process dies."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro_sign.fingerprint import parse_signer
from repro_sign.system.locations import find_locations
from repro_sign.system.workers import Task, work_on
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import VerdictWord
from repro_sign.verifying import Engine, ImageReport, VerifyRequest
from repro_sign.verifying_many import verify_many
from tests.account import Signer


@pytest.fixture
def site(ada: Signer, image: Path, tmp_path: Path) -> list[Path]:
    """Give a folder of images: signed ones, and among them one changed, one unsigned, no image."""
    folder = tmp_path / "site"
    folder.mkdir()
    plain = shutil.copy(image, folder / "c-unsigned.sif")
    ada.sign(image)
    for name in ("a-good", "b-changed", "e-good", "f-good"):
        shutil.copy(image, folder / f"{name}.sif")
        shutil.copy(f"{image}.manifest.asc", folder / f"{name}.sif.manifest.asc")
    with (folder / "b-changed.sif").open("r+b") as file:
        file.seek(-5000, os.SEEK_END)
        file.write(b"changed")
    (folder / "d-text.sif").write_text("no image at all\n")
    return sorted([*folder.glob("*.sif"), folder / "g-missing.sif", Path(plain)])


def request_of(signer: Signer) -> VerifyRequest:
    where = find_locations({"HOME": str(signer.account.home)})
    policy = TrustPolicy({parse_signer(signer.fingerprint): "--signer"})
    ring = signer.account.home / ".apptainer" / "keys"
    where = type(where)(ring, signer.account.home / "none", signer.account.home / "none")
    return VerifyRequest(policy, engine=Engine.NATIVE, where=where)


def test_reports_come_in_the_order_asked_and_are_the_same_with_more_jobs(
    ada: Signer, site: list[Path]
) -> None:
    request = request_of(ada)
    alone = list(verify_many(iter(site), request, 1))
    assert [one.path for one in alone] == site
    assert [one.verdict.word.value for one in alone] == [
        *("verified", "failed", "unsigned", "unsigned"),
        *("failed", "verified", "verified", "unknown"),
    ]
    for jobs in (2, 5):
        assert list(verify_many(iter(site), request, jobs)) == alone


def test_reports_as_they_come_are_the_same_reports(ada: Signer, site: list[Path]) -> None:
    def known(reports: Iterator[ImageReport]) -> list[tuple[Path, VerdictWord]]:
        return sorted((one.path, one.verdict.word) for one in reports)

    request = request_of(ada)
    ordered = known(verify_many(site, request, 1))
    assert known(verify_many(site, request, 2, in_order=False)) == ordered


def _square_or_die(number: int, others: int) -> str:
    if number % 5 == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{number * number}"


def test_a_dead_worker_costs_its_own_item_only() -> None:
    task = Task(_square_or_die, lambda number, how: f"{number} {how}", str)
    results = list(work_on(range(20), task, 2))
    assert results == [
        f"{number} was killed by signal 9" if number % 5 == 3 else f"{number * number}"
        for number in range(20)
    ]


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100_000):
            taken.append(number)
            yield number

    results = work_on(items(), Task(_echo, _gone, int), 2)
    assert [next(results) for _ in range(10)] == list(range(10))
    assert len(taken) < 1000
    results.close()


def _wait_or_interrupt(number: int, others: int) -> int:
    if number == 2:
        os.kill(os.getppid(), signal.SIGINT)
    if number in (0, 2):
        time.sleep(600)
    return number


def test_results_that_wait_for_an_earlier_one_are_not_lost_by_an_interruption() -> None:
    results = work_on(range(5), Task(_wait_or_interrupt, _gone, int), 2)
    assert next(results) == 1
    with pytest.raises(KeyboardInterrupt):
        next(results)


def _echo(number: int, others: int) -> int:
    return number


def _gone(number: int, how: str) -> int:
    raise AssertionError(how)
