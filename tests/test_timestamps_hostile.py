"""Whatever is made of a timestamp, it proves what it proved, or nothing."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repro_sign.errors import MalformedError, RefusedError, UsageError
from repro_sign.timestamps import rfc3161
from repro_sign.timestamps.authorities import read_authorities
from repro_sign.timestamps.proof import Authorities
from tests.tsa.authority import Authority

pytest_plugins = ["tests.tsa.plugin"]

STAMPED = b"a manifest\n"


def mutations(good: bytes) -> Iterator[bytes]:
    """Change, drop and repeat every single byte."""
    for at, byte in enumerate(good):
        for other in (byte ^ 0x80, byte ^ 1, 0, 0xFF):
            yield good[:at] + bytes([other]) + good[at + 1 :]
        yield good[:at] + good[at + 1 :]
        yield good[:at] + good[at:][:1] * 2 + good[at + 1 :]
        yield good[:at]
    yield good + b"\0"


def test_a_changed_response_proves_the_same_or_nothing(clock: Authority) -> None:
    authorities, now = read_authorities([clock.root]), datetime.now(UTC)
    query = rfc3161.ask_about(STAMPED)
    good = clock.answer(query.data)
    proof = rfc3161.verify(good, STAMPED, authorities, now)
    refused = 0
    for changed in mutations(good):
        try:
            assert rfc3161.verify(changed, STAMPED, authorities, now) == proof
        except (MalformedError, RefusedError):
            refused += 1
    assert refused > 6 * len(good)


def test_a_changed_reply_is_taken_or_refused(clock: Authority) -> None:
    query, now = rfc3161.ask_about(STAMPED), datetime.now(UTC)
    good = clock.answer(query.data)
    refused = 0
    for changed in mutations(good):
        try:
            rfc3161.check_reply(changed, query, STAMPED, now)
        except (MalformedError, RefusedError):
            refused += 1
    assert refused > 3 * len(good)  # without its root, a signature that is changed is not noticed


def damaged(der: bytes) -> bytes:
    return der[:-1] + bytes([der[-1] ^ 1])


def other_string_type(der: bytes) -> bytes:
    """Make names of a type that OpenSSL can't read: its binding panics at them."""
    return der.replace(b"\x0c", b"\x17")


@pytest.mark.parametrize("damage", [damaged, other_string_type])
def test_a_damaged_root_is_told_before_anything_is_verified(
    clock: Authority, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    lines = clock.root.read_bytes().splitlines()
    text = base64.encodebytes(damage(base64.b64decode(b"".join(lines[1:-1]))))
    path = tmp_path / "root.pem"
    path.write_bytes(b"\n".join((lines[0], text, lines[-1])))
    with pytest.raises(UsageError, match=r"damaged|can't be read"):
        read_authorities([path])


def test_an_unreadable_certificate_among_authorities_makes_no_timestamp_good(
    clock: Authority, capfd: pytest.CaptureFixture[str]
) -> None:
    (root,) = read_authorities([clock.root]).certificates
    response = clock.stamp(STAMPED)
    authorities = Authorities((other_string_type(root),))
    with pytest.raises(MalformedError, match="no chain leads from it"):
        rfc3161.verify(response, STAMPED, authorities, datetime.now(UTC))
    capfd.readouterr()  # the library's own cry
