"""The clear-signed block and what its armor holds."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from repro_sign.openpgp import packets
from tests.corpus import surgery
from tests.corpus.case import ODD, Case, case, unsigned
from tests.corpus.signatures import (
    Draft,
    Step,
    bad_value,
    document,
    of_version,
    of_version_3,
    openpgp,
    openpgp_as_go_tools_did,
    packets_of,
    rebodied,
    repacked,
    rewrite,
    with_packets,
)
from tests.corpus.steps import (
    copied,
    flipped,
    resigned,
)


def blocks() -> Iterator[Case]:
    """The clear-signed block: what stands around it and in its armor."""
    changes: Sequence[tuple[str, Callable[[bytes], bytes]]] = (
        ("text before the block", lambda block: b"Read this first\n" + block),
        ("a blank line before the block", lambda block: b"\n" + block),
        ("text after the block", lambda block: block + b"\nAnd this\n"),
        ("blank lines after the block", lambda block: block + b"\n\n\n"),
        ("the block twice", lambda block: block + b"\n" + block),
        ("a Comment header", rewrite(b"\nHash:", b"\nComment: x\nHash:")),
        (
            "a NotDashEscaped header",
            rewrite(b"\nHash:", b"\nNotDashEscaped: You need GnuPG\nHash:"),
        ),
        ("a header without a name", rewrite(b"\nHash:", b"\n: SHA256\nHash:")),
        ("no blank line before the text", rewrite(b"\n\n{", b"\n{")),
        ("a bare carriage return", rewrite(b'{"version"', b'{\r"version"')),
        ("a trailing blank in the text", rewrite(b"}]}\n", b"}]} \n")),
        ("a trailing tab in the text", rewrite(b"}]}\n", b"}]}\t\n")),
        ("a line that starts with a dash", rewrite(b"\n\n{", b"\n\n-{")),
        ("no armor", lambda block: block.split(b"-----BEGIN PGP SIGNATURE")[0]),
        (
            "an armor without its end",
            lambda block: block.replace(b"-----END PGP SIGNATURE-----", b""),
        ),
        ("an armor cut in half", lambda block: block[:-100]),
        ("an armor that is no base64", rewrite(b"\n-----END", b"\n!!!!\n-----END")),
        ("an empty armor", repacked(lambda _: b"")),
        ("packets cut short", repacked(lambda binary: binary[:-5])),
        ("bytes after the packet", repacked(lambda binary: binary + b"tail")),
        ("a user id packet in the armor", repacked(lambda _: b"\xcd\x04evil")),
        ("the signature packet twice", repacked(lambda binary: binary * 2)),
        ("a marker packet before the signature", repacked(lambda binary: b"\xca\x03PGP" + binary)),
        (
            "a signature that signs no document",
            rebodied(lambda body: body[:1] + b"\x10" + body[2:]),
        ),
        ("an empty signature packet", rebodied(lambda _: b"")),
        ("a signature cut before its subpackets", rebodied(lambda body: body[:5])),
        ("only the first line", lambda block: block.split(b"\n")[0]),
        ("an upper-case text", bytes.upper),
        (
            "a PGP message",
            lambda _: b"-----BEGIN PGP MESSAGE-----\n\nyxR0\n-----END PGP MESSAGE-----",
        ),
    )
    for name, change in changes:
        yield case(f"block with {name}", "failed malformed", resigned(change), either=ODD)
    for name, change in changes[::6]:
        yield case(
            f"block with {name}, unknown key",
            "failed malformed",
            resigned(change),
            key="",
            either=ODD,
        )
        yield case(
            f"block with {name}, beside a good one",
            "failed malformed",
            copied(4, change=change),
            either=ODD,
        )
    fine: Sequence[tuple[str, Callable[[bytes], bytes]]] = (
        ("a final line end", lambda block: block + b"\n"),
        ("line ends of Windows", lambda block: block.replace(b"\n", b"\r\n")),
        ("no Hash header", lambda block: block.replace(b"Hash: SHA256\n", b"")),
        ("another hash in its header", rewrite(b"Hash: SHA256", b"Hash: SHA512")),
        ("the text dash-escaped", rewrite(b"\n\n{", b"\n\n- {")),
    )
    for name, change in fine:
        yield case(f"block with {name}", "verified", resigned(change))
    yield case(
        "block with a changed text",
        "failed bad-signature",
        resigned(rewrite(b"sha256:", b"sha256:0")),
    )
    yield case(
        "block with another object's digest",
        "failed bad-signature",
        resigned(rewrite(b'"relativeId":0', b'"relativeId":3')),
    )
    yield case("block with a changed value", "failed bad-signature", resigned(rebodied(bad_value)))
    yield case("block with a changed date", "failed bad-signature", resigned(rebodied(_other_date)))
    yield unsigned(
        "block with a wrong check sum",
        "verified",
        openpgp("grace", block=_wrong_checksum),
        key="grace",
    )
    yield unsigned(
        "a signature over several lines",
        "verified",
        openpgp("ada", text=lambda text: text.replace(b",", b",\n  ")),
    )
    yield unsigned("a binary signature", "verified", _binary_signature)
    two = partial(unsigned, either="two packets are malformed here, whatever Apptainer does")
    yield two(
        "two packets, both good", "failed malformed", openpgp("ada", "grace"), key="ada; grace"
    )
    yield two(
        "two packets, a good one first",
        "failed malformed",
        _two_packets("ada", "grace"),
        key="ada; grace",
    )
    yield two(
        "two packets, a bad one first",
        "failed malformed",
        _two_packets("grace", "ada"),
        key="ada; grace",
    )
    yield two("two packets, the second unknown", "failed malformed", openpgp("ada", "mallory"))
    unsupported = partial(case, either="unsupported here, whatever Apptainer does")
    yield unsupported(
        "a signature of version 3", "untrusted unsupported", resigned(rebodied(of_version_3))
    )
    for number in (0, 2, 5, 6, 255):
        yield unsupported(
            f"a signature of version {number}",
            "untrusted unsupported",
            resigned(rebodied(of_version(number))),
        )
    yield unsupported(
        "a signature of version 6, data changed",
        "failed claim-disagrees",
        resigned(rebodied(of_version(6))),
        flipped(3),
    )
    yield unsupported(
        "a signature of version 6 beside a good one",
        "verified unsupported",
        openpgp("mallory", block=rebodied(of_version(6))),
    )
    go = openpgp_as_go_tools_did("grace")
    yield unsigned("a number as Go tools wrote it", "verified", go, key="grace")
    yield unsigned(
        "a number as Go tools wrote it, unknown key", "untrusted unknown-key", go, key=""
    )
    yield unsigned(
        "a number as Go tools wrote it, data changed",
        "failed data-changed",
        go,
        flipped(3),
        key="grace",
    )
    yield unsigned(
        "a number with a bit count beyond the packet",
        "failed malformed",
        openpgp("grace", block=rebodied(_too_many_bits)),
        key="grace",
        either=ODD,
    )
    yield case(
        "a signature that names no key",
        "untrusted unknown-key",
        resigned(rebodied(_without_issuer)),
    )


def _other_date(body: bytes) -> bytes:
    """Change the octets of the creation time in the hashed part."""
    at = _creation_time(body)
    return body[: at + 3] + bytes([body[at + 3] ^ 1]) + body[at + 4 :]


def _too_many_bits(body: bytes) -> bytes:
    number = packets.signature_numbers(body)
    return body[: len(body) - len(number)] + b"\xff\xff" + number[2:]


def _without_issuer(body: bytes) -> bytes:
    """Rebuild the subpackets with the creation time alone."""
    at = _creation_time(body)
    numbers = packets.signature_numbers(body)
    return body[:4] + b"\0\6\5\2" + body[at : at + 4] + b"\0\0" + b"xx" + numbers


def _creation_time(body: bytes) -> int:
    """Return where the four octets of the creation time are, in the hashed part."""
    at = 6
    while body[at + 1] & 0x7F != 2:
        at += 1 + body[at]
    return at + 2


def _wrong_checksum(block: bytes) -> bytes:
    lines = block.split(b"\n")
    lines[-2] = b"=AAAA"
    return b"\n".join(lines)


def _binary_signature(draft: Draft) -> None:
    """Put a detached signature over the bytes (type 0x00) where one over the text belongs."""
    text, name = document(draft.image), draft.keys.fingerprints["ada"]
    framed = draft.gpg.clearsign(text, name, digest="SHA256", options=())
    binary = draft.gpg.run("--local-user", name, "--detach-sign", stdin=text)
    block = with_packets(framed, binary)
    surgery.append_signature(draft.image, block, entity=bytes.fromhex(name))


def _two_packets(good: str, bad: str) -> Step:
    """Put a good signature and one of another text into one armor; the first named comes first."""

    def step(draft: Draft) -> None:
        text = document(draft.image)
        names = draft.keys.fingerprints
        first = draft.gpg.clearsign(text, names[good], digest="SHA256", options=())
        second = draft.gpg.clearsign(b"other", names[bad], digest="SHA256", options=())
        binary = packets_of(first) + packets_of(second)
        if good == "grace":
            binary = packets_of(second) + packets_of(first)
        block = with_packets(first, binary)
        surgery.append_signature(draft.image, block, entity=bytes.fromhex(names[good]))

    return step
