"""Reports on real images, with any text in each place that a text from outside can have."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from repro_sign import Engine, ImageReport, TrustPolicy, VerifyRequest, verify_image
from repro_sign.digest import Digest
from repro_sign.escaping import is_hidden
from repro_sign.fingerprint import Fingerprint, PemFingerprint
from repro_sign.provenance.difference import MachineRow
from repro_sign.report import as_json, as_text
from repro_sign.report.page.content import page_of
from repro_sign.report.page.writing import as_html, as_markdown
from repro_sign.times import utc_now
from repro_sign.trust.evidence import SignatureEvidence
from repro_sign.trust.verdict import Reason
from tests.hostile import active, tags, tags_of_markdown
from tests.hostile_world import World, locations_of
from tests.test_escaping_forms import TEXTS

pytest_plugins = ["tests.hostile_plugin"]

OUR_OWN: Mapping[type, tuple[str, ...]] = {
    Reason: ("code",),
    SignatureEvidence: ("kind",),
    MachineRow: ("name",),
}
"""Members that hold words of ours only."""
CHECKED = (Enum, Digest, Fingerprint, PemFingerprint)
"""Values that no text can be put into."""


def filled(value: Any, text: str) -> Any:
    """Return a value in which each text is another."""
    if isinstance(value, CHECKED):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, Path):
        return value.with_name(f"{text.replace('/', '').replace(chr(0), '')}.sif")
    if isinstance(value, list | tuple):
        return type(value)(filled(one, text) for one in value)
    if isinstance(value, Mapping):
        return {key: filled(one, text) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        names = {one.name for one in fields(value)} - set(OUR_OWN.get(type(value), ()))
        return replace(value, **{name: filled(getattr(value, name), text) for name in names})
    return value


@pytest.mark.parametrize("image", ["image", "broken", "withdrawn", "stranger"])
def test_no_text_in_any_place_of_a_report_is_active(world: World, image: str) -> None:
    policy = TrustPolicy({Fingerprint.parse(world.loud): "--signer"})
    where = locations_of(world.account)
    request = VerifyRequest(policy, engine=Engine.NATIVE, where=where)
    report = verify_image(getattr(world, image), request)

    @settings(max_examples=50)
    @given(TEXTS)
    def is_inert(text: str) -> None:
        look_at(report, text)

    is_inert()


def look_at(report: ImageReport, text: str) -> None:
    """Look at the report in each form, with this text in all places."""
    spoilt = filled(report, text)
    word = report.verdict.word.value
    for all_of_it in (False, True):
        first, *lines = as_text.image(spoilt, all_of_it=all_of_it).rstrip("\n").split("\n")
        assert first.startswith(f"{word.upper()}  ")
        assert all(line.startswith("  ") for line in lines)
        assert not any(map(is_hidden, "".join((first, *lines))))
    brief = as_text.brief(spoilt)
    assert brief.startswith(word)
    assert not any(map(is_hidden, brief.removesuffix("\n")))
    written = as_json.to_text(as_json.document([spoilt]))
    assert written.isascii()
    assert json.loads(written)["images"][0]["path"] == str(spoilt.path)
    page = page_of([spoilt, spoilt], utc_now())
    for document, foreign in ((as_html(page), tags), (as_markdown(page), tags_of_markdown)):
        assert foreign(document) == []
        assert active(document) == []
        assert not any(map(is_hidden, document.replace("\n", "")))
