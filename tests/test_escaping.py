"""Hostile text on a terminal: one line, nothing hidden, and never mistaken for other text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.escaping import HIDDEN_CATEGORIES, MAX_SHOWN_CHARACTERS, printable

TEXTS = st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp"]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("Ada Author <ada@uni.example>", "Ada Author <ada@uni.example>", id="plain"),
        pytest.param("Žofie Nováková 小林", "Žofie Nováková 小林", id="plain, other languages"),
        pytest.param("", "", id="nothing"),
        pytest.param("\x1b[2Jgone", r"\x1b[2Jgone", id="an escape that clears the screen"),
        pytest.param("\x9b2J", r"\x9b2J", id="the same in one octet"),
        pytest.param("a\nVERIFIED", r"a\x0aVERIFIED", id="a line end"),
        pytest.param("a\rVERIFIED", r"a\x0dVERIFIED", id="a carriage return"),
        pytest.param("a\x85b", r"a\x85b", id="the other line end"),
        pytest.param("a\u2028b\u2029c", r"a\u2028b\u2029c", id="line and paragraph separators"),
        pytest.param("a\tb\x08c\x7fd", r"a\x09b\x08c\x7fd", id="tab, backspace, delete"),
        pytest.param("a\0b", r"a\x00b", id="NUL"),
        pytest.param("fis.\u202eexe", r"fis.\u202eexe", id="a right-to-left override"),
        pytest.param("a\u2066b\u2069c", r"a\u2066b\u2069c", id="bidirectional isolates"),
        pytest.param("a\u200bd\u200da\ufeff", r"a\u200bd\u200da\ufeff", id="zero-width characters"),
        pytest.param("soft\u00adhyphen", r"soft\xadhyphen", id="a soft hyphen"),
        pytest.param("\ud800\udcff", r"\ud800\udcff", id="lone surrogates"),
        pytest.param("\ue000\U000f0000", r"\ue000\U000f0000", id="private use"),
        pytest.param("\U000e0041", r"\U000e0041", id="a tag character"),
        pytest.param("\u0378", r"\u0378", id="unassigned"),
        pytest.param(r"C:\x1b", r"C:\\x1b", id="a backslash"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(TEXTS)
def test_nothing_hidden_is_left(text: str) -> None:
    shown = printable(text)
    assert {unicodedata.category(one) for one in shown}.isdisjoint(HIDDEN_CATEGORIES)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


@given(TEXTS, TEXTS)
def test_two_texts_never_look_the_same(one: str, other: str) -> None:
    assert (printable(one) == printable(other)) == (one == other)


@given(TEXTS)
def test_a_text_that_imitates_an_escaped_one_looks_different(text: str) -> None:
    shown = printable(text)
    assert shown == text or printable(shown) != shown


@given(st.text(min_size=1, max_size=30), st.integers(0, 30))
def test_long_texts_are_cut_and_the_cut_is_shown(text: str, limit: int) -> None:
    shown = printable(text, limit=limit)
    if len(text) > limit:
        assert shown == printable(text[:limit]) + "…"
    else:
        assert shown == printable(text)


@pytest.mark.parametrize("character", ["a", "\x1b", "\\", "\U000f0000"])
def test_the_longest_text_that_is_shown_is_bounded(character: str) -> None:
    shown = printable(character * 1_000_000)
    assert shown == printable(character) * MAX_SHOWN_CHARACTERS + "…"


@pytest.mark.parametrize(
    "letter", "\u3164\u115f\u1160\uffa0\u034f\ufe0f\U000e0100\u180b\u17b4", ids=ascii
)
def test_letters_that_show_nothing_are_written_out(letter: str) -> None:
    assert ascii(letter)[1:-1] in printable(f"Ada{letter}Author")
