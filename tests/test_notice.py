"""Notices as bytes and files: read strictly, told from manifests, matched with their image."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.digest import Digest
from repro_sign.errors import MalformedError
from repro_sign.examining.beside import find_manifests, is_manifest_name
from repro_sign.fingerprint import Fingerprint, PemFingerprint
from repro_sign.image_search import find_images
from repro_sign.statements.manifest import from_bytes as read_manifest
from repro_sign.statements.manifest import to_bytes as write_manifest
from repro_sign.statements.notice import Notice, NoticeKind, Successor, from_bytes, to_bytes
from repro_sign.statements.notice_files import image_of, is_notice_name, notice_name, parse
from repro_sign.statements.statement import SignerRecord, Subject
from tests.account import Account, Signer
from tests.notices import withdraw
from tests.test_manifest import BLAKE3, KEY, MANIFESTS, NAMES, SHA256, SHA256S, TEXTS

ONE, TWO, THREE, FOUR = (Digest("sha256", digit * 64) for digit in "1234")
PLAIN = Notice(
    subject=Subject("climate.sif", SHA256, BLAKE3),
    kind=NoticeKind.SUPERSEDED,
    identity=ONE,
    groups=(TWO,),
    reason=("More years.",),
    successor=Successor("climate-2.sif", THREE, SHA256),
    signer=SignerRecord(Fingerprint("A" * 40), "Ada <ada@uni.example>", KEY),
    created=datetime(2026, 11, 23, 21, 4, tzinfo=UTC),
)
WITHDRAWN: dict[str, Any] = {"predicate__action": "withdrawn", "predicate__successor": None}
SUCCESSORS = st.builds(Successor, NAMES, SHA256S, SHA256S)


@st.composite
def notices(draw: st.DrawFn) -> Notice:
    successor = draw(st.none() | SUCCESSORS)
    lines = st.lists(TEXTS, max_size=4).map(tuple)
    reason = draw(lines if successor else st.just(("Broken.",)))
    return Notice(
        subject=Subject(draw(NAMES), draw(SHA256S), BLAKE3),
        kind=NoticeKind.SUPERSEDED if successor else NoticeKind.WITHDRAWN,
        identity=draw(SHA256S),
        groups=tuple(draw(st.lists(SHA256S, max_size=3))),
        reason=reason,
        successor=successor,
        signer=PLAIN.signer,
        created=PLAIN.created,
    )


@given(notices())
def test_a_notice_reads_back_as_it_was_written(notice: Notice) -> None:
    data = to_bytes(notice)
    assert from_bytes(data) == notice
    assert all(line == line.rstrip() for line in data.split(b"\n"))


def changed(**changes: Any) -> bytes:
    """A notice's bytes; `predicate__action="x"` sets a member, None removes it."""
    document: dict[str, Any] = json.loads(to_bytes(PLAIN))
    for path, value in changes.items():
        *folders, last = path.split("__")
        place: Any = document
        for name in folders:
            place = place[name]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"predicate__action": "corrected"}, id="an unknown action"),
        pytest.param({"predicate__action": None}, id="no action"),
        pytest.param({"predicate__action": "withdrawn"}, id="withdrawn, with a successor"),
        pytest.param({"predicate__successor": None}, id="superseded by nothing"),
        pytest.param({"predicate__successor": "climate-2.sif"}, id="superseded by a name alone"),
        pytest.param(
            {
                "predicate__action": "withdrawn",
                "predicate__successor": None,
                "predicate__reason": [],
            },
            id="withdrawn for no reason",
        ),
        pytest.param(
            {
                "predicate__action": "withdrawn",
                "predicate__successor": None,
                "predicate__reason": [" "],
            },
            id="withdrawn for a blank",
        ),
        pytest.param({"predicate__reason": "text"}, id="a reason that is no list"),
        pytest.param({"predicate__reason": ["x"] * 101}, id="too many lines"),
        pytest.param({"predicate__identity": f"sha512:{'1' * 128}"}, id="a strange identity"),
        pytest.param({"predicate__identity": None}, id="no identity"),
        pytest.param({"predicate__groups": None}, id="no groups"),
        pytest.param({"predicate__groups": ["x"]}, id="a group that is no digest"),
        pytest.param({"predicate__groups": [str(ONE)] * 4097}, id="too many groups"),
        pytest.param({"predicate__created": None}, id="no time"),
        pytest.param({"predicate__signer": None}, id="no signer"),
        pytest.param({"subject": json.loads(to_bytes(PLAIN))["subject"] * 2}, id="two subjects"),
        pytest.param({"predicateType": "urn:repro-sign:notice:v2"}, id="another version"),
    ],
)
def test_what_is_no_notice_is_refused(changes: dict[str, Any]) -> None:
    assert from_bytes(changed(predicate__unknown=1)) == PLAIN
    with pytest.raises(MalformedError):
        from_bytes(changed(**changes))


@pytest.mark.parametrize("name", ["../x.sif", "/x.sif", "x\u202e.sif", "C:x.sif", "a\\b.sif"])
def test_a_successor_is_a_file_in_a_folder(name: str) -> None:
    with pytest.raises(MalformedError):
        from_bytes(to_bytes(PLAIN).replace(b"climate-2.sif", json.dumps(name)[1:-1].encode()))


@given(MANIFESTS, notices())
def test_no_manifest_is_a_notice_and_no_notice_a_manifest(manifest: Any, notice: Notice) -> None:
    with pytest.raises(MalformedError) as caught:
        from_bytes(write_manifest(manifest))
    assert caught.value.code == "other-statement"
    with pytest.raises(MalformedError) as caught:
        read_manifest(to_bytes(notice))
    assert caught.value.code == "other-statement"


@pytest.mark.parametrize(
    ("identity", "groups", "about"),
    [
        pytest.param(ONE, (), True, id="its identity"),
        pytest.param(FOUR, (FOUR, TWO), True, id="a group of it among others"),
        pytest.param(FOUR, (FOUR,), False, id="another image"),
        pytest.param(THREE, (TWO,), False, id="the successor, which shares a group"),
    ],
)
def test_a_notice_is_about_images_that_share_a_group(
    identity: Digest, groups: tuple[Digest, ...], *, about: bool
) -> None:
    assert PLAIN.is_about(identity, groups) is about


@pytest.mark.parametrize("kind", list(NoticeKind))
@pytest.mark.parametrize("signer", [Fingerprint("A" * 40), PemFingerprint(b"\xab" * 32)])
@pytest.mark.parametrize("ending", [".asc", ".sigstore.json"])
@pytest.mark.parametrize("image", ["climate.sif", "a b.sif", ".sif", "climate.sif.bak"])
def test_names_tell_notices_from_manifests(
    tmp_path: Path, kind: NoticeKind, signer: Fingerprint, ending: str, image: str
) -> None:
    name = notice_name(image, kind, signer, ending)
    assert is_notice_name(name)
    assert image_of(name) == image
    assert not is_manifest_name(Path(name))
    (tmp_path / image).write_bytes(b"")
    (tmp_path / name).write_bytes(b"")
    assert find_manifests(tmp_path / image) == ()
    assert list(find_images(tmp_path / name)) == [tmp_path / image]
    for other in (f"{image}.manifest.asc", f"{image}.{signer.key_id}.sigstore.json", image):
        assert not is_notice_name(other)


@pytest.fixture
def pieces(ada: Signer, image: Path, account: Account) -> list[bytes]:
    """Give a real notice of each form: by an OpenPGP key, by a PEM key."""
    ada.sign(image)
    made = account.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json
    pem = Signer(account, made["fingerprint"], Path(made["public_key"]), "")
    pem.sign(image)
    return [withdraw(one, image).read_bytes() for one in (ada, pem)]


@pytest.mark.parametrize("between", [b"", b"\n\n", b"# a remark { -----BEGIN\n", b"#\r\n \t\r\n"])
def test_a_file_of_several_is_split_where_each_ends(pieces: list[bytes], between: bytes) -> None:
    block, bundle = pieces
    data = between.join([b"", block, bundle, block, bundle.rstrip(), b"\n" + block, b""])
    found = parse("all.txt", data)
    wanted = [block, bundle, block, bundle, block]
    assert [one.data.strip() for one in found] == [one.strip() for one in wanted]
    assert [one.name for one in found] == [f"all.txt ({number})" for number in range(1, 6)]
    assert {one.notice.reason for one in found} == {found[0].notice.reason}


def test_whatever_is_cut_out_of_a_file_of_several_none_is_taken_for_another(
    pieces: list[bytes],
) -> None:
    data = b"".join(pieces * 2)
    for start in range(0, len(data), 97):
        for length in (1, 400):
            try:
                found = parse("all.txt", data[:start] + data[start + length :])
            except MalformedError:
                continue
            assert all(one.file.signed and one.notice.groups for one in found)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b" \r\n\t", id="blanks"),
        pytest.param(b"\xef\xbb\xbf# remark\n", id="a byte order mark"),
        pytest.param(b"{}", id="an empty object"),
        pytest.param(b"{" * 1_000_000, id="nesting"),
        pytest.param(b'{"a":"' + b"\\" * 1_000_000, id="a string without end"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"-----BEGIN PGP SIGNED MESSAGE-----\n" * 100_000, id="begins without end"),
        pytest.param(b"-----END PGP SIGNATURE-----\n", id="an end"),
        pytest.param(b"# remark\nDear reader\n", id="a letter"),
    ],
)
def test_a_file_with_anything_else_in_it_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse("all.txt", data)


def test_a_remark_alone_is_no_notice_and_no_mistake() -> None:
    assert parse("all.txt", b"# none so far\n") == ()
