"""Compare what a manifest says of an image with what another says, or with the image itself."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from repro_sign.comparing.documents import compare_members
from repro_sign.comparing.pairing import name_of, pair_objects
from repro_sign.comparing.result import Comparison, Difference, Sameness, Weight, differing
from repro_sign.comparing.sides import ImageSide, ManifestSide
from repro_sign.digest import Digest
from repro_sign.errors import NoAnswerError
from repro_sign.statements.manifest import ImageRecord
from repro_sign.strict_json import an_object, parse_object

NO_CONTENT: Final = (
    "no content digest on both sides (sign --content-digest puts it into a manifest), so whether"
    " the rest is the same apart from times and packing can't be told"
)
LEFT_OUT: Final = (
    "content digests are the same; they leave out times, owners and extended attributes, of which a"
    " manifest does not tell"
)
_SAID_ELSEWHERE: Final = ("image", "signer", "created")
"""Members of the predicate that are no claims to compare: the image is compared by itself."""


def compare_manifests(a: ManifestSide, b: ManifestSide, *, ignore_times: bool) -> Comparison:
    """Compare two manifests: what they say of the image, and all else that they say."""
    return _compare(a, b, _claims(a, b), ignore_times=ignore_times)


def compare_with_manifest(
    a: ImageSide | ManifestSide, b: ImageSide | ManifestSide, *, ignore_times: bool
) -> Comparison:
    """Compare an image with a manifest, whichever comes first.

    The image's content digest is made if the manifest has one.
    """
    sides, unread = [a, b], []
    for place, side in enumerate(sides):
        if isinstance(side, ImageSide) and sides[1 - place].record.content:
            try:
                sides[place] = side.with_content()
            except NoAnswerError as error:
                what = Difference(Weight.UNREAD, "image", "content digest", str(error), None)
                unread.append(what)
    return _compare(sides[0], sides[1], tuple(unread), ignore_times=ignore_times)


def _compare(
    a: ImageSide | ManifestSide,
    b: ImageSide | ManifestSide,
    further: tuple[Difference, ...],
    *,
    ignore_times: bool,
) -> Comparison:
    contents = [each.content.digest for each in (a.record, b.record) if each.content]
    same_content = len(contents) == 2 and contents[0] == contents[1]
    unread = any(each.weight is Weight.UNREAD for each in further)
    open_question = Weight.UNREAD if unread else Weight.CONTENT
    if same_content:
        open_question = Weight.PACKING
    differences = list(_record_differences(a.record, b.record, open_question))
    if len(contents) == 2 and not same_content:
        shown = (f"content:{digest}" for digest in contents)
        differences.append(Difference(Weight.CONTENT, "image", "content digest", *shown))
    weights = {each.weight for each in differences}
    notes: tuple[str, ...] = ()
    if _whole(a) == _whole(b) and not differences:
        sameness = Sameness.BYTES
    elif a.record.identity == b.record.identity and Weight.CONTENT not in weights:
        sameness = Sameness.IDENTITY
    elif same_content and Weight.CONTENT not in weights:
        sameness, notes = Sameness.CONTENT, (LEFT_OUT,)
    elif unread and Weight.CONTENT not in weights:
        sameness = Sameness.UNKNOWN
    else:
        sameness = Sameness.DIFFERENT
        notes = () if len(contents) == 2 else (NO_CONTENT,)
    return Comparison(
        a.side,
        b.side,
        sameness,
        (*differences, *further),
        notes=notes,
        ignore_times=ignore_times,
    )


def _whole(side: ImageSide | ManifestSide) -> tuple[Digest, Digest]:
    if isinstance(side, ImageSide):
        return side.digests.whole["sha256"], side.digests.whole["blake3"]
    subject = side.manifest.subjects[0]
    return subject.sha256, subject.blake3


def _record_differences(
    a: ImageRecord, b: ImageRecord, open_question: Weight
) -> Iterator[Difference]:
    """Compare two records; `open_question` is what other bytes of a file system or labels mean."""
    rows = (
        (Weight.CONTENT, "architecture", a.arch, b.arch),
        (Weight.PACKING, "UUID", a.uuid, b.uuid),
        (Weight.PACKING, "size", f"{a.size} bytes", f"{b.size} bytes"),
    )
    yield from differing("image", rows)
    trees = [dict(each.content.trees) if each.content else {} for each in (a, b)]
    for pair in pair_objects(a, b):
        if pair.a is None or pair.b is None:
            yield Difference(pair.weight, name_of(pair), "object", *pair.sizes)
        elif pair.a.sha256 != pair.b.sha256:
            weight = pair.weight
            if pair.may_be_packed_otherwise:
                here, there = trees[0].get(pair.a.id), trees[1].get(pair.b.id)
                weight = Weight.PACKING if here and here == there else open_question
            digests = str(pair.a.sha256), str(pair.b.sha256)
            yield Difference(weight, name_of(pair), "data", *digests)


def _claims(a: ManifestSide, b: ManifestSide) -> tuple[Difference, ...]:
    """Compare what two manifests say besides: other files, and parts that we need not know."""
    files, parts = _said(a)
    other_files, other_parts = _said(b)
    return (
        *compare_members("other files", files, other_files, Weight.CLAIM),
        *compare_members("manifest", parts, other_parts, Weight.CLAIM),
    )


def _said(side: ManifestSide) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    files = {one.name: str(one.sha256) for one in side.manifest.subjects[1:]}
    predicate = an_object(parse_object(side.text, "the manifest")["predicate"])
    return files, {name: part for name, part in predicate.items() if name not in _SAID_ELSEWHERE}
