"""Each field of the header and of the descriptors changed."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from repro_sign.sif import layout
from repro_sign.sif.layout import DataType
from tests.corpus import surgery
from tests.corpus.case import ODD, Case, case, own, unsigned
from tests.corpus.keys import SIGNED
from tests.corpus.signatures import (
    openpgp,
)
from tests.corpus.steps import (
    cut,
    entity,
    head,
    obj,
    swapped,
    transplanted,
)


def headers() -> Iterator[Case]:
    """Each field of the header changed, without and with the author's manifest."""
    signed: Sequence[tuple[str, dict[str, Any]]] = (
        ("launch", {"launch": b"#!/usr/bin/env run-evil\n"}),
        ("uuid", {"uuid": bytes(range(16))}),
    )
    for name, fields in signed:
        yield case(f"header: {name} changed", "failed header-changed", head(**fields))
        yield own(
            f"header: {name} changed, with manifest",
            "failed header-changed manifest-differs",
            head(**fields),
        )
    free: Sequence[tuple[str, dict[str, Any]]] = (
        ("arch", {"arch": b"99\0"}),
        ("created", {"created": 0}),
        ("modified", {"modified": -1}),
        ("free", {"free": 7}),
        ("data offset", {"data": 5}),
        ("data size", {"data_size": 1 << 40}),
    )
    for name, fields in free:
        yield case(f"header: {name} changed", "verified", head(**fields))
        yield own(
            f"header: {name} changed, with manifest", "failed manifest-differs", head(**fields)
        )
    yield case(
        "header: free as large as total",
        "verified",
        head(free=48),
    )
    yield case("header: free negative", "verified", head(free=-1))
    yield case("header: free larger than total", "verified", head(free=49))
    broken: Sequence[tuple[str, str, dict[str, Any]]] = (
        ("magic", "not-sif", {"magic": b"SIF_MAGIC\1"}),
        ("version", "unsupported-version", {"version": b"02\0"}),
        ("total one less", "malformed", {"total": 47}),
        ("total one more", "malformed", {"total": 49}),
        ("table elsewhere", "out-of-file", {"table": 1 << 20}),
        ("table a byte later", "malformed", {"table": 4097}),
        ("table in the header", "overlap", {"table": 0}),
        ("table size changed", "malformed", {"table_size": 28081}),
        ("table size too small", "malformed", {"table_size": 585}),
    )
    for name, code, fields in broken:
        yield case(f"header: {name}", f"failed {code}", head(**fields))
    yield case("header: table a row later", "failed malformed", head(table=4096 + 585))
    yield case("header: a shorter table", "verified", head(total=4, table_size=4 * 585, free=0))
    yield case(
        "header: a table without the signature",
        "unsigned",
        head(total=3, table_size=3 * 585, free=0),
    )
    yield case(
        "header: a table without the partition",
        "failed object-removed",
        swapped(2, 3),
        head(total=3, table_size=3 * 585, free=0),
    )
    yield case("header: no table", "unsigned", head(total=0, table_size=0, free=0))


_FIELDS: Final[Sequence[tuple[str, str, dict[str, Any]]]] = (
    ("type", "failed descriptor-changed", {"type": DataType.GENERIC}),
    ("type, unknown", "failed descriptor-changed", {"type": 0x7FFF}),
    ("used 2", "failed malformed", {"used": 2}),
    ("unused", "failed object-removed", {"used": 0}),
    ("id 0", "failed malformed", {"id": 0}),
    ("id of another", "failed duplicate-id", {"id": 4}),
    ("group 2", "failed object-removed", {"group": 0xF0000002}),
    ("no group", "failed no-group", {"group": layout.NO_GROUP}),
    ("group without its mask", "failed malformed", {"group": 1}),
    ("group with half its mask", "failed malformed", {"group": 0xA0000001}),
    ("link", "failed descriptor-changed", {"link": 1}),
    ("size 0", "failed data-changed", {"size": 0}),
    ("negative size", "failed out-of-file", {"size": -1}),
    ("negative offset", "failed out-of-file", {"offset": -1}),
    ("offset beyond the file", "failed out-of-file", {"offset": 1 << 30}),
    ("created", "failed descriptor-changed", {"created": 0}),
    ("uid", "failed descriptor-changed", {"uid": 1000}),
    ("gid", "failed descriptor-changed", {"gid": 1000}),
    ("name", "failed descriptor-changed", {"name": b"evil\x1b[31m"}),
    ("extra", "failed descriptor-changed", {"extra": b"\1" * 384}),
    ("modified", "verified", {"modified": 0}),
    ("padded size", "verified", {"padded": 1 << 40}),
)


def descriptors() -> Iterator[Case]:
    """Each field of each descriptor changed, of signatures too."""
    for number in (1, 2, 3):
        for name, says, fields in _FIELDS:
            yield case(f"object {number}: {name}", says, obj(number, **fields))
    for name, says, fields in _FIELDS:
        broken = says.split()[-1] in ("malformed", "duplicate-id", "no-group", "out-of-file")
        with_manifest = says if broken else "failed manifest-differs"
        yield own(f"object 1: {name}, with manifest", with_manifest, obj(1, **fields))
    yield case("object 1: id 9", "failed object-removed", obj(1, id=9))
    yield case("object 3: id 9", "failed object-removed", obj(3, id=9))
    yield case("all ids ten more", "verified", *[obj(one, id=one + 10) for one in (1, 2, 3, 4)])
    yield own(
        "all ids ten more, with manifest",
        "failed manifest-differs",
        *[obj(one, id=one + 10) for one in (1, 2, 3, 4)],
    )
    group = {"group": 0xF0000007}
    yield case(
        "group 1 called 7",
        "verified",
        *[obj(one, **group) for one in (1, 2, 3)],
        obj(4, link=0xF0000007),
    )
    yield case(
        "group 1 called 7, its signature not",
        "failed object-removed",
        *[obj(one, **group) for one in (1, 2, 3)],
    )
    yield case(
        "groups exchanged",
        "failed object-removed",
        *[obj(one, group=0xF0000002) for one in (1, 2, 3)],
        *[obj(one, group=0xF0000001) for one in (4, 5)],
        base="two groups signed",
    )
    yield case("descriptors in another order", "verified", swapped(0, 2), swapped(1, 3))
    yield own(
        "descriptors in another order, with manifest", "failed manifest-differs", swapped(0, 2)
    )
    yield case(
        "descriptors at the end of the table",
        "verified",
        *[swapped(one, 47 - one) for one in range(4)],
    )
    yield case(
        "junk in unused rows",
        "verified",
        cut(lambda image: surgery.set_row(image, 20, type=-1, id=1, offset=-1, size=-1)),
    )
    sizes = {"padded": -1, "created": 5, "modified": 5, "uid": 5, "gid": 5, "name": b"signature"}
    for name, value in sizes.items():
        yield case(f"signature: {name}", "verified", obj(4, **{name: value}))
        yield own(
            f"signature: {name}, with manifest", "failed manifest-differs", obj(4, **{name: value})
        )
    yield case("signature: id", "verified", obj(4, id=40))
    yield case("signature: unused", "unsigned", obj(4, used=0))
    yield case("signature: of another type", "failed no-group", obj(4, type=DataType.GENERIC))
    yield case(
        "signature: of another type, in the group",
        "unsigned",
        obj(4, type=DataType.GENERIC, group=0xF0000001),
    )
    yield case("signature: in the group", "unsigned partly-signed", obj(4, group=0xF0000001))
    yield case(
        "signature: in a group of its own", "unsigned partly-signed", obj(4, group=0xF0000009)
    )
    yield case("signature: unlinked", "unsigned unsigned unlinked", obj(4, link=0))
    yield case(
        "signature: unlinked, key unknown", "unsigned unsigned unlinked", obj(4, link=0), key=""
    )
    yield case("signature: linked to an object", "unsigned unsigned unlinked", obj(4, link=3))
    yield case(
        "signature: linked to no group", "unsigned unsigned unlinked", obj(4, link=layout.NO_GROUP)
    )
    yield case(
        "signature: linked to a group that is not there",
        "failed object-removed",
        obj(4, link=0xF0000005),
    )
    yield case(
        "signature: linked with half the mask",
        "unsigned unsigned unlinked",
        obj(4, link=0xA0000001),
    )
    yield case("signature: of no bytes", "failed malformed", obj(4, size=0), either=ODD)
    yield case("signature: a byte less", "failed malformed", obj(4, size=50), either=ODD)
    yield case(
        "signature: names another key",
        "failed wrong-fingerprint",
        entity(lambda name: b"\1" * 20 + name[20:]),
    )
    yield case(
        "signature: names no key",
        "failed wrong-fingerprint",
        entity(lambda name: bytes(20) + name[20:]),
    )
    yield case(
        "signature: names another key, unknown",
        "untrusted unknown-key",
        entity(lambda name: b"\1" * 20 + name[20:]),
        key="",
    )
    yield case(
        "signature: names another key, by a stranger beside a friend",
        "verified wrong-fingerprint",
        openpgp("mallory", entity=b"\1" * 20),
        beside="mallory",
    )
    yield case(
        "signature: bytes after the name", "verified", entity(lambda name: name[:20] + b"\1" * 236)
    )
    yield unsigned(
        "signature: names the subkey",
        "failed wrong-fingerprint",
        lambda draft: openpgp(
            "master", at=SIGNED, entity=bytes.fromhex(draft.keys.subkeys["master"])
        )(draft),
        key="master",
    )
    yield case(
        "signature: transplanted from another image",
        "failed header-changed",
        transplanted("another signed"),
    )
    yield case(
        "signature: transplanted from another image, unknown key",
        "failed claim-disagrees",
        transplanted("another signed"),
        key="",
    )
    yield case(
        "signature: of group 1 linked to group 2",
        "failed object-removed",
        obj(6, link=0xF0000002),
        base="group 1 signed",
    )
