"""Properties that hold for whatever an attacker writes, tried with generated input (hypothesis).

The images and signatures are real; what is generated is the damage. fuzz/ does the same for each
parser by itself, with coverage to guide it.
"""

import os
import struct
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.known_keys import Keys, read_keys
from repro_sign.sif import layout
from repro_sign.sif.reader import OpenImage, open_image
from repro_sign.system.locations import Locations
from repro_sign.trust.policy import TrustPolicy
from repro_sign.trust.verdict import VerdictWord
from repro_sign.verifying import Engine, ImageReport, VerifyRequest, verify_image
from tests.account import Account
from tests.conftest import Need

NAME = "climate.sif"
OPENPGP = f"{NAME}.manifest.asc"
PEM = f"{NAME}.sigstore.json"
MAX_MEMORY = 64 << 20


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=bool(os.environ.get("CI")),
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True, repr=False)
class Study:
    """An image before and after both of an author's keys signed it, and the manifests."""

    folder: Path
    unsigned: bytes
    signed: bytes
    manifests: Mapping[str, bytes]
    unsigned_manifests: Mapping[str, bytes]
    """Of the image as it was before it was signed."""
    keys: Keys
    signers: tuple[SignerId, ...]
    blocks: tuple[bytes, ...]
    covered: tuple[range, ...]
    everybody: Mapping[SignerId, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "study"

    @staticmethod
    def signed_text(block: bytes) -> bytes:
        """What a signature object says: without its armor, if it has any."""
        if block.startswith(b"{"):
            return block
        return block.split(b"\n\n", 1)[1].split(b"\n-----BEGIN")[0]

    def verify(
        self,
        data: bytes,
        trusted: Mapping[SignerId, str],
        manifests: Mapping[str, bytes] | None = None,
    ) -> ImageReport:
        for path in self.folder.iterdir():
            path.unlink()
        for name, text in (manifests or {}).items():
            (self.folder / name).write_bytes(text)
        (image := self.folder / NAME).write_bytes(data)
        nowhere = self.folder.parent / "nowhere"
        where = Locations(nowhere, nowhere, nowhere)
        policy = TrustPolicy(trusted=trusted)
        request = VerifyRequest(policy, given=self.keys, engine=Engine.NATIVE, where=where)
        return verify_image(image, request)


@pytest.fixture(scope="module")
def study(
    need: Need, base_image: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Study]:
    need("gpg")
    with Account.new() as author:
        grace = author.make_signer("Grace Writer", "grace@lab.example", "gnupg")
        out = author.home / "pem"
        out.mkdir()
        made = author.ok("keygen", "--store", "pem", "--no-passphrase", "--out", out, "--json").json
        keys = (grace.fingerprint, made["fingerprint"])
        folder = tmp_path_factory.mktemp("study") / "image"
        folder.mkdir()
        image = folder / NAME
        unsigned = base_image.read_bytes()
        image.write_bytes(unsigned)
        for key in keys:
            author.ok("sign", "--key", key, "--manifest-only", image)
        unsigned_manifests = taken(folder)
        for key in keys:
            author.ok("sign", "--key", key, "--no-manifest", image)
        for key in keys:
            author.ok("sign", "--key", key, "--manifest-only", image)
        manifests = taken(folder)
        assert set(manifests) == set(unsigned_manifests) == {OPENPGP, PEM}
        signers = tuple(parse_signer(key) for key in keys)
        with open_image(image) as opened:
            blocks = tuple(opened.object_data(one) for one in opened.signatures)
            covered = tuple(covered_ranges(opened))
        public = (grace.public_key, Path(made["public_key"]))
        yield Study(
            folder=folder,
            unsigned=unsigned,
            signed=image.read_bytes(),
            manifests=manifests,
            unsigned_manifests=unsigned_manifests,
            keys=sum((read_keys(path.read_bytes(), path.name) for path in public), Keys()),
            signers=signers,
            blocks=blocks,
            covered=covered,
            everybody=dict.fromkeys(signers, "the test"),
        )


def taken(folder: Path) -> dict[str, bytes]:
    """Take the manifests away and return them."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != NAME}
    for name in found:
        (folder / name).unlink()
    return found


def covered_ranges(image: OpenImage) -> Iterator[range]:
    """Yield the bytes that every group signature covers (SIF reference, section 5).

    A descriptor's place, id and group are not signed as they are, but none can change alone.
    """
    yield range(45)
    yield range(48, 64)
    for one in image.objects:
        if one.is_signature:
            continue
        row = image.header.descriptors_offset + one.slot * layout.DESCRIPTOR.size
        yield range(row, row + 33)
        yield range(row + 41, row + 49)
        yield range(row + 57, row + layout.DESCRIPTOR.size)
        yield range(one.offset, one.end)


def flipped(data: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1 << bit
    return bytes(changed)


def somewhere(ranges: tuple[range, ...], draw: st.DataObject) -> int:
    """Draw a place: each range is as likely as the next, however long it is."""
    return draw.draw(st.sampled_from(draw.draw(st.sampled_from(ranges))))


def test_the_study_is_sound(study: Study) -> None:
    for trusted in ({one: "x"} for one in study.signers):
        assert study.verify(study.signed, trusted)
        assert study.verify(study.signed, trusted, study.manifests)
        assert study.verify(study.unsigned, trusted, study.unsigned_manifests)
    assert study.verify(study.unsigned, study.everybody).verdict.word is VerdictWord.UNSIGNED
    assert study.verify(study.signed, {}).verdict.word is VerdictWord.UNTRUSTED
    assert len(study.blocks) == 2


@examples(100)
@given(draw=st.data(), bit=st.integers(0, 7), who=st.integers(0, 2))
def test_a_flipped_bit_that_a_signature_covers_is_never_verified(
    study: Study, draw: st.DataObject, bit: int, who: int
) -> None:
    changed = flipped(study.signed, somewhere(study.covered, draw), bit)
    trusted = {study.signers[who]: "x"} if who < 2 else study.everybody
    assert not study.verify(changed, trusted)
    assert not study.verify(changed, trusted, study.manifests)


@examples(100)
@given(draw=st.data(), bit=st.integers(0, 7), who=st.integers(0, 1), signed=st.booleans())
def test_with_a_manifest_no_flipped_bit_anywhere_is_verified(
    study: Study, draw: st.DataObject, bit: int, who: int, signed: bool
) -> None:
    data = study.signed if signed else study.unsigned
    regions = (range(128), range(128, 32176), range(32176, 33000), range(len(data)))
    changed = flipped(data, somewhere((*regions, range(len(data) - 2000, len(data))), draw), bit)
    manifests = study.manifests if signed else study.unsigned_manifests
    name = (OPENPGP, PEM)[who]
    assert not study.verify(changed, {study.signers[who]: "x"}, {name: manifests[name]})


INTERESTING = (0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 62, (1 << 63) - 1, (1 << 64) - 1, 585, 4096)


@st.composite
def damage(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, copy, insert, overwrite: mostly where header, table and small objects are."""
    for _ in range(draw(st.integers(1, 4))):
        end = draw(st.sampled_from([128, 8000, 33000, len(data)]))
        start = draw(st.integers(0, min(end, len(data))))
        length = draw(st.sampled_from([1, 4, 8, 585, 1000, 100_000]))
        kind = draw(st.sampled_from(["cut", "remove", "copy", "insert", "number", "truncate"]))
        if kind == "cut":
            data = data[:start]
        elif kind == "truncate":
            data = data[: len(data) - min(length, len(data))]
        elif kind == "remove":
            data = data[:start] + data[start + length :]
        elif kind == "copy":
            source = draw(st.integers(0, len(data)))
            data = data[:start] + data[source : source + length] + data[start + length :]
        elif kind == "insert":
            data = data[:start] + draw(st.binary(max_size=600)) + data[start:]
        else:
            number = struct.pack("<Q", draw(st.sampled_from(INTERESTING)))
            data = data[:start] + number + data[start + 8 :]
    return data


@examples(100)
@given(draw=st.data())
def test_a_damaged_image_gives_a_verdict_and_is_not_verified(
    study: Study, draw: st.DataObject
) -> None:
    changed = draw.draw(damage(study.signed))
    report = bounded(study, changed)
    if report:  # the damage hit nothing that is signed
        original = study.verify(study.signed, study.everybody).evidence
        assert report.evidence.identity == original.identity
        assert report.evidence.objects == original.objects
    with_manifest = study.verify(changed, study.everybody, study.manifests)
    assert bool(with_manifest) == (changed == study.signed)


@examples(100)
@given(data=st.binary(max_size=3000), magic=st.booleans(), table=st.booleans())
def test_arbitrary_bytes_give_a_verdict_and_are_not_verified(
    study: Study, data: bytes, magic: bool, table: bool
) -> None:
    if magic:
        data = bytes(32) + layout.MAGIC + layout.VERSION + data
    if table:
        data = study.signed[:4096] + data + study.signed[4096 + len(data) :]
    report = bounded(study, data)
    assert report.verdict.reasons
    assert report.verdict.word in (VerdictWord.FAILED, VerdictWord.UNSIGNED) or data == study.signed


def bounded(study: Study, data: bytes) -> ImageReport:
    """Verify in bounded memory."""
    tracemalloc.start()
    try:
        report = study.verify(data, study.everybody)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MAX_MEMORY
    return report


def with_signature(data: bytes, block: bytes, link: int, entity: bytes) -> tuple[bytes, int]:
    """Append a signature object as a stranger would; return its id, too."""
    changed = bytearray(data)
    total, table = struct.unpack_from("<qq", changed, 88)
    size = layout.DESCRIPTOR.size
    slot = next(n for n in range(total) if not changed[table + n * size + 4])
    extra = layout.SIGNATURE_EXTRA.pack(layout.HASH_SHA256, entity)
    values: Any = (layout.DataType.SIGNATURE, 1, slot + 1, layout.NO_GROUP, link, len(data))
    lengths = (len(block), len(block), 0, 0, 0, 0)
    row = layout.DESCRIPTOR.pack(*values, *lengths, b"", extra)
    changed[table + slot * size : table + (slot + 1) * size] = row
    return bytes(changed) + block, slot + 1


@dataclass(frozen=True)
class Block:
    """What a signature object may hold: noise, framed noise, a real signature with damage."""

    kind: str
    noise: bytes
    which: int
    place: int
    bit: int

    def data(self, study: Study) -> bytes:
        real = study.blocks[self.which]
        return {
            "noise": self.noise,
            "clear-signed": b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + self.noise,
            "envelope": b'{"payloadType":"application/vnd.in-toto+json",' + self.noise,
            "before": self.noise + real,
            "after": real + self.noise,
            "damaged": flipped(real, self.place % len(real), self.bit),
        }[self.kind]


BLOCKS = st.builds(
    Block,
    st.sampled_from(["noise", "clear-signed", "envelope", "before", "after", "damaged"]),
    st.binary(max_size=200),
    st.integers(0, 1),
    st.integers(0, 1 << 20),
    st.integers(0, 7),
)


@examples(100)
@given(
    block=BLOCKS,
    link=st.sampled_from([0, 1, 3, 0xF0000000, 0xF0000001, 0xF0000002, 0xFFFFFFFF]),
    entity=st.one_of(st.none(), st.binary(max_size=24)),
)
def test_an_appended_signature_is_named_and_verifies_nothing(
    study: Study, block: Block, link: int, entity: bytes | None
) -> None:
    content = block.data(study)
    claimed = study.signers[0].raw if entity is None else entity
    for data in (study.unsigned, study.signed):
        changed, number = with_signature(data, content, link, claimed)
        report = study.verify(changed, study.everybody)
        said = [*report.verdict.reasons, *report.verdict.notes]
        good = [one.object_id for one in report.evidence.signatures if one.finding is Finding.GOOD]
        if number in good:  # the damage hit only the armor around a real signature
            assert any(study.signed_text(content) == study.signed_text(one) for one in study.blocks)
            continue
        assert not (report and data is study.unsigned)
        assert any(f"signature {number}" in one.message for one in said), said
        assert not study.verify(changed, {})


@examples(100)
@given(draw=st.data(), name=st.sampled_from([OPENPGP, PEM, f"{NAME}.0123456789abcdef{PEM[11:]}"]))
def test_no_manifest_of_arbitrary_bytes_verifies_anything(
    study: Study, draw: st.DataObject, name: str
) -> None:
    """Neither noise, nor a damaged manifest, nor a good one of another image."""
    other = study.unsigned_manifests[PEM if name.endswith("json") else OPENPGP]
    text = draw.draw(st.one_of(st.binary(max_size=300), damage(other), st.just(other)))
    stranger: dict[SignerId, str] = {}
    assert not study.verify(study.signed, stranger, {name: text})
    assert not study.verify(study.unsigned, stranger, {name: text})
    changed = flipped(study.unsigned, len(study.unsigned) - 1, 0)
    assert not study.verify(changed, study.everybody, {name: text})
