"""X.509: a leaf with what is between it and the root, as PEM; or a bare DER leaf.

PEM resists mutation as armor does, so input that starts as DER does is wrapped here.
"""

import base64
from typing import Final

import atheris
from harness import NOW, ForgeryError, key_file, run

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.pem.chain import read_chain

MIDDLE: Final = key_file("x509-middle.pem")
ROOT: Final = key_file("x509-root.pem")
BEGIN: Final = b"-----BEGIN CERTIFICATE-----\n"
VOUCHED: Final = {
    read_chain(key_file(f"x509-{name}.pem"), MIDDLE, ROOT, NOW).key.fingerprint
    for name in ("leaf", "rsa")
}


def wrapped(der: bytes) -> bytes:
    """Return DER as PEM."""
    return BEGIN + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def one(data: bytes) -> None:
    """Check a chain; also one in which the input is what lies between, and the root."""
    if data[:1] == b"\x30":
        leaf, rest = wrapped(data), MIDDLE
        read_chain(key_file("x509-leaf.pem"), leaf, leaf, NOW)
    else:
        first, *others = data.split(BEGIN)[1:] or [b""]
        leaf, rest = BEGIN + first, b"".join(BEGIN + other for other in others)
    found = read_chain(leaf, rest or None, ROOT, NOW)
    if not (found.unfit or found.unproven) and found.key.fingerprint not in VOUCHED:
        raise ForgeryError("vouched for by nobody")


run(one)
