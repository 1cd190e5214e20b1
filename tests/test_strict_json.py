"""JSON from outside: one valid object, or our error, and never anything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.errors import MalformedError
from repro_sign.strict_json import MAX_DEPTH, parse_object

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int) -> bytes:
    """An object, itself one level, with this many levels in all."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@given(st.dictionaries(st.text(), VALUES), st.booleans())
def test_every_json_object_is_read_as_it_was_written(
    members: dict[str, object], ascii_only: bool
) -> None:
    text = json.dumps(members, ensure_ascii=ascii_only)
    assert parse_object(text.encode("utf-8", "surrogatepass"), "it") == members


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        pytest.param(b'{"a":1,"a":1}', "a key occurs twice", id="a key occurs twice"),
        pytest.param(b'{"b":{"a":1,"a":2}}', "a key occurs twice", id="a key twice, further in"),
        pytest.param(b'{"a":1,"\\u0061":2}', "a key occurs twice", id="a key twice, once escaped"),
        pytest.param(b'{"a":NaN}', "NaN", id="not a number"),
        pytest.param(b'{"a":-Infinity}', "-Infinity", id="infinity by name"),
        pytest.param(b'{"a":1e999}', "too large", id="infinity by its size"),
        pytest.param(b'{"a":[-1e999]}', "too large", id="negative infinity by its size"),
        pytest.param(b'{"a":' + b"7" * 5000 + b"}", "too large", id="five thousand digits"),
        pytest.param(b'{"a":"\xff"}', "UTF-8", id="not UTF-8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', "UTF-8", id="a surrogate in UTF-8"),
        pytest.param('{"a":1}'.encode("utf-16"), "UTF-8", id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', "BOM", id="a byte order mark"),
        pytest.param(b'{"a":1} x', "valid JSON", id="something after it"),
        pytest.param(b'{"a":1}{"a":1}', "valid JSON", id="two objects"),
        pytest.param(b"{'a':1}", "valid JSON", id="other quotes"),
        pytest.param(b'{"a":"\n"}', "valid JSON", id="a line end within a string"),
        pytest.param(b"", "valid JSON", id="nothing"),
        pytest.param(b"[1]", "not a JSON object", id="a list"),
        pytest.param(b'"text"', "not a JSON object", id="a string"),
        pytest.param(b"null", "not a JSON object", id="null"),
        pytest.param(nested(MAX_DEPTH + 1), "too deeply", id="one level too deep"),
        pytest.param(b"[" * 1_000_000, "too deeply", id="a million brackets"),
        pytest.param(b'{"a":' * 1_000_000, "too deeply", id="a million objects"),
        pytest.param(
            b'{"a":"' + b"]" * 200_000 + b'","b":' + b"[" * 200_000,
            "too deeply",
            id="depth hidden behind brackets in a string",
        ),
        pytest.param(
            b'{"a":"\\"' + b"]" * 200_000 + b'","b":' + b"[" * 200_000,
            "too deeply",
            id="depth hidden behind an escaped quote",
        ),
    ],
)
def test_what_is_not_one_strict_object_is_malformed(data: bytes, complaint: str) -> None:
    with pytest.raises(MalformedError, match=complaint) as caught:
        parse_object(data, "the thing")
    assert str(caught.value).startswith("the thing is ")
    assert caught.value.code == "malformed"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(nested(MAX_DEPTH), id="the deepest that is accepted"),
        pytest.param(b'{"a":"' + b"[{" * 500 + b'"}', id="many brackets in a string"),
        pytest.param(b'{"a":"\\\\","b":"' + b"[" * 500 + b'"}', id="after an escaped backslash"),
        pytest.param(b'{"' + b"{" * 500 + b'":1}', id="many brackets in a key"),
        pytest.param(b'{"a":[' + b",".join([b"[]"] * 500) + b"]}", id="wide but not deep"),
        pytest.param(b'{"a":123456789012345678901234567890}', id="more than 64 bits"),
        pytest.param(b'  {"a":1}\n', id="blanks around it"),
    ],
)
def test_unusual_but_valid_objects_are_accepted(data: bytes) -> None:
    assert parse_object(data, "it") == json.loads(data)


def test_a_lone_surrogate_in_an_escape_is_kept_for_the_reader_to_refuse() -> None:
    assert parse_object(b'{"a":"\\ud800"}', "it") == {"a": "\ud800"}


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\0eE+-.1 ua', max_size=60))
def test_any_bytes_give_an_object_or_our_error(data: bytes | str) -> None:
    raw = data if isinstance(data, bytes) else data.encode()
    try:
        value = parse_object(raw, "it")
    except MalformedError:
        return
    assert value == json.loads(raw)
