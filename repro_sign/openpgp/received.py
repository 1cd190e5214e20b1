"""A certificate that somebody handed out under a fingerprint: what of it is taken, and what not.

Anybody can add signatures of their own to a key on a server, until it is too large to be used
(key flooding). So only what a key says about itself is taken, which is also what gpg takes of key
servers (`self-sigs-only`).
"""

from collections.abc import Callable, Iterator
from typing import Final

from pysequoia.packet import Packet, PacketPile, Tag

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp.certificate import (
    MAX_CERTIFICATE_BYTES,
    Certificate,
    first_line,
    read_one,
    split_keys,
)

MAX_ANSWER_BYTES: Final = MAX_CERTIFICATE_BYTES * 2
"""What is read of an answer: armor makes a certificate longer by a third."""
MAX_RECEIVED_BYTES: Final = 256 << 10
"""What a key may say about itself. Far below the limit of what is kept: junk that a server sends
today must leave room for tomorrow's revocation."""


class OtherKeyError(RefusedError):
    """What was handed out is another key than the one that was asked for."""


def receive(
    data: bytes, wanted: Fingerprint, source: str, *, or_subkey: bool = False
) -> Certificate:
    """Return the one certificate in `data` whose key is the one that was asked for.

    `source` names in errors who handed it out. With `or_subkey` a certificate will do that claims
    the key as its subkey; whether it is bound is checked with each signature.

    Raises `MalformedError` if there is no certificate in it, or it is too large, `OtherKeyError`
    if it is another key's, and `RefusedError` if it comes with its secret key.
    """
    try:
        chunks = split_keys(data)
        found = [_own(chunk) for chunk in chunks]
    except (RuntimeError, MalformedError) as error:
        raise MalformedError(
            f"{source} sent something that is no readable OpenPGP key: {first_line(error)}"
        ) from error
    if not found:
        raise MalformedError(f"{source} sent something that is no OpenPGP key")
    for one in found:
        if one.fingerprint == wanted or (or_subkey and wanted.hex in one.key_ids):
            return _checked(one, source)
    other = found[0]
    if wanted.hex in other.key_ids:
        raise OtherKeyError(
            f"{wanted.grouped()} is a subkey of {other.fingerprint.grouped()}",
            hint="ask for that key",
        )
    raise OtherKeyError(
        f"{source} sent another key: {other.fingerprint.grouped()}, and not"
        f" {wanted.grouped()}, which was asked for; it was not taken",
        hint="do not use this source: it is broken, or it deceives",
    )


def for_address(certificate: Certificate, address: str) -> Certificate | None:
    """Return what of a certificate belongs to one e-mail address; None if it does not name it.

    That is the key, the user ids with this address, and what the key says about them and itself.
    """
    names = [one for one in certificate.user_ids if address_of(one) == address]
    if not names:
        return None

    def belongs(packet: Packet) -> bool:
        return packet.tag == Tag.UserID and address_of(_text(packet)) == address

    return read_one(_kept(certificate.binary, belongs))


def address_of(user_id: str) -> str | None:
    """Return the e-mail address in a user id, as directories compare it: ASCII letters small.

    (draft-koch-openpgp-webkey-service, section 3.1.)
    """
    address = user_id.strip()
    if address.endswith(">"):
        address = address[address.rfind("<") + 1 : -1]
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain or any(one in address for one in " <>,;\t\r\n"):
        return None
    return "".join(one.lower() if one.isascii() else one for one in address)


def self_signed(certificate: Certificate) -> Certificate:
    """Return a certificate without what others signed of it."""
    return _own(certificate.binary)


def _own(chunk: bytes) -> Certificate:
    return read_one(_kept(chunk, _any_name))


def _checked(one: Certificate, source: str) -> Certificate:
    if one.had_secret:
        raise RefusedError(
            f"{source} hands out the SECRET key {one.fingerprint.grouped()}: whoever has it can"
            " sign, so it proves nothing",
            hint="tell its owner that their secret key is out",
        )
    size = len(one.binary)
    if size > MAX_RECEIVED_BYTES:
        raise MalformedError(
            f"{source} sent a flooded key: it says {size} bytes about itself, of which at most"
            f" {MAX_RECEIVED_BYTES} are taken",
            code="too-large",
            hint="get it from its owner: a file, their web page",
        )
    return one


def _any_name(_: Packet) -> bool:
    return True


def _kept(chunk: bytes, wanted: Callable[[Packet], bool]) -> bytes:
    """Return the packets of one key without strangers' signatures and unwanted user ids."""
    return b"".join(bytes(one) for one in _packets(list(PacketPile.from_bytes(chunk)), wanted))


def _packets(pile: list[Packet], wanted: Callable[[Packet], bool]) -> Iterator[Packet]:
    primary, named = pile[0], True
    for packet in pile:
        if packet.tag in (Tag.UserID, Tag.UserAttribute):
            named = wanted(packet)
        elif packet.tag != Tag.Signature:
            named = True
        elif _by_stranger(packet, primary):
            continue
        if named:
            yield packet


def _by_stranger(signature: Packet, primary: Packet) -> bool:
    """Whether a signature names another key as its maker.

    One that names none is left in: those by Go tools of 2020-22 show nothing of themselves.
    """
    names = {signature.issuer_fingerprint, signature.issuer_key_id} - {None}
    return bool(names) and not names & {primary.fingerprint, primary.key_id}


def _text(user_id: Packet) -> str:
    return user_id.body.decode("utf-8", "replace")
