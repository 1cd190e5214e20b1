"""The manifest's bytes: safe to sign with gpg, read back as written, strict where it counts."""

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import HIDDEN_CATEGORIES, is_hidden
from repro_sign.fingerprint import Fingerprint, PemFingerprint
from repro_sign.statements.manifest import ImageRecord, Manifest, ObjectRecord, from_bytes, to_bytes
from repro_sign.statements.statement import (
    MAX_LINE_BYTES,
    SignerRecord,
    Subject,
    check_name,
    embedded_key,
)

SHA256 = Digest("sha256", "1" * 64)
BLAKE3 = Digest("blake3", "2" * 64)
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxjME\n-----END PGP PUBLIC KEY BLOCK-----\n"
PLAIN = Manifest(
    subjects=(Subject("climate.sif", SHA256, BLAKE3), Subject("data/run.csv", SHA256, BLAKE3)),
    image=ImageRecord(
        size=1081344,
        uuid="a1187d3a-b98d-4584-8d47-3906cac6030b",
        arch="amd64",
        identity=SHA256,
        objects=(ObjectRecord(1, 1, "definition file", "", 37, SHA256),),
    ),
    signer=SignerRecord(Fingerprint("A" * 40), "Ada <ada@uni.example>", KEY),
    created=datetime(2026, 11, 23, 21, 4, tzinfo=UTC),
)

HIDDEN: Any = sorted(HIDDEN_CATEGORIES)
TEXTS = st.text(max_size=40)
COUNTS = st.integers(0, (1 << 64) - 1)
SHA256S = st.binary(min_size=32, max_size=32).map(lambda raw: Digest("sha256", raw.hex()))
BLAKE3S = st.binary(min_size=32, max_size=32).map(lambda raw: Digest("blake3", raw.hex()))
NAMES = st.text(
    st.characters(exclude_characters="\\/:.", exclude_categories=HIDDEN),
    min_size=1,
    max_size=20,
).filter(lambda name: not any(map(is_hidden, name)))
MANIFESTS = st.builds(
    Manifest,
    subjects=st.lists(
        st.builds(Subject, NAMES, SHA256S, BLAKE3S),
        min_size=1,
        max_size=3,
        unique_by=lambda one: one.name,
    ).map(tuple),
    image=st.builds(
        ImageRecord,
        size=COUNTS,
        uuid=TEXTS,
        arch=TEXTS,
        identity=SHA256S,
        objects=st.lists(
            st.builds(ObjectRecord, COUNTS, COUNTS, TEXTS, TEXTS, COUNTS, SHA256S), max_size=3
        ).map(tuple),
    ),
    signer=st.builds(
        SignerRecord,
        st.binary(min_size=20, max_size=20).map(Fingerprint.from_bytes)
        | st.binary(min_size=32, max_size=32).map(PemFingerprint),
        st.none() | TEXTS,
        st.lists(st.text("AB+/=- ", max_size=76), min_size=1).map(
            lambda rows: "\n".join(rows) + "\n"
        ),
    ),
    created=st.none()
    | st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
)


@given(MANIFESTS)
def test_a_manifest_reads_back_as_it_was_written(manifest: Manifest) -> None:
    assert from_bytes(to_bytes(manifest)) == manifest


@given(MANIFESTS)
def test_its_bytes_are_what_a_clear_signature_keeps(manifest: Manifest) -> None:
    data = to_bytes(manifest)
    lines = data.decode("utf-8").split("\n")
    assert max(len(line.encode()) for line in lines) <= MAX_LINE_BYTES
    assert all(line == line.rstrip() and not line.startswith("-") for line in lines)
    assert {unicodedata.category(one) for one in "".join(lines)}.isdisjoint(HIDDEN_CATEGORIES)
    assert to_bytes(from_bytes(data)) == data


def members(**changes: Any) -> dict[str, Any]:
    """A manifest's members; `predicate__image__size=1` sets one of them, None removes it."""
    document: dict[str, Any] = json.loads(to_bytes(PLAIN))
    for path, value in changes.items():
        *folders, last = path.split("__")
        place: Any = document
        for name in folders:
            place = place[int(name) if name.isdigit() else name]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return document


def read(document: dict[str, Any]) -> Manifest:
    return from_bytes(json.dumps(document).encode())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("//server/share/file", id="another machine"),
        pytest.param("..", id="the folder above"),
        pytest.param("../climate.sif", id="a file in the folder above"),
        pytest.param("data/../../x", id="out of the folder and elsewhere"),
        pytest.param("data/..", id="back to the folder"),
        pytest.param("data\\run.csv", id="a backslash"),
        pytest.param("..\\x", id="the folder above, on Windows"),
        pytest.param("C:\\x", id="a drive and a backslash"),
        pytest.param("C:/x", id="a drive"),
        pytest.param("c:x", id="a place on a drive"),
        pytest.param("", id="nothing"),
        pytest.param(".", id="the folder itself"),
        pytest.param("./", id="the folder itself, written otherwise"),
        pytest.param("a\nb", id="a line end"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("\x1b[2J", id="a terminal escape"),
        pytest.param("fis.\u202eexe", id="a right-to-left override"),
        pytest.param("climate\u200b.sif", id="a zero-width blank"),
        pytest.param("\ud800", id="a lone surrogate"),
    ],
)
def test_a_subject_is_a_file_in_this_folder_under_a_visible_name(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a file"):
        check_name(name)
    with pytest.raises(MalformedError, match="no name of a file"):
        read(members(subject__1__name=name))


@pytest.mark.parametrize("name", ["Climate.sif", "data/run 1.csv", "...", "..a", "Žofie.sif", "-v"])
def test_usual_names_are_accepted(name: str) -> None:
    assert read(members(subject__1__name=name)).subjects[1].name == name


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        pytest.param(
            members(_type="https://in-toto.io/Statement/v0.1"), "Statement", id="old type"
        ),
        pytest.param(members(_type=None), "Statement", id="no type"),
        pytest.param(members(subject=[]), "subjects", id="no subjects"),
        pytest.param(members(subject={}), "subjects", id="subjects that are no list"),
        pytest.param(members(subject__1__name="climate.sif"), "twice", id="a subject twice"),
        pytest.param(members(subject=[{"name": "x"}] * 10_001), "too long", id="endless subjects"),
        pytest.param(members(subject__0__digest={}), "lacks 'sha256'", id="no digest"),
        pytest.param(members(subject__0__digest__blake3=None), "lacks 'blake3'", id="half of them"),
        pytest.param(members(subject__0__digest__sha256="1" * 63), "hex digits", id="short digest"),
        pytest.param(members(subject__0__digest__sha256=1), "string", id="a digest of a number"),
        pytest.param(members(predicate=None), "lacks 'predicate'", id="no predicate"),
        pytest.param(members(predicate=[]), "object is expected", id="a predicate of another kind"),
        pytest.param(members(predicate__image=None), "lacks 'image'", id="no image"),
        pytest.param(members(predicate__signer=None), "lacks 'signer'", id="no signer"),
        pytest.param(members(predicate__image__size=-1), "whole number", id="a negative size"),
        pytest.param(members(predicate__image__size=True), "whole number", id="a size of true"),
        pytest.param(members(predicate__image__size=1.5), "whole number", id="half a byte"),
        pytest.param(
            members(predicate__image__objects={}), "objects", id="objects of another kind"
        ),
        pytest.param(
            members(predicate__image__identity=str(BLAKE3)), "SHA-256", id="identity by BLAKE3"
        ),
        pytest.param(
            members(predicate__signer__fingerprint="A" * 16), "full fingerprint", id="a key id"
        ),
        pytest.param(members(predicate__signer__public_key=KEY), "list of lines", id="key as text"),
        pytest.param(members(predicate__created="yesterday"), "not valid", id="no time"),
        pytest.param(members(predicate__created=5), "string", id="a time of a number"),
    ],
)
def test_what_could_mislead_is_malformed(document: dict[str, Any], complaint: str) -> None:
    with pytest.raises(MalformedError, match=complaint) as caught:
        read(document)
    assert caught.value.code == "malformed"


@pytest.mark.parametrize("kind", ["urn:repro-sign:notice:v1", "urn:repro-sign:manifest:v2", "", 1])
def test_another_signed_statement_is_no_manifest(kind: Any) -> None:
    with pytest.raises(MalformedError) as caught:
        read({**members(), "predicateType": kind, "predicate": "anything"})
    assert caught.value.code == "other-statement"


@pytest.mark.parametrize(
    "path", ["new", "predicate__new", "predicate__image__new", "subject__0__digest__sha3"]
)
def test_members_of_later_versions_are_passed_over(path: str) -> None:
    assert read(members(**{path: {"anything": [1]}})) == PLAIN


def test_a_member_that_occurs_twice_is_malformed() -> None:
    data = to_bytes(PLAIN).replace(b'"size": 1081344', b'"size": 1081344, "size": 1')
    with pytest.raises(MalformedError, match="occurs twice"):
        from_bytes(data)


def test_a_text_that_gpg_would_cut_is_refused() -> None:
    signer = SignerRecord(PLAIN.signer.fingerprint, "x" * MAX_LINE_BYTES, KEY)
    with pytest.raises(RefusedError, match="longer than 10000 bytes"):
        to_bytes(Manifest(PLAIN.subjects, PLAIN.image, signer, PLAIN.created))


def test_the_public_key_is_found_before_anything_is_checked() -> None:
    assert embedded_key(to_bytes(PLAIN)) == KEY.encode()
    named = members(predicate__signer__public_key=["Comment: Žofie"])
    assert embedded_key(json.dumps(named).encode()) == "Comment: Žofie\n".encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"{}", id="no predicate"),
        pytest.param(json.dumps(members(predicate__signer=None)).encode(), id="no signer"),
        *(
            pytest.param(
                json.dumps(members(predicate__signer__public_key=key)).encode(), id=repr(key)
            )
            for key in (1, False, [1], [["a"]], ["\ud800"])
        ),
    ],
)
def test_junk_in_place_of_a_public_key_is_passed_over(data: bytes) -> None:
    assert embedded_key(data) is None
