"""The signed metadata document: what upstream signs, read strictly, and compared by name."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.digest import SIF_ALGORITHMS, Digest
from repro_sign.errors import MalformedError
from repro_sign.hashing import Range, digest_file
from repro_sign.openpgp import clearsign
from repro_sign.sif import metadata
from repro_sign.sif.metadata import build_document, compare, identity, parse_document
from repro_sign.sif.reader import Descriptor, Header, OpenImage, open_image
from tests.account import Signer

SHA256 = f"sha256:{'a' * 64}"
OBJECT = {"relativeId": 0, "descriptorDigest": SHA256, "objectDigest": SHA256}
DOCUMENT = {"version": 1, "header": {"digest": SHA256}, "objects": [OBJECT]}
JSON_VALUES = st.recursive(
    st.sampled_from([1, SHA256, DOCUMENT["header"], DOCUMENT["objects"]])
    | st.integers()
    | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(OBJECT)), inner),
    max_leaves=5,
)


def object_digests(image: OpenImage, algorithm: str = "sha256") -> metadata.ObjectDigests:
    ranges = [Range((one.id, algorithm), one.offset, one.size) for one in image.objects]
    return digest_file(image.fd, image.path, image.size, ranges=ranges).ranges


@pytest.fixture
def opened(base_image: Path) -> Iterator[OpenImage]:
    with open_image(base_image) as image:
        yield image


def test_the_document_is_the_one_that_apptainer_signs(ada: Signer, image: Path) -> None:
    ada.sign(image)
    with open_image(image) as signed:
        (signature,) = signed.signatures
        block = clearsign.parse(signed.object_data(signature))
        built = build_document(signed.header, signed.groups[1], object_digests(signed))
        assert block.text == built


def test_the_identity_of_the_design_example() -> None:
    text = metadata.IDENTITY_PREFIX + b'{"version":1}' + b"\n"
    said = "b303c92fdedfb99e579e23215b4f65e32334d38f7a821f9896894b285ae416e9"
    assert hashlib.sha256(text).hexdigest() == said


def test_the_identity_is_over_the_documents_of_all_groups_in_order(
    image: Path, opened: OpenImage
) -> None:
    first, second, third = opened.objects
    data = bytearray(image.read_bytes())
    for one, group in ((first, 9), (second, 2), (third, 9)):
        start = 4096 + one.slot * 585 + 9
        data[start : start + 4] = (0xF0000000 | group).to_bytes(4, "little")
    image.write_bytes(data)
    with open_image(image) as two_groups:
        digests = object_digests(two_groups)
        documents = [
            build_document(two_groups.header, two_groups.groups[group], digests) for group in (2, 9)
        ]
        text = metadata.IDENTITY_PREFIX + b"".join(one + b"\n" for one in documents)
        assert identity(two_groups, digests).hex == hashlib.sha256(text).hexdigest()
        assert identity(two_groups, digests) != identity(opened, object_digests(opened))


def test_the_identity_survives_signatures_and_a_copy_but_no_changed_bit(
    author: Signer, image: Path, opened: OpenImage
) -> None:
    before = identity(opened, object_digests(opened))
    author.sign(image)
    with open_image(image) as signed:
        assert len(signed.signatures) == 1
        assert identity(signed, object_digests(signed)) == before
        row = 4096 + signed.signatures[0].slot * 585
    with image.open("r+b") as file:
        os.pwrite(file.fileno(), b"\x01\0\0\xf0", row + 9)  # a member, as old tools wrote it
    with open_image(image) as old_form:
        assert len(old_form.groups[1]) == 4
        assert identity(old_form, object_digests(old_form)) == before
    with image.open("r+b") as file:
        os.pwrite(file.fileno(), b"\xff", 600_000)
    with open_image(image) as changed:
        assert identity(changed, object_digests(changed)) != before


def changed(path: str, value: object) -> dict[str, Any]:
    """The document with one member set (`header.digest`); None removes it."""
    document: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    *folders, last = path.split(".")
    place: Any = document
    for name in folders:
        place = place[int(name) if name.isdigit() else name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


@pytest.mark.parametrize(
    ("document", "code"),
    [
        pytest.param(changed("version", 2), "malformed", id="version 2"),
        pytest.param(changed("version", True), "malformed", id="version true"),
        pytest.param(changed("version", "1"), "malformed", id="version as text"),
        pytest.param(changed("version", None), "malformed", id="no version"),
        pytest.param(changed("extra", 1), "malformed", id="an unknown member"),
        pytest.param(changed("header", None), "malformed", id="no header"),
        pytest.param(changed("header", SHA256), "malformed", id="a header that is text"),
        pytest.param(changed("header.arch", "02"), "malformed", id="an unknown member of header"),
        pytest.param(changed("header.digest", 1), "malformed", id="a digest that is a number"),
        pytest.param(changed("header.digest", "a" * 64), "weak-digest", id="no algorithm"),
        pytest.param(changed("header.digest", SHA256[:-2]), "weak-digest", id="a short digest"),
        pytest.param(changed("header.digest", f"sha1:{'a' * 40}"), "weak-digest", id="SHA-1"),
        pytest.param(changed("header.digest", f"blake3:{'a' * 64}"), "weak-digest", id="BLAKE3"),
        pytest.param(
            changed("header.digest", f"sha256:{'A' * 64}"), "weak-digest", id="upper case"
        ),
        pytest.param(changed("objects", []), "malformed", id="no objects"),
        pytest.param(changed("objects", {"0": OBJECT}), "malformed", id="objects that are no list"),
        pytest.param(changed("objects", [OBJECT, OBJECT]), "malformed", id="an object twice"),
        pytest.param(changed("objects.0.relativeId", -1), "malformed", id="a negative id"),
        pytest.param(changed("objects.0.relativeId", 1 << 32), "malformed", id="an id of 33 bits"),
        pytest.param(changed("objects.0.relativeId", 0.5), "malformed", id="half an id"),
        pytest.param(changed("objects.0.relativeId", False), "malformed", id="an id of false"),
        pytest.param(changed("objects.0.name", "x"), "malformed", id="an unknown object member"),
        pytest.param(changed("objects.0.objectDigest", None), "malformed", id="no data digest"),
        pytest.param(
            changed("objects.0.descriptorDigest", f"md5:{'a' * 32}"), "weak-digest", id="MD5"
        ),
    ],
)
def test_a_document_that_leaves_room_for_doubt_is_malformed(document: Any, code: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_document(json.dumps(document).encode())
    assert caught.value.code == code
    assert parse_document(json.dumps(DOCUMENT).encode()).objects[0].relative_id == 0


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b'{"version":1,"version":1}', id="a member twice"),
        pytest.param(json.dumps(DOCUMENT).encode() + b"{}", id="something after it"),
    ],
)
def test_a_text_that_is_no_strict_json_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedError, match="the signed metadata"):
        parse_document(text)


@given(st.dictionaries(st.sampled_from(["version", "header", "objects"]), JSON_VALUES))
def test_any_json_in_its_place_is_a_document_or_malformed(document: dict[str, Any]) -> None:
    with suppress(MalformedError):
        assert parse_document(json.dumps(document).encode()).objects


def signed_with(image: OpenImage, algorithm: str) -> bytes:
    """The image's document with digests of another algorithm, as upstream accepts it."""

    def digest(data: bytes) -> str:
        return f"{algorithm}:{hashlib.new(SIF_ALGORITHMS[algorithm], data).hexdigest()}"

    rows = [
        {
            "relativeId": one.id - 1,
            "descriptorDigest": str(metadata.descriptor_digest(one, 1, algorithm)),
            "objectDigest": digest(image.read_at(one.offset, one.size, "object")),
        }
        for one in image.objects
    ]
    header = {"digest": str(metadata.header_digest(image.header, algorithm))}
    return json.dumps({"version": 1, "header": header, "objects": rows}).encode()


@pytest.mark.parametrize("algorithm", sorted(SIF_ALGORITHMS))
def test_a_document_of_any_accepted_algorithm_agrees_with_its_image(
    opened: OpenImage, algorithm: str
) -> None:
    said = parse_document(signed_with(opened, algorithm))
    wanted = metadata.algorithms_wanted(said, opened.objects)
    assert wanted == {(number, algorithm) for number in (1, 2, 3)}
    found = compare(said, opened.header, opened.objects, object_digests(opened, algorithm))
    assert (found.covers, found.differences) == (frozenset({1, 2, 3}), ())


def new_header(header: Header, members: tuple[Descriptor, ...]) -> Any:
    return replace(header, uuid=bytes(16)), members


def new_name(header: Header, members: tuple[Descriptor, ...]) -> Any:
    first, *others = members
    return header, (replace(first, name=b"other".ljust(128, b"\0")), *others)


def without_last(header: Header, members: tuple[Descriptor, ...]) -> Any:
    return header, members[:-1]


def moved(header: Header, members: tuple[Descriptor, ...]) -> Any:
    again = tuple(replace(one, offset=one.offset + 4096, modified=5) for one in members)
    return replace(header, arch=b"04\0", modified=5, descriptors_free=1), again


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(new_header, {("header-changed", None)}, id="another UUID"),
        pytest.param(new_name, {("descriptor-changed", 1)}, id="another name"),
        pytest.param(without_last, {("object-removed", 3)}, id="an object less"),
        pytest.param(moved, set(), id="only what no signature covers"),
    ],
)
def test_a_difference_is_named_by_what_differs(
    opened: OpenImage, change: Any, expected: set[tuple[str, int | None]]
) -> None:
    digests = object_digests(opened)
    said = parse_document(build_document(opened.header, opened.objects, digests))
    header, members = change(opened.header, opened.objects)
    found = compare(said, header, members, digests)
    assert {(one.code, one.object_id) for one in found.differences} == expected


def test_changed_data_is_named_by_its_object_and_covered_is_only_what_is_said(
    opened: OpenImage,
) -> None:
    digests = dict(object_digests(opened))
    said = parse_document(build_document(opened.header, opened.objects[:2], digests))
    digests[2, "sha256"] = Digest("sha256", "0" * 64)
    found = compare(said, opened.header, opened.objects, digests)
    (difference,) = found.differences
    assert (difference.code, difference.object_id) == ("data-changed", 2)
    assert "JSON" in difference.message
    assert found.covers == {1, 2}
