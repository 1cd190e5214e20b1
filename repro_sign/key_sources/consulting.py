"""Ask a key server, where the caller wants that, for the keys that signatures name.

It may know that a key was revoked, and makes nobody trusted. Only full fingerprints are asked for:
anybody can make a key with a given key id.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from repro_sign.errors import NoAnswerError
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.known_keys import Keys, KnownKeys
from repro_sign.openpgp.certificate import Certificate
from repro_sign.trust.evidence import KeyServerReply

FROM_KEY_SERVER: Final = "key server"
_FINGERPRINT: Final = re.compile(r"[0-9A-F]{40}")
_KEY_ID: Final = re.compile(r"[0-9A-F]{16}")
_MAX_STRANGERS: Final = 20
"""So many keys of people whom nobody trusts are asked for: whoever can write the image can have it
name any number of them."""


class KeyLookup(Protocol):
    """Somebody who can be asked for keys."""

    @property
    def name(self) -> str:
        """What the server is called in reports."""

    def certificate(self, wanted: Fingerprint) -> Certificate | None:
        """Return the certificate that has this key or subkey; None if there is none.

        Raises `NoAnswerError`.
        """


def consult(
    server: KeyLookup, issuers: Iterable[str], known: KnownKeys, trusted: Iterable[SignerId]
) -> KeyServerReply:
    """Ask for the keys of these issuers, and add what comes back to what is known."""
    names = {issuer.upper() for issuer in issuers}
    believed = set(trusted)
    wanted = sorted(set(_primaries(names, known)), key=lambda one: (one not in believed, one))
    limit = len(believed & set(wanted)) + _MAX_STRANGERS
    notes = [
        f"a signature names its key by key id only ({one}): {server.name} was not asked"
        for one in _nameless(names, known)
    ]
    if len(wanted) > limit:
        notes.append(f"{server.name} was not asked for {len(wanted) - limit} further keys")
    for one in wanted[:limit]:
        try:
            certificate = server.certificate(one)
        except NoAnswerError as error:
            return KeyServerReply(f"the key server gave no answer: {error}", tuple(notes))
        if certificate is None:
            notes.append(f"{server.name} does not have the key {one.grouped()}")
            continue
        known.add(Keys(certificates=(certificate,)), FROM_KEY_SERVER)
        if FROM_KEY_SERVER not in known.origins(certificate.fingerprint):
            trouble = (
                f"what {server.name} says of {one.grouped()} is too much beside the copies here"
            )
            return KeyServerReply(trouble, tuple(notes))
    return KeyServerReply(notes=tuple(notes))


def _primaries(names: Iterable[str], known: KnownKeys) -> Iterator[Fingerprint]:
    """Yield the keys to ask for: the primary key where it is known whose subkey is named."""
    for name in names:
        found = known.certificates.find([name])
        if found:
            yield from (one.fingerprint for one in found)
        elif _FINGERPRINT.fullmatch(name):
            yield Fingerprint(name)


def _nameless(names: set[str], known: KnownKeys) -> Iterator[str]:
    """Yield the key ids of which no fingerprint is named or known."""
    for name in sorted(names):
        named = any(other.endswith(name) for other in names - {name})
        if _KEY_ID.fullmatch(name) and not named and not known.certificates.find([name]):
            yield name
