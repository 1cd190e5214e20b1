"""Compare two images: header, then object by object, file trees entry by entry."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

from repro_sign.comparing.documents import compare_json, compare_texts
from repro_sign.comparing.pairing import Pair, name_of, pair_objects
from repro_sign.comparing.result import (
    Comparison,
    Difference,
    Sameness,
    TextDifference,
    TreeComparison,
    Weight,
    differing,
    weights_of,
)
from repro_sign.comparing.sides import ImageSide
from repro_sign.contents.digest import is_squashfs
from repro_sign.contents.reading import open_tree
from repro_sign.contents.tree_differences import compare_trees
from repro_sign.errors import NoAnswerError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.sif.layout import DataType
from repro_sign.sif.reader import Descriptor

_TEXTS: Final = (DataType.DEFINITION_FILE, DataType.ENVIRONMENT)
_JSON: Final = (DataType.LABELS, DataType.GENERIC_JSON)


def compare_images(a: ImageSide, b: ImageSide, *, ignore_times: bool) -> Comparison:
    """Compare two open images. Raises `NoAnswerError` if one is changed meanwhile."""
    if a.digests.whole == b.digests.whole:
        return Comparison(a.side, b.side, Sameness.BYTES, ignore_times=ignore_times)
    found = _Found()
    found.differences += _header(a, b)
    for pair in pair_objects(a.record, b.record):
        _compare_pair(pair, a, b, found)
    for side in (a, b):
        if not side.image.unchanged():
            shown = printable(str(side.image.path))
            raise UnreadableError(
                f"{shown} was changed by somebody while it was compared",
                hint="wait until nobody writes to it, and compare again",
            )
    return found.result(a, b, ignore_times=ignore_times)


class _Found:
    """What was found so far."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.texts: list[TextDifference] = []
        self.trees: list[TreeComparison] = []

    def result(self, a: ImageSide, b: ImageSide, *, ignore_times: bool) -> Comparison:
        """Say in which sense the two are the same."""
        differences, trees = tuple(self.differences), tuple(self.trees)
        weights = set(weights_of(differences, trees))
        if Weight.CONTENT in weights:
            sameness = Sameness.DIFFERENT
        elif Weight.UNREAD in weights:
            sameness = Sameness.UNKNOWN
        elif a.record.identity == b.record.identity:
            sameness = Sameness.IDENTITY
        else:
            sameness = Sameness.CONTENT
        if not differences and not trees:
            differences = (_OUTSIDE,)
        return Comparison(
            a.side,
            b.side,
            sameness,
            differences,
            tuple(self.texts),
            trees,
            ignore_times=ignore_times,
        )


_OUTSIDE: Final = Difference(
    Weight.PACKING, "file", "bytes that belong to no object", "differ", "differ"
)


def _header(a: ImageSide, b: ImageSide) -> Iterator[Difference]:
    one, other = a.image.header, b.image.header
    rows = (
        (Weight.CONTENT, "launch script", _text(one.launch), _text(other.launch)),
        (Weight.CONTENT, "architecture", a.record.arch, b.record.arch),
        (Weight.PACKING, "UUID", a.record.uuid, b.record.uuid),
        (Weight.TIME, "time", str(one.created), str(other.created)),
    )
    return differing("header", rows)


def _compare_pair(pair: Pair, a: ImageSide, b: ImageSide, found: _Found) -> None:
    where = name_of(pair)
    if pair.a is None or pair.b is None:
        found.differences.append(Difference(pair.weight, where, "object", *pair.sizes))
        return
    one, other = (_descriptor(side, record.id) for side, record in ((a, pair.a), (b, pair.b)))
    if pair.is_signature:
        if pair.a.sha256 != pair.b.sha256:
            found.differences.append(_bytes_differ(pair, where))
        return
    found.differences += _descriptors(where, one, other)
    if pair.a.sha256 == pair.b.sha256:
        return
    if one.data_type in _TEXTS:
        texts = a.image.object_data(one), b.image.object_data(other)
        found.differences.append(_bytes_differ(pair, where))
        found.texts.append(compare_texts(where, *texts))
    elif one.data_type in _JSON:
        documents = a.image.object_data(one), b.image.object_data(other)
        members = compare_json(where, *documents)
        found.differences += members or (_bytes_differ(pair, where),)
    elif is_squashfs(one):
        _compare_partitions(where, (a, one), (b, other), found)
    else:
        found.differences.append(_bytes_differ(pair, where))


def _descriptors(where: str, one: Descriptor, other: Descriptor) -> Iterator[Difference]:
    rows = (
        (Weight.CONTENT, "link", str(one.link), str(other.link)),
        (Weight.CONTENT, "extra data of its descriptor", _hex(one.extra), _hex(other.extra)),
        (Weight.PACKING, "id", str(one.id), str(other.id)),
        (Weight.PACKING, "owner", f"{one.uid}:{one.gid}", f"{other.uid}:{other.gid}"),
        (Weight.TIME, "time", str(one.created), str(other.created)),
    )
    return differing(where, rows)


def _compare_partitions(
    where: str, a: tuple[ImageSide, Descriptor], b: tuple[ImageSide, Descriptor], found: _Found
) -> None:
    try:
        with ExitStack() as stack, ThreadPoolExecutor(max_workers=2) as pool:
            opened = [open_tree(side.image, one) for side, one in (a, b)]
            one, other = pool.map(stack.enter_context, opened)
            found.trees.append(
                TreeComparison(
                    where=where,
                    digests=(one.digest, other.digest),
                    packing=(one.summary.packing, other.summary.packing),
                    differences=compare_trees(one.entries(), other.entries()),
                )
            )
    except NoAnswerError as error:
        unread = Difference(Weight.UNREAD, where, "file tree", str(error), None)
        found.differences.append(unread)


def _bytes_differ(pair: Pair, where: str) -> Difference:
    sides = (f"sha256:{one.sha256.hex}, {one.size} bytes" for one in (pair.a, pair.b) if one)
    before, after = sides
    what = "data"
    if pair.is_partition:
        what = "data (a file system that can't be read here)"
    return Difference(pair.weight, where, what, before, after)


def _descriptor(side: ImageSide, number: int) -> Descriptor:
    return next(one for one in side.image.objects if one.id == number)


def _hex(raw: bytes) -> str:
    return raw.rstrip(b"\0").hex()


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")
