"""TOML is bounded by what it costs the parser: dots in strings and comments are text."""

import tomllib

import pytest

from repro_sign.strict_toml import TooLargeError, parse

LONG_KEY = "k" + ".k" * 150
DOTS = "and so on " + "." * 500


@pytest.mark.parametrize(
    "text",
    [
        f'note = "{DOTS}"',
        f"note = '{DOTS}' # {DOTS}",
        f'note = """{DOTS}\n{DOTS}\\" " ""{DOTS}"""',
        f"note = '''{DOTS}\n{DOTS} ' ''{DOTS}'''''",
        f'[people."{DOTS}"]\nname = "Ada"',
    ],
)
def test_dots_in_texts_are_no_burden(text: str) -> None:
    assert parse(text.encode()) == tomllib.loads(text)


@pytest.mark.parametrize(
    "before",
    [
        "",
        "x = { ",
        'x = "\\"" \n',
        "x = '\\' \n",
        'x = "\\\\"\n',
        '# "\n',
        'x = { s = """a"b""", ',
        'x = { s = """a"""", ',
        'x = { s = """a\\""b"""", ',
        "x = { s = '''a'b''''', ",
        'x = """\\\\"""\n',
        'x = """\n\\""" "\n"""\n',
        "x = ''''''\n",
        'x = ""\n',
    ],
)
@pytest.mark.parametrize("after", ["", ', y = "z" }', ", y = 'z' }", '\ny = """z"""', "\n# '\""])
def test_a_long_key_is_found_behind_and_before_any_text(before: str, after: str) -> None:
    with pytest.raises(TooLargeError, match="more than 100 dots in a line"):
        parse(f"{before}{LONG_KEY} = 1{after}".encode())
