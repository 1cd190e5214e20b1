"""Any text in any form of output: nothing of it acts there, and a reader of that form gets it."""

import html
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.citing.cited import Cited, Particulars
from repro_sign.citing.forms import FORMS, cite
from repro_sign.digest import Digest
from repro_sign.escaping import is_hidden, printable, visible
from repro_sign.fingerprint import Fingerprint
from repro_sign.provenance.made_from import MadeFromRecipe, MadeFromSource, Tag
from repro_sign.publishing.markup import latex, markdown, plain, yaml
from repro_sign.report import as_json
from repro_sign.report.columns import fold
from repro_sign.report.page.by_hand import Step
from repro_sign.report.page.content import (
    ImagePart,
    MachineLine,
    MachineTable,
    Named,
    Page,
    SignerRow,
    Telling,
)
from repro_sign.report.page.writing import as_html, as_markdown
from repro_sign.statements.statement import write
from tests.hostile import MARKDOWN, active, tags, tags_of_markdown

PIECES = st.sampled_from(
    [
        *(
            "<img src=x onerror=a>",
            "</title></td></pre>",
            "<!--",
            "-->",
            "]]>",
            "&lt;",
            "{{ 7 * 7 }}",
        ),
        *("\n", "\r", "\t", "\x1b[2J", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028"),
        *("VERIFIED  forged.sif", "`", "``", "|", "[a](b)", "![a](b)", "www.a.example", "<a@b.c>"),
        *("https://a.example", "# ", "- ", "1. ", "    ", "* ", "\\", '"', "'", "{", "}", "$", "%"),
        *("\\input{a}", "--", "~", "^^41", ": ", "- a", "&a", "*a", "!a", "@", "#", "\ud800", "é"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=8).map("".join) | st.text()


def words(text: str) -> str:
    """Return a text as a reader sees it: blanks run together."""
    return " ".join(text.split())


@given(TEXTS)
def test_a_sentence_that_is_made_visible_keeps_what_was_escaped(text: str) -> None:
    assert not any(map(is_hidden, visible(text)))
    assert visible(printable(text)) == printable(text)
    assert visible(visible(text)) == visible(text)


@given(TEXTS, st.integers(10, 80))
def test_a_text_in_columns_loses_nothing_but_blanks(text: str, width: int) -> None:
    lines = fold(printable(text), width)
    assert lines
    assert not any(map(is_hidden, "".join(lines)))
    assert words(" ".join(lines)).replace(" ", "") == words(printable(text)).replace(" ", "")


@given(TEXTS)
def test_a_text_in_markdown_is_a_text(text: str) -> None:
    for document in (
        f"by {markdown(text)} and",
        f"# Of {markdown(text)} and",
        f"| a | b |\n|---|---|\n| by {markdown(text)} and | c |",
    ):
        assert tags_of_markdown(document) == []
        shown = html.unescape(
            re.sub(r"</?(?:p|h1|table|thead|tbody|tr|t[dh])>", " ", rendered(document))
        )
        assert words(f"by {plain(text)} and")[2:] in words(shown)
    assert not re.search(r"(?i)www\.|https?:", markdown(text))


def rendered(document: str) -> str:
    return str(MARKDOWN.render(document))


@given(TEXTS)
def test_a_text_in_latex_is_a_text(text: str) -> None:
    bare = re.sub(r"\\(?:text[a-z]+\{\}|char34|[{}$&#%_])", "", latex(text))
    assert not set('\\$&#%_^~<>|"') & set(bare)
    assert set(re.findall(r"\{[^}]*\}?|\}", bare)) <= {"{}"}
    assert not any(map(is_hidden, latex(text)))
    assert "--" not in latex(text)


@given(TEXTS)
def test_a_text_in_yaml_is_the_text_as_it_is_shown(text: str) -> None:
    assert pyyaml.safe_load(f"a: {yaml(text)}") == {"a": plain(text)}
    assert not any(map(is_hidden, yaml(text)))


@given(TEXTS)
def test_a_text_in_json_is_the_text(text: str) -> None:
    for written in (as_json.to_text({"a": text, text: 1}), as_json.to_line({"a": text, text: 1})):
        assert written.isascii()
        assert active(written) == []
        assert json.loads(written)[text if text != "a" else "a"] in (1, text)
        assert json.loads(written).get("a") in (1, text)


@given(TEXTS)
def test_a_text_in_a_statement_is_the_text(text: str) -> None:
    data = write((), "urn:example:a", {"a": text}).decode("utf-8")
    assert active(data) == []
    assert not any(map(is_hidden, data.replace("\n", "")))
    assert json.loads(data)["predicate"]["a"] == text


def page_about(text: str) -> Page:
    """Return a page all of whose texts from outside are this one, as they are put into it."""
    shown = printable(text)
    named = (Named(shown, (shown, shown)),)
    return Page(
        checked="2026-01-01",
        version="1",
        summary="",
        images=(
            ImagePart(
                path=shown,
                word="verified",
                headline="Intact.",
                warnings=named,
                reasons=(shown,),
                advice=(shown,),
                signers=(SignerRow(shown, shown, shown, shown, shown, shown),),
                coverage=named,
                notes=(shown,),
                digests=named,
                made_from=(Telling(shown, named),),
                machines=(MachineTable(shown, (MachineLine(*[shown] * 5),)),),
                steps=(Step(shown, (shown,), shown),),
            ),
        ),
    )


@given(TEXTS)
def test_a_text_in_a_page_is_a_text(text: str) -> None:
    page = page_about(text)
    written = as_html(page)
    assert tags(written) == []
    assert active(written) == []
    assert written.count("<title>") == written.count("</title>") == 1
    assert html.unescape(written).count(printable(text)) >= 20
    written = as_markdown(page)
    assert tags_of_markdown(written) == []
    assert active(written) == []


@pytest.mark.parametrize("form", FORMS)
@given(TEXTS)
def test_a_text_that_is_cited_is_a_text(form: str, text: str) -> None:
    source = MadeFromSource(text, "0" * 40, None, Tag(text, None, None), True, (), None, None)
    cited = Cited(
        name=text or "a",
        size=1,
        sha256=Digest("sha256", "0" * 64),
        identity=Digest("sha256", "1" * 64),
        signers=((Fingerprint.parse("A" * 40), text),),
        signed=datetime(2026, 1, 1, tzinfo=UTC),
        source=source,
        recipe=MadeFromRecipe(text, text, text, text, text, text),
    )
    more = Particulars(title=text, authors=(text, text))
    for particulars in (more, replace(more, title=None, authors=())):
        written = cite(cited, form, particulars)
        assert active(written) == []
        assert not any(map(is_hidden, written.replace("\n", "")))
        understood(form, written)


def understood(form: str, written: str) -> None:
    """Read a citation as those do whom it is for."""
    if form == "zenodo":
        assert tags(json.loads(written)["description"]) == []
    elif form == "ro-crate":
        assert json.loads(written)["@graph"]
    elif form == "cff":
        assert pyyaml.safe_load(written)["cff-version"] == "1.2.0"
    elif form == "badge":
        first, *_ = written.splitlines()
        assert tags_of_markdown(first) == []
    elif form == "bibtex":
        assert written.count("\n") >= 5
        assert written.count("{") - written.count("\\{") == written.count("}") - written.count(
            "\\}"
        )
    elif form in ("text", "latex"):
        assert written.count("\n") == 1
    else:
        assert written.count("\n") == 18
