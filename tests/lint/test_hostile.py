"""Whatever a recipe holds, there are findings or an error of ours, and soon."""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repro_sign import ReproSignError
from repro_sign.escaping import is_hidden
from repro_sign.lint.rules import RULES
from repro_sign.lint.shell import split
from tests.lint.reading import all_recipes, linted

NAMES: Final = (
    *("a.def", "Dockerfile", "requirements.txt", "environment.yml", "pyproject.toml", "explicit"),
    *("a.sif", "anything"),
)
PIECES: Final = (
    *("Bootstrap: docker\n", "From: ", "%post\n", "%runscript\n", "%labels\n", "%environment\n"),
    *("FROM ", "RUN ", "ENV ", "ARG V=1\n", "COPY --from=", "CMD [", "ENTRYPOINT ", "LABEL "),
    *("ADD http://a/b c\n", "pip install ", "apt-get install ", "git clone https://a/b ", "curl "),
    *("| sh", "R -e '", "julia -e ", "install.packages(", "Pkg.add(", "dependencies:\n", "  - "),
    *("pip:", "==", ">=", "@", "--hash=sha256:0", "\\\n", "\n", "<<EOF\n", "EOF\n", "$(", "`", '"'),
    *("'", "${V:-", "{{ V }}", "%arguments\nV=2\n", "#", "&&", "# repro-sign: ignore=", "sh -c "),
    *("base-latest", "eval ", "[", "{", "\x1b[31m", "\u202e", "é", "\t", " ", "@EXPLICIT\n", "*a "),
    *("[project]\ndependencies = [", "sha256sum -c", "--seed ", "export SEED=", "&a "),
)
texts: Final = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40).map("".join)
anything: Final = texts.map(lambda text: text.encode("utf-8", "replace")) | st.binary(max_size=300)


def check(path: Path) -> None:
    """Lint a file, and look at what comes of it."""
    found = linted(path)
    if isinstance(found, ReproSignError):
        assert str(found).isprintable()
        return
    data = path.read_bytes()
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for one in found:
        assert one.level is RULES[one.code].level
        assert 1 <= one.line <= lines
        assert one.message == one.message.strip()
        assert not any(map(is_hidden, one.message))


@given(name=st.sampled_from(NAMES), data=anything)
@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_findings_or_our_own_error(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    check(path)


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_real_recipes_with_pieces_changed(data: st.DataObject, tmp_path: Path) -> None:
    source = data.draw(st.sampled_from(list(all_recipes())))
    text = source.read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 30))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[start + length :]
    path = tmp_path / source.name
    path.write_text(text, encoding="utf-8")
    check(path)


def test_a_word_that_is_empty_is_shown_as_such(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM debian:12.5\nENTRYPOINT [""]\n')
    found = linted(tmp_path / "Dockerfile")
    assert not isinstance(found, ReproSignError)
    assert '"" is given no arguments' in {one.message for one in found}


@given(text=texts)
def test_splitting_loses_no_line_and_invents_none(text: str) -> None:
    for one in split(text, 10):
        assert 10 <= one.line <= 10 + text.count("\n")


GROWING: Final = {
    "a.def": (
        *("$(", '"$(', "`", "a \\\n", "<<A ", "eval ", "sh -c '", "%x\n", "Bootstrap: docker\n"),
        *("pip install x\n", "snapshot.debian.org/", "seed", "x-1.1-", "{{a}}"),
        "echo a | sha256sum -c\ncurl -o a u\n",
    ),
    "Dockerfile": (
        *("FROM a AS b\n", "RUN a \\\n", "RUN <<EOF\n", "ENV A=${A:-", "ENV a=1 \\\n b=2 \\\n"),
        "\\\n",
    ),
    "requirements.txt": ("x\n", "x[", "--hash=sha256:a "),
    "environment.yml": ("- x\n", "[", "&a [*a,"),
    "pyproject.toml": ("a.", "a=[", "[[a]]\n"),
}
SIZES: Final = {"a.def": 256 << 10, "requirements.txt": 1 << 20, "pyproject.toml": 64 << 10}
BEGINNINGS: Final = {
    "a.def": "Bootstrap: docker\nFrom: a\n%post\n",
    "Dockerfile": "FROM a\n",
    "environment.yml": "dependencies:\n",
}


@pytest.mark.parametrize(
    ("name", "piece"), [(name, piece) for name, pieces in GROWING.items() for piece in pieces]
)
def test_a_file_of_the_greatest_size_comes_to_its_end(
    name: str, piece: str, tmp_path: Path
) -> None:
    """Work that grows faster than the file would not end here."""
    size = SIZES.get(name, 128 << 10)
    path = tmp_path / name
    path.write_text((BEGINNINGS.get(name, "") + piece * (size // len(piece)))[:size])
    check(path)
