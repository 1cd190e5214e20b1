"""Use case: ask somebody for a public key, and merge what is new about it into what is known.

Whoever is asked, only the certificate with the full fingerprint that was asked for is taken, and
it makes nobody trusted.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from repro_sign.errors import (
    MalformedError,
    NoAnswerError,
    RefusedError,
    ReproSignError,
    UsageError,
)
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.changes import Statement, said_besides
from repro_sign.openpgp.received import address_of
from repro_sign.stores.certificates import own_copy
from repro_sign.stores.kept_keys import keep, read_kept
from repro_sign.stores.news import spread
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass


class KeySource(Protocol):
    """Somebody who hands out keys: a key server, a web site, a folder."""

    @property
    def name(self) -> str:
        """What the source is called in reports."""

    def keys(self, wanted: SignerId, addresses: tuple[str, ...] = ()) -> Keys:
        """Return the one key that is asked for, compared with its fingerprint.

        `addresses` are e-mail addresses of its owner, where a source needs one. Raises
        `NotServedError` if the source does not have it.
        """


@dataclass(frozen=True, slots=True)
class FetchReport:
    """A key that was asked for and came.

    `known` says whether a copy was here before, `news` what the new one says besides, `learnt`
    which stores learnt it. `certificate` is what is known now; None for a PEM key.
    """

    fingerprint: SignerId
    source: str
    known: bool
    news: tuple[Statement, ...]
    learnt: tuple[str, ...]
    certificate: Certificate | None = None


def fetch_key(
    wanted: SignerId,
    source: KeySource,
    where: Locations,
    now: datetime,
    email: str | None = None,
) -> FetchReport:
    """Ask `source` for a key; keep it, and tell every store that holds a copy what is new.

    Raises `NotServedError` if the source does not have it, `RefusedError` or `MalformedError` if
    it sends something else, `NoAnswerError` if it can't be asked.
    """
    own = own_copy(where, wanted)
    before = own.certificates[0] if own.certificates else None
    fetched = source.keys(wanted, (email,) if email else _addresses(before))
    if not fetched.certificates:
        kept = ("the kept keys",) if keep(where, fetched) else ()
        return FetchReport(wanted, source.name, bool(own), (), kept)
    (certificate,) = fetched.certificates
    try:
        news = said_besides(before, certificate, now) if before else ()
        learnt = spread(where, certificate)
        after = before.merged(certificate) if before else certificate
    except MalformedError as error:
        raise RefusedError(
            f"what {source.name} sent does not go together with the copies here: {error}",
            hint="one of the two is flooded with junk: get a clean copy from the key's owner",
        ) from error
    return FetchReport(wanted, source.name, before is not None, news, learnt, after)


def refresh_kept(
    source: KeySource, where: Locations, now: datetime, *, one_place: bool
) -> Iterator[FetchReport | tuple[SignerId, ReproSignError]]:
    """Ask `source` for every OpenPGP key that is kept; yield what came, or why it did not.

    If it is `one_place`, nothing more is asked once it could not be asked. A `UsageError` says that
    a key's web site can't be asked, for want of an e-mail address.
    """
    for known in read_kept(where).certificates:
        try:
            yield fetch_key(known.fingerprint, source, where, now)
        except (RefusedError, MalformedError, UsageError) as error:
            yield known.fingerprint, error
        except NoAnswerError as error:
            yield known.fingerprint, error
            if one_place:
                return


def _addresses(certificate: Certificate | None) -> tuple[str, ...]:
    """Return the e-mail addresses in a certificate's user ids."""
    found = (address_of(one) for one in (certificate.user_ids if certificate else ()))
    return tuple(dict.fromkeys(one for one in found if one))
