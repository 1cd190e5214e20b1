"""Publish a key in a folder that is ready to be put on a web site as a Web Key Directory.

Both layouts of draft-koch-openpgp-webkey-service, section 3.1, are written: the advanced one for a
host named `openpgpkey.` and the domain, the direct one for the domain itself.
"""

from pathlib import Path

from repro_sign.errors import MalformedError, RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.key_sources.web_key_directory import ROOT, Address, is_domain
from repro_sign.openpgp.certificate import (
    MAX_CERTIFICATE_BYTES,
    Certificate,
    read_certificates,
)
from repro_sign.openpgp.received import address_of, for_address
from repro_sign.publishing.folder import make_folder
from repro_sign.system.durable import locked_folder, write_file
from repro_sign.system.files import read_if_there
from repro_sign.values import dataclass
from repro_sign.web_address import with_query


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """The key of one address: its files, and the URLs that have to answer with them."""

    address: Address
    paths: tuple[Path, ...]
    urls: tuple[str, ...]


def publish_in_web_directory(
    certificate: Certificate, folder: Path, domain: str
) -> tuple[DirectoryEntry, ...]:
    """Write the key for each of its addresses in `domain` into a folder for a web site.

    A file carries the user ids of its address only. A copy that is there is merged; other keys
    of the address stay if they are revoked. Raises `UsageError` if the domain is none, and
    `RefusedError` if no user id has an address in it, or another key is in the way.
    """
    if not is_domain(domain.lower()):
        raise UsageError(
            f"{printable(domain)} is not a domain",
            hint="with other letters than ASCII, write it as xn--…",
        )
    found = (address_of(one) for one in certificate.user_ids)
    addresses = [one for one in dict.fromkeys(found) if one and one.endswith(f"@{domain.lower()}")]
    if not addresses:
        raise RefusedError(
            f"no user id of {certificate.fingerprint.grouped()} has an address in"
            f" {printable(domain)}: nobody would look for it there",
            hint="repro-sign key show lists its user ids",
        )
    return tuple(_publish(certificate, folder, Address.parse(one)) for one in addresses)


def _publish(certificate: Certificate, folder: Path, address: Address) -> DirectoryEntry:
    ours = for_address(certificate, str(address))
    if ours is None:
        raise RefusedError(f"no user id has the address {printable(str(address))}")
    paths = []
    for root in (address.advanced, ROOT):
        path = folder / root / "hu" / address.hash
        make_folder(path.parent)
        with locked_folder(path.parent):
            write_file(path, _joined(ours, path, address))
        policy = folder / root / "policy"
        if not policy.exists():
            write_file(policy, b"")
        paths.append(path)
    query = {"l": address.local}
    urls = tuple(with_query(one, query) for one in address.urls)
    return DirectoryEntry(address, tuple(paths), urls)


def _joined(ours: Certificate, path: Path, address: Address) -> bytes:
    """Return the file's new content: our key first, then revoked ones of the same address."""
    old = read_if_there(path, MAX_CERTIFICATE_BYTES, "public key")
    shown = printable(str(path))
    try:
        present = read_certificates(old, shown) if old is not None else ()
    except MalformedError as error:
        hint = "look at it, and move it away"
        raise RefusedError(f"{shown} is there and holds no key: {error}", hint=hint) from error
    others = []
    for one in present:
        if one.fingerprint == ours.fingerprint:
            ours = ours.merged(one)
        elif one.revoked:
            others.append(one)
        else:
            raise RefusedError(
                f"{shown} holds another key of {printable(str(address))}, which is not revoked:"
                f" {one.fingerprint.grouped()}",
                hint="move that file away if this key is to take its place",
            )
    return b"".join(one.binary for one in (ours, *others))
