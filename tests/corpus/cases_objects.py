"""Objects changed, moved, removed, added; files cut; counts and sizes beyond reason."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from repro_sign.sif import layout
from repro_sign.sif.layout import DataType
from tests.corpus import surgery
from tests.corpus.case import ODD, Case, case, own, unsigned
from tests.corpus.signatures import (
    Step,
    legacy,
    openpgp,
    packets_of,
    with_packets,
)
from tests.corpus.steps import (
    TAIL,
    add,
    add_signature,
    adjusted,
    copy_added,
    cut,
    end_of,
    fill_after_header,
    fill_before_partition,
    flipped,
    head,
    listed_twice,
    moved,
    obj,
    over_signature,
    removed,
    replaced,
    resigned,
    start_of,
    truncated,
)


def objects() -> Iterator[Case]:
    """Each object changed, moved, overlapped, duplicated, removed, added; gaps and tails."""
    for number in (1, 2, 3):
        for where, at in (("first", 0), ("last", -1)):
            yield case(
                f"object {number}: {where} byte changed", "failed data-changed", flipped(number, at)
            )
        move = moved(number)
        yield case(f"object {number}: moved to the end", "verified", move)
        yield own(
            f"object {number}: moved to the end, with manifest", "failed manifest-differs", move
        )
        yield case(
            f"object {number}: offset a byte later",
            "failed data-changed" if number == 2 else "failed overlap",
            adjusted(number, "offset", 1),
        )
        yield case(
            f"object {number}: a byte shorter", "failed data-changed", adjusted(number, "size", -1)
        )
        yield case(f"object {number}: over the header", "failed overlap", obj(number, offset=0))
        yield case(f"object {number}: over the table", "failed overlap", obj(number, offset=4096))
        yield case(f"object {number}: over the signature", "failed overlap", over_signature(number))
        yield case(f"object {number}: removed", "failed object-removed", removed(number))
        yield own(
            f"object {number}: removed, with manifest",
            "failed object-removed manifest-differs",
            removed(number),
        )
        yield case(
            f"object {number}: its descriptor twice",
            "failed duplicate-id",
            listed_twice(number, number),
        )
        yield case(
            f"object {number}: its descriptor twice, other id",
            "failed overlap",
            listed_twice(number, 11),
        )
        yield case(f"object {number}: a copy added", "unsigned partly-signed", copy_added(number))
    yield case("all objects removed", "failed object-removed", *[removed(one) for one in (1, 2, 3)])
    yield case("objects 1 and 2 exchanged", "failed data-changed", cut(_exchange))
    added = {"in the group": 0xF0000001, "in a new group": 0xF0000002}
    for name, group in added.items():
        yield case(f"object added {name}", "unsigned partly-signed", add(group=group))
        yield own(
            f"object added {name}, with manifest", "failed manifest-differs", add(group=group)
        )
        yield case(
            f"object added {name}, unknown key", "unsigned partly-signed", add(group=group), key=""
        )
        yield case(f"empty object added {name}", "unsigned partly-signed", add(b"", group=group))
    yield case("object added in no group", "failed no-group", add())
    yield case(
        "object added before all others",
        "failed object-removed",
        *[obj(one, id=one + 10) for one in (1, 2, 3)],
        add(group=0xF0000001, id=1),
    )
    yield case(
        "a second primary partition added",
        "unsigned partly-signed",
        add(
            b"hsqs" * 100,
            group=0xF0000002,
            type=DataType.PARTITION,
            extra=layout.PARTITION_EXTRA.pack(1, 2, b"02\0"),
        ),
    )
    for linked, link in (("to the group", 0xF0000001), ("to nothing", 0), ("to an object", 3)):
        for name, junk in (
            ("junk", b"junk"),
            ("nothing", b""),
            ("an empty object", b"{}"),
            ("a BEGIN line", b"-----BEGIN PGP SIGNED MESSAGE-----\n"),
        ):
            yield case(
                f"signature object added with {name}, linked {linked}",
                "failed malformed",
                add_signature(junk, link=link),
                **({"either": ODD} if link == 0xF0000001 else {}),
            )
    yield unsigned(
        "signature object added with junk, unsigned image",
        "failed malformed",
        add_signature(b"junk"),
        either=ODD,
    )
    yield case(
        "good signature added, linked to nothing",
        "verified unlinked",
        openpgp("grace", link=0),
        key="ada; grace",
    )
    yield case("gap after the header filled", "verified", cut(fill_after_header))
    yield own(
        "gap after the header filled, with manifest",
        "failed manifest-differs",
        cut(fill_after_header),
    )
    yield case("gap before the partition filled", "verified", cut(fill_before_partition))
    yield own(
        "gap before the partition filled, with manifest",
        "failed manifest-differs",
        cut(fill_before_partition),
    )
    yield case("bytes after the last object", "verified warning", TAIL)
    yield own("bytes after the last object, with manifest", "failed manifest-differs", TAIL)
    yield unsigned(
        "bytes after the last object of an unsigned image", "unsigned unsigned warning", TAIL
    )


def odd_but_signed() -> Iterator[Case]:
    """Objects that no build makes, all signed by the author: what is signed is what counts."""
    member: dict[str, Any] = {"group": layout.GROUP_MASK | 1}
    for kind in DataType:
        if kind is not DataType.SIGNATURE:
            added = add(type=kind, **member)
            yield unsigned(f"signed: a further {kind.name}", "verified", added, openpgp("ada"))
    odd: Sequence[tuple[str, Step]] = (
        ("an object of unknown type", add(type=0x7FFF, **member)),
        ("an object of negative type", add(type=-1, **member)),
        ("an empty object", add(b"", **member)),
        ("a name that is no text", add(name=b"\xff\x1b" * 64, **member)),
        ("a second primary partition", add(type=DataType.PARTITION, extra=_PRIMARY, **member)),
        ("an object linked to another", add(link=1, **member)),
        ("an object of negative time and owner", add(created=-1, uid=-1, gid=-1, **member)),
        ("an object in row 40", add(slot=40, **member)),
        ("an object with the largest id", add(id=0xFFFFFFFF, **member)),
    )
    for name, step in odd:
        yield unsigned(f"signed: {name}", "verified", step, openpgp("ada"))
    top: dict[str, Any] = {"group": 0xFFFFFFFF}
    yield case(
        "signed: a group with the largest number",
        "verified",
        *[obj(one, **top) for one in (1, 2, 3)],
        obj(4, link=0xFFFFFFFF),
    )
    yield case(
        "signed: the largest ids", "verified", *[obj(one, id=0xFFFFFFFA + one) for one in (1, 2, 3)]
    )
    yield case(
        "signed: a signature with the lowest id",
        "verified",
        *[obj(one, id=one + 10) for one in (1, 2, 3)],
        obj(4, id=1),
    )
    yield unsigned(
        "signed: a group with an old signature in it",
        "verified legacy",
        legacy("ada", objects=[3], link=3, group=0xF0000001),
        openpgp("ada"),
    )


def truncations() -> Iterator[Case]:
    """Cut at each boundary, and a byte before it."""
    cuts: Sequence[tuple[str, str, Callable[[bytearray], int] | int]] = (
        ("to nothing", "not-sif", 0),
        ("to a byte", "not-sif", 1),
        ("within the launch script", "not-sif", 31),
        ("after the launch script", "not-sif", 32),
        ("within the magic word", "not-sif", 41),
        ("after the magic word", "malformed", 42),
        ("after the version", "malformed", 45),
        ("a byte before the header's end", "malformed", 127),
        ("at the header's end", "out-of-file", 128),
        ("within the gap", "out-of-file", 4000),
        ("at the table's start", "out-of-file", 4096),
        ("within the first row", "out-of-file", 4097),
        ("after the first row", "out-of-file", 4096 + 585),
        ("a byte before the table's end", "out-of-file", 32175),
        ("at the table's end", "out-of-file", 32176),
        ("a byte before object 1's end", "out-of-file", lambda image: end_of(1)(image) - 1),
        ("at object 1's end", "out-of-file", end_of(1)),
        ("at object 2's end", "out-of-file", end_of(2)),
        ("at the partition's start", "out-of-file", start_of(3)),
        ("a byte before the partition's end", "out-of-file", lambda image: end_of(3)(image) - 1),
        ("at the partition's end", "out-of-file", end_of(3)),
        ("a byte before the signature's end", "out-of-file", lambda image: end_of(4)(image) - 1),
    )
    for name, code, size in cuts:
        yield case(f"cut {name}", f"failed {code}", truncated(size))
    yield case("another kind of file", "failed not-sif", replaced(b"PK\3\4" + bytes(1000)))
    yield case("a text", "failed not-sif", replaced(b"hello\n" * 100))
    yield case("the first byte missing", "failed not-sif", cut(lambda image: image.pop(0)))
    yield case(
        "a byte inserted at the start", "failed not-sif", cut(lambda image: image.insert(0, 0))
    )


def absurd() -> Iterator[Case]:
    """Counts and sizes beyond reason."""
    heads: Sequence[tuple[str, str, dict[str, Any]]] = (
        ("-1 descriptors", "absurd-count", {"total": -1}),
        ("2^31 descriptors", "absurd-count", {"total": 1 << 31, "table_size": (1 << 31) * 585}),
        ("2^62 descriptors", "absurd-count", {"total": 1 << 62}),
        ("4097 descriptors", "absurd-count", {"total": 4097, "table_size": 4097 * 585}),
        ("4096 descriptors", "out-of-file", {"total": 4096, "table_size": 4096 * 585}),
        ("a table at 2^40", "out-of-file", {"table": 1 << 40}),
        ("a table at the largest offset", "out-of-file", {"table": (1 << 63) - 1}),
        ("a table before the file", "overlap", {"table": -4096}),
        ("a table of 2^40 bytes", "malformed", {"table_size": 1 << 40}),
        ("a table of negative size", "malformed", {"table_size": -28080}),
    )
    for name, code, fields in heads:
        yield case(f"absurd: {name}", f"failed {code}", head(**fields), absurd=True)
    rows: Sequence[tuple[str, str, int, dict[str, Any]]] = (
        ("a partition of 2^40 bytes", "out-of-file", 3, {"size": 1 << 40}),
        ("a partition of the largest size", "out-of-file", 3, {"size": (1 << 63) - 1}),
        ("a partition of the smallest size", "out-of-file", 3, {"size": -(1 << 63)}),
        ("a partition at the largest offset", "out-of-file", 3, {"offset": (1 << 63) - 1}),
        ("a signature of 2^40 bytes", "out-of-file", 4, {"size": 1 << 40}),
        ("a signature of the largest size", "out-of-file", 4, {"size": (1 << 63) - 1}),
        ("a signature of negative size", "out-of-file", 4, {"size": -5}),
    )
    for name, code, number, fields in rows:
        yield case(f"absurd: {name}", f"failed {code}", obj(number, **fields), absurd=True)
    megabyte = 1 << 20
    yield case(
        "absurd: a signature of more than a megabyte",
        "failed too-large",
        add_signature(b"{" + b" " * megabyte),
        absurd=True,
    )
    yield case(
        "absurd: a signature of a megabyte of blanks",
        "failed malformed",
        add_signature(b" " * megabyte),
        absurd=True,
        either=ODD,
    )
    yield case(
        "absurd: a signature of a megabyte of brackets",
        "failed malformed",
        add_signature(b"{" + b'"a":[' * (megabyte // 6)),
        absurd=True,
        either=ODD,
    )
    yield case(
        "absurd: a signature of a megabyte of dashes",
        "failed malformed",
        add_signature(b"-----BEGIN PGP SIGNED MESSAGE-----\n" + b"- \n" * (megabyte // 4)),
        absurd=True,
        either=ODD,
    )
    yield case(
        "absurd: an armor of a megabyte",
        "failed malformed",
        resigned(lambda block: with_packets(block, packets_of(block) * 2000)),
        absurd=True,
        either="two packets are malformed here, whatever Apptainer does",
    )
    yield case(
        "absurd: a packet that claims four gigabytes",
        "failed malformed",
        resigned(
            lambda block: with_packets(block, b"\xc2\xff\xff\xff\xff\xff" + packets_of(block)[2:])
        ),
        absurd=True,
        either=ODD,
    )


_PRIMARY: Final = layout.PARTITION_EXTRA.pack(1, 2, b"02\0")


def _exchange(image: bytearray) -> None:
    """Let objects 1 and 2 point at parts of the other's data, of their own lengths."""
    first, second = surgery.row(image, 0), surgery.row(image, 1)
    end = second["offset"] + second["size"]
    surgery.change(image, 2, offset=first["offset"])
    surgery.change(image, 1, offset=end - first["size"])
