"""Dataclasses that are quickly made behave as the standard library's do."""

import copy
import dataclasses
import pickle
from dataclasses import field, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Quick:
    """One of ours."""

    name: str
    numbers: tuple[int, ...] = ()
    note: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)
    more: dict[str, int] = field(default_factory=dict, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Usual:
    """The same, by the standard library."""

    name: str
    numbers: tuple[int, ...] = ()
    note: str = field(default="", compare=False)
    secret: str = field(default="", repr=False)
    more: dict[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Empty:
    pass


@dataclass(frozen=True, slots=True)
class Own:  # noqa: PLW1641 - its hash is made
    """Has methods of its own, and a value that is worked out."""

    number: int
    double: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "double", 2 * self.number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own)

    def __repr__(self) -> str:
        return "own"


values = st.tuples(st.text(max_size=2), st.tuples(st.integers(0, 2)), st.text(max_size=1))


@given(values, values)
def test_they_are_equal_hashed_and_shown_as_the_librarys_are(
    one: tuple[Any, ...], other: tuple[Any, ...]
) -> None:
    quick, usual = (Quick(*one), Quick(*other)), (Usual(*one), Usual(*other))
    assert (quick[0] == quick[1]) is (usual[0] == usual[1])
    assert len(set(quick)) == len(set(usual))
    assert repr(quick[0]) == repr(usual[0]).replace("Usual", "Quick")
    assert quick[0] != usual[0]  # type: ignore[comparison-overlap]


def test_they_are_the_librarys_to_its_own_functions() -> None:
    one = Quick("a", (1,), secret="s", more={"x": 1})
    assert [each.name for each in fields(one)] == [each.name for each in fields(Usual)]
    assert replace(one, name="b") == Quick("b", (1,), secret="s")
    assert dataclasses.asdict(one)["more"] == {"x": 1}
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
    match one:
        case Quick("a", (1,)):
            pass
        case _:
            pytest.fail("it does not match")


@pytest.mark.parametrize("name", ["name", "note", "more"])
def test_nothing_of_them_can_be_changed(name: str) -> None:
    one = Quick("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, name, "b")
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(one, name)
    with pytest.raises(AttributeError):
        one.other = 1  # type: ignore[attr-defined]
    assert one == Quick("a")


def test_what_a_class_has_of_its_own_stays() -> None:
    assert (Own(1) == Own(2), repr(Own(1)), Own(3).double) == (True, "own", 6)
    assert hash(Own(1)) == hash(Own(1))
    assert (Empty() == Empty(), repr(Empty()), len({Empty(), Empty()})) == (True, "Empty()", 1)


def test_the_standard_library_makes_what_asks_for_more() -> None:
    @dataclass(frozen=True, order=True, slots=True)
    class Ordered:
        number: int

    assert min(Ordered(2), Ordered(1)) == Ordered(1)
