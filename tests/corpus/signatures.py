"""Signatures of every form, good and odd, as steps that change a draft of an image."""

import base64
import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from repro_sign.digest import SIF_ALGORITHMS, Digest
from repro_sign.openpgp import packets
from repro_sign.pem import dsse
from repro_sign.pem.keys import read_public_key
from repro_sign.sif import layout
from repro_sign.sif.metadata import build_document
from repro_sign.sif.reader import Descriptor, Header, unpack_descriptor
from tests.corpus import surgery
from tests.corpus.keys import GnuPG, Keys

Change = Callable[[bytes], bytes]
_ARMOR: Final = re.compile(
    rb"-----BEGIN PGP SIGNATURE-----\n(?:[A-Za-z]+: .*\n)*\n(.*?)(?:\n=[^\n]*)?\n"
    rb"-----END PGP SIGNATURE-----",
    re.DOTALL,
)


@dataclass
class Draft:
    """An image in the making, and the files beside it."""

    image: bytearray
    gpg: GnuPG
    keys: Keys
    other: Callable[[str], bytearray]
    """Another base image."""
    beside: dict[str, bytes] = field(default_factory=dict)


Step = Callable[[Draft], None]


def same(data: bytes) -> bytes:
    return data


# The text that is signed


def document(image: bytearray, group: int = 1, objects: list[int] | None = None) -> bytes:
    """Return what the tools sign for a group, or for some objects of it."""
    chosen = surgery.members(image, group) if objects is None else objects
    members = [_descriptor(image, number) for number in chosen]
    digests = {
        (number, "sha256"): Digest(
            "sha256", hashlib.sha256(surgery.data_of(image, number)).hexdigest()
        )
        for number in chosen
    }
    text = json.loads(build_document(_header(image), members, digests))
    first = min(surgery.members(image, group))
    for number, one in zip(sorted(chosen), text["objects"], strict=True):
        one["relativeId"] = number - first
        raw = _signed_descriptor(image, number, first)
        one["descriptorDigest"] = "sha256:" + hashlib.sha256(raw).hexdigest()
    return compact(text)


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def edit(change: Callable[[Any], Any]) -> Change:
    """Change a document's members in place (or return another value)."""

    def changed(text: bytes) -> bytes:
        members = json.loads(text)
        result = change(members)
        return compact(members if result is None else result)

    return changed


def rewrite(old: bytes, new: bytes) -> Change:
    """Replace the first occurrence of some bytes, which must be there."""

    def changed(text: bytes) -> bytes:
        assert old in text, (old, text)
        return text.replace(old, new, 1)

    return changed


def digests_by(algorithm: str) -> Callable[[bytearray], bytes]:
    """Return a maker of documents whose digests are all by this algorithm, accepted or not."""

    def made(image: bytearray) -> bytes:
        name = SIF_ALGORITHMS.get(algorithm, algorithm)
        numbers = surgery.members(image, 1)
        first = min(numbers)

        def digest(data: bytes) -> str:
            return f"{algorithm}:{hashlib.new(name, data).hexdigest()}"

        header = surgery.header(image)
        signed = header["launch"] + header["magic"] + header["version"] + header["uuid"]
        rows = [
            {
                "relativeId": number - first,
                "descriptorDigest": digest(_signed_descriptor(image, number, first)),
                "objectDigest": digest(surgery.data_of(image, number)),
            }
            for number in numbers
        ]
        return compact({"version": 1, "header": {"digest": digest(signed)}, "objects": rows})

    return made


# OpenPGP


def openpgp(
    *by: str,
    at: str = "",
    digest: str = "",
    options: tuple[str, ...] = (),
    group: int = 1,
    objects: list[int] | None = None,
    make: Callable[[bytearray], bytes] | None = None,
    text: Change = same,
    block: Change = same,
    entity: bytes | None = None,
    **fields: Any,
) -> Step:
    """Add a signature object that gpg signs: `text` changes the document, `block` the block."""

    def step(draft: Draft) -> None:
        said = make(draft.image) if make else document(draft.image, group, objects)
        names = [draft.keys.subkeys.get(one, draft.keys.fingerprints[one]) + "!" for one in by]
        chosen = digest or {"p384": "SHA384", "p521": "SHA512"}.get(by[0], "SHA256")
        signed = draft.gpg.clearsign(text(said), *names, at=at, digest=chosen, options=options)
        named = bytes.fromhex(draft.keys.fingerprints[by[0]]) if entity is None else entity
        linked = {"link": layout.GROUP_MASK | group} | fields
        surgery.append_signature(draft.image, block(signed), entity=named, **linked)

    return step


def legacy(
    by: str, *, objects: list[int], algorithm: str = "sha384", text: Change = same, **fields: Any
) -> Step:
    """Add a signature as before Singularity 3.6: over the bare data of some objects."""

    def step(draft: Draft) -> None:
        data = b"".join(surgery.data_of(draft.image, number) for number in objects)
        said = b"SIFHASH:\n" + hashlib.new(algorithm, data).hexdigest().encode()
        name = draft.keys.fingerprints[by]
        block = draft.gpg.clearsign(text(said), name, digest="SHA256", options=())
        fields.setdefault("hash_type", 2)
        surgery.append_signature(draft.image, block, entity=bytes.fromhex(name), **fields)

    return step


def packets_of(block: bytes) -> bytes:
    """Return the binary packets in a block's armor."""
    found = _ARMOR.search(block)
    assert found, block
    return base64.b64decode(found[1])


def with_packets(block: bytes, binary: bytes) -> bytes:
    """Put other packets into a block's armor, without a check sum, as newer tools do."""
    text = base64.b64encode(binary)
    lines = b"\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    armor = b"-----BEGIN PGP SIGNATURE-----\n\n" + lines + b"\n-----END PGP SIGNATURE-----"
    return _ARMOR.sub(lambda _: armor, block)


def repacked(change: Change) -> Change:
    """Change the packets in a block's armor."""
    return lambda block: with_packets(block, change(packets_of(block)))


def rebodied(change: Change) -> Change:
    """Change the body of the one signature packet in a block."""

    def changed(binary: bytes) -> bytes:
        (packet,) = packets.iterate(binary)
        return packets.signature_packet(change(packet.body))

    return repacked(changed)


def as_go_tools_did(body: bytes) -> bytes:
    """Write a number's bit count as that of its whole octets; the leading bit must be 0."""
    number = packets.signature_numbers(body)
    bits = int.from_bytes(number[:2], "big")
    assert bits % 8, "its leading bit is 1"
    return body[: len(body) - len(number)] + (bits + 7 & ~7).to_bytes(2, "big") + number[2:]


def openpgp_as_go_tools_did(by: str, **fields: Any) -> Step:
    """Sign until the value's leading bit is 0, then write its bit count as Go tools did."""

    def step(draft: Draft) -> None:
        before = bytes(draft.image)
        while True:
            try:
                openpgp(by, block=rebodied(as_go_tools_did), **fields)(draft)
            except AssertionError:
                draft.image[:] = before
            else:
                return

    return step


def of_version_3(body: bytes) -> bytes:
    """Make the body of a version 3 signature of a version 4 one; its value can't be good."""
    kind, algorithm, digest = body[1], body[2], body[3]
    numbers = packets.signature_numbers(body)
    return bytes([3, 5, kind]) + bytes(4) + bytes(8) + bytes([algorithm, digest]) + b"xx" + numbers


def of_version(number: int) -> Change:
    return lambda body: bytes([number]) + body[1:]


def bad_value(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1])


# DSSE


def signature_value(draft: Draft, by: str, data: bytes, digest: str = "sha256") -> bytes:
    """Let openssl sign bytes."""
    with tempfile.TemporaryDirectory() as name:
        key, text = Path(name, "key"), Path(name, "text")
        key.write_bytes(draft.keys.pem[by])
        text.write_bytes(data)
        if "ed25519" in by:
            argv = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", str(text)]
        else:
            argv = ["openssl", "dgst", f"-{digest}", "-sign", str(key), str(text)]
        return subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout


def key_id(draft: Draft, by: str) -> str:
    if "secp256k1" in by:
        return "SHA256:" + "A" * 43
    return str(read_public_key(draft.keys.certificates[by], by).fingerprint)


def envelope(
    *by: str,
    digest: str = "sha256",
    payload_type: str = dsse.SIF_METADATA,
    group: int = 1,
    objects: list[int] | None = None,
    text: Change = same,
    members: Callable[[dict[str, Any]], Any] = lambda _: None,
    raw: Change = same,
    **fields: Any,
) -> Step:
    """Add a DSSE envelope: `text` changes the document, `members` the envelope's JSON object."""

    def step(draft: Draft) -> None:
        payload = text(document(draft.image, group, objects))
        signed = dsse.pre_authentication_encoding(payload_type, payload)
        rows = [
            {
                "keyid": key_id(draft, one),
                "sig": base64.b64encode(signature_value(draft, one, signed, digest)).decode(),
            }
            for one in by
        ]
        made: dict[str, Any] = {
            "payloadType": payload_type,
            "payload": base64.b64encode(payload).decode(),
            "signatures": rows,
        }
        result = members(made)
        data = raw(compact(made if result is None else result))
        linked = {"link": layout.GROUP_MASK | group} | fields
        surgery.append_signature(draft.image, data, **linked)

    return step


# The same digests as the program's, from raw bytes


def _header(image: bytearray) -> Header:
    launch, _, _, arch, uuid, *numbers = layout.HEADER.unpack_from(image)
    return Header(launch, arch, uuid, *numbers)


def _descriptor(image: bytearray, number: int) -> Descriptor:
    slot = surgery.slot_of(image, number)
    start = surgery.header(image)["table"] + slot * layout.DESCRIPTOR.size
    return unpack_descriptor(slot, bytes(image[start : start + layout.DESCRIPTOR.size]))


def _signed_descriptor(image: bytearray, number: int, first: int) -> bytes:
    """Return the signed bytes of a descriptor (SIF reference, section 2): 557 of them."""
    slot = surgery.slot_of(image, number)
    start = surgery.header(image)["table"] + slot * layout.DESCRIPTOR.size
    raw = bytes(image[start : start + layout.DESCRIPTOR.size])
    relative = (number - first).to_bytes(4, "little")
    return raw[:5] + relative + raw[13:17] + raw[25:33] + raw[41:49] + raw[57:]
