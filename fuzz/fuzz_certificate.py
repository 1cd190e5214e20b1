"""Public and secret keys, OpenPGP and PEM: certificates, rings, what is asked of each."""

from contextlib import suppress
from typing import Final

import atheris
from harness import NOW, known_keys, run, seeds

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.errors import MalformedError, RefusedError
    from repro_sign.openpgp import clearsign
    from repro_sign.openpgp.book import CertificateBook
    from repro_sign.openpgp.certificate import Certificate, read_certificates, read_ring
    from repro_sign.openpgp.changes import said_besides
    from repro_sign.openpgp.check import check_signature, parse_signature
    from repro_sign.openpgp.received import address_of, for_address, receive, self_signed
    from repro_sign.openpgp.secret import read_secret_key, read_secret_ring
    from repro_sign.openpgp.self_signatures import revocation_of, self_signature_at
    from repro_sign.openpgp.subkeys import subkey_of
    from repro_sign.pem.algorithms import read_private_key
    from repro_sign.pem.keys import read_public_key

KNOWN: Final = known_keys().certificates
BLOCKS: Final = [
    clearsign.parse(data) for data in seeds("clearsign").values() if data.startswith(b"-----")
]
SIGNATURES: Final = [(parse_signature(block.signature), block.canonical) for block in BLOCKS]


def one(data: bytes) -> None:
    """Read the bytes as every kind of key."""
    with suppress(MalformedError):
        read_certificates(data, "fuzz")
    with suppress(MalformedError):
        read_secret_key(data)
    with suppress(MalformedError):
        read_public_key(data, "fuzz")
    with suppress(MalformedError, RefusedError):
        read_private_key(data, None, "fuzz")
    read_secret_ring(data)
    for certificate in read_ring(data):
        use(certificate)
        with suppress(MalformedError, RefusedError):
            use(receive(data, certificate.fingerprint, "fuzz"))


def use(certificate: Certificate) -> None:
    """Ask everything that is asked of a certificate somewhere."""
    for moment in (NOW, certificate.created):
        self_signature_at(certificate, moment)
        for name in certificate.key_ids:
            subkey_of(certificate, name, moment)
    revocation_of(certificate)
    known = KNOWN.get(certificate.fingerprint)
    if known:
        known.merged(certificate)
        certificate.merged(known)
        said_besides(known, certificate, NOW)
    self_signed(certificate)
    for address in filter(None, map(address_of, certificate.user_ids)):
        for_address(certificate, address)
    str(certificate.armored)
    book = CertificateBook()
    book.add([certificate], "fuzz")
    for signature, text in SIGNATURES:
        check_signature(signature, text, book, NOW)


run(one)
