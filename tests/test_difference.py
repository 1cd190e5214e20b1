"""This machine and the author's: what is the same, what differs, and why it can matter."""

from collections.abc import Mapping
from typing import Any

import pytest

from repro_sign.provenance.difference import COMPARED, MachineRow, compare_machines
from repro_sign.provenance.machine import describe_machine
from tests.described import LAPTOP, XEON

GLIBC: Mapping[str, Any] = {"libc": {"name": "glibc", "version": "2.36"}}


def rows(
    here: Mapping[str, Any], there: Mapping[str, Any], recipe: Mapping[str, Any] = GLIBC
) -> dict[str, MachineRow]:
    return {row.name: row for row in compare_machines(here, there, recipe)}


def kernel(release: str, **others: str) -> dict[str, Any]:
    return {"kernel": {"name": "Linux", "architecture": "x86_64", "release": release, **others}}


def test_every_thing_that_is_compared_has_a_row() -> None:
    assert tuple(rows(XEON, LAPTOP)) == COMPARED


def test_a_machine_is_the_same_as_itself() -> None:
    found = rows(XEON, XEON)
    assert all(row.same and not row.matters for row in found.values())


def test_this_very_machine_is_the_same_as_itself() -> None:
    one, two = describe_machine(), describe_machine()
    found = rows(one, two)
    assert not [row for row in found.values() if row.differs]
    assert found["kernel"].same
    assert found["cores"].same


def test_this_machine_differs_from_one_that_was_altered() -> None:
    here = describe_machine()
    there = {**here, **kernel("99.1.0"), "memory_bytes": 1 << 50}
    found = rows(here, there)
    assert {row.name for row in found.values() if row.differs} == {"kernel", "memory"}
    assert "older" in found["kernel"].matters
    assert "less" in found["memory"].matters


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("kernel", "older than the author's"),
        ("cpu", "another maker"),
        ("instructions", "missing here: avx512dq avx512f"),
        ("cores", "another order"),
        ("memory", "less than the author's"),
        ("gpu", "no GPU was found here"),
    ],
)
def test_a_difference_says_why_it_can_matter(name: str, why: str) -> None:
    row = rows(LAPTOP, XEON)[name]
    assert row.differs
    assert why in row.matters


@pytest.mark.parametrize("name", ["cpu", "instructions", "cores"])
def test_what_changes_last_digits_says_so(name: str) -> None:
    assert "last digits" in rows(LAPTOP, XEON)[name].matters


@pytest.mark.parametrize(
    ("here", "there", "recipe", "why"),
    [
        (kernel("3.1.0"), kernel("5.15.0"), GLIBC, "older than Linux 3.2, which glibc 2.36"),
        (kernel("3.2.0"), kernel("5.15.0"), GLIBC, "older than the author's"),
        (kernel("3.1.0"), kernel("5.15.0"), {"libc": {"name": "musl"}}, "older than the author's"),
        (kernel("3.1.0"), kernel("5.15.0"), {}, "older than the author's"),
        (
            kernel("3.6.0", architecture="aarch64"),
            kernel("5.15.0", architecture="aarch64"),
            GLIBC,
            "older than Linux 3.7",
        ),
        (kernel("6.1.0"), kernel("5.15.0"), GLIBC, "newer"),
        (kernel("10.0.0"), kernel("9.9.0"), GLIBC, "newer"),
        (kernel("23.4.0", name="Darwin"), kernel("5.15.0"), GLIBC, "virtual machine"),
    ],
)
def test_an_older_kernel_is_held_against_what_the_image_needs(
    here: dict[str, Any], there: dict[str, Any], recipe: dict[str, Any], why: str
) -> None:
    assert why in rows(here, there, recipe)["kernel"].matters


def gpu(name: str, driver: str) -> dict[str, Any]:
    return {"gpus": [{"name": name, "driver": driver}]}


@pytest.mark.parametrize(
    ("here", "there", "name", "why"),
    [
        (gpu("A", "535.104"), gpu("A", "470.1"), "driver", "another major version"),
        (gpu("A", "535.104"), gpu("A", "535.2"), "driver", "another minor version"),
        (gpu("A", "535.104"), gpu("B", "535.104"), "gpu", "sums run in another order"),
        (gpu("A", "535.104"), {"gpus": []}, "gpu", "the author had none"),
    ],
)
def test_gpus_and_drivers_are_told_apart(
    here: dict[str, Any], there: dict[str, Any], name: str, why: str
) -> None:
    assert why in rows(here, there)[name].matters


def test_four_of_a_gpu_are_not_one() -> None:
    row = rows(gpu("A", "1"), {"gpus": [{"name": "A", "driver": "1"}] * 4})["gpu"]
    assert (row.here, row.there) == ("A", "4 x A")


def test_processors_of_one_name_and_other_numbers_are_not_the_same() -> None:
    """Clouds call several generations by one name."""
    cpu = {"vendor": "GenuineIntel", "model": "Intel(R) Xeon(R) CPU", "family": "6"}
    here, there = ({"cpu": {**cpu, "model_number": one}} for one in ("85", "106"))
    assert rows(here, there)["cpu"].differs


def test_what_is_missing_on_either_side_is_neither_the_same_nor_different() -> None:
    for here, there in ((XEON, {}), ({}, XEON), ({}, {})):
        assert not any(row.same or row.differs for row in rows(here, there).values())


WRONG: list[Any] = [None, True, -1, 1.5, [1], [None], [{}], [{"name": 7}], {"x": 1}]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize(
    ("member", "names"),
    [
        ("kernel", "kernel architecture"),
        ("kernel.release", "kernel"),
        ("kernel.architecture", "architecture"),
        ("os", "os"),
        ("libc", "libc"),
        ("cpu", "cpu instructions cores"),
        ("cpu.flags", "instructions"),
        ("cpu.cores", "cores"),
        ("memory_bytes", "memory"),
        ("gpus", "gpu driver"),
        ("mpi", "mpi"),
        ("apptainer", "apptainer"),
    ],
)
def test_members_of_the_wrong_type_are_not_known(member: str, names: str, wrong: Any) -> None:
    outer, _, inner = member.partition(".")
    there = {**XEON, outer: {**XEON[outer], inner: wrong} if inner else wrong}
    found = rows(XEON, there)
    assert {name for name, row in found.items() if row.there is None} == set(names.split())
    assert not any(row.differs for row in found.values())
