"""The Web Key Directory: where the web site of an e-mail address's domain has its key.

(draft-koch-openpgp-webkey-service, section 3.1.) The site proves only who runs the site: what it
hands out is compared with the fingerprint that was asked for, and makes nobody trusted.
"""

import hashlib
import re
from contextlib import suppress
from typing import Final

from repro_sign import web
from repro_sign.errors import NoAnswerError, NotServedError, RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.known_keys import Keys
from repro_sign.openpgp.received import MAX_ANSWER_BYTES, address_of, receive
from repro_sign.values import dataclass

ROOT: Final = ".well-known/openpgpkey"
_Z_BASE_32: Final = "ybndrfg8ejkmcpqxot1uwisza345h769"
"""The alphabet of z-base-32 (RFC 6189, section 5.1.6)."""
_MAX_ADDRESSES: Final = 5
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
)


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address in a directory. `local` and `domain` have small ASCII letters."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address. Raises `UsageError` if it is none."""
        address = address_of(text)
        local, _, domain = (address or "").rpartition("@")
        if not _DOMAIN.fullmatch(domain):
            raise UsageError(
                f"{printable(text)} is not an e-mail address that a directory could have",
                hint="a domain with other letters than ASCII is written as xn--…",
            )
        return cls(local, domain)

    @property
    def hash(self) -> str:
        """The name of the key's file: z-base-32 of SHA-1 of the local part."""
        digest = hashlib.sha1(self.local.encode(), usedforsecurity=False).digest()
        number = int.from_bytes(digest, "big")
        return "".join(_Z_BASE_32[number >> shift & 31] for shift in range(155, -1, -5))

    @property
    def advanced(self) -> str:
        """The folder of the advanced method, on the host `openpgpkey.` and the domain."""
        return f"{ROOT}/{self.domain}"

    @property
    def urls(self) -> tuple[str, str]:
        """Where the key is looked for: by the advanced method, and by the direct one."""
        return (
            f"https://openpgpkey.{self.domain}/{self.advanced}/hu/{self.hash}",
            f"https://{self.domain}/{ROOT}/hu/{self.hash}",
        )

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def is_domain(text: str) -> bool:
    """Whether a text is a domain name of ASCII letters, which is also a safe name of a folder."""
    return _DOMAIN.fullmatch(text) is not None


class WebKeyDirectory:
    """All web sites that have a directory: which one is asked follows from the address."""

    name = "the Web Key Directory"

    def keys(self, wanted: SignerId, addresses: tuple[str, ...] = ()) -> Keys:
        """Ask the sites of these addresses for a key, one after the other.

        Raises `UsageError` without an address, `NotServedError` if no site has the key,
        `RefusedError` for another key, `NoAnswerError` if a site can't be asked.
        """
        if not isinstance(wanted, Fingerprint):
            raise RefusedError(
                "a Web Key Directory holds OpenPGP keys only",
                hint="a PEM key comes from a file, folder or web address: --from",
            )
        if not addresses:
            raise UsageError(
                f"no e-mail address of {wanted.grouped()} is known here: say --email ADDRESS"
            )
        places = [Address.parse(one) for one in addresses[:_MAX_ADDRESSES]]
        for place in places[:-1]:
            with suppress(NotServedError):
                return self._find(wanted, place)
        return self._find(wanted, places[-1])

    def _find(self, wanted: Fingerprint, place: Address) -> Keys:
        """Ask by the advanced method, else by the direct one.

        The fingerprint decides, so asking the second place too can do no harm; where names are
        resolved by a proxy, nobody can tell whether the first one exists.
        """
        advanced, direct = place.urls
        try:
            return self._ask(advanced, wanted, place)
        except (NoAnswerError, NotServedError) as first:
            try:
                return self._ask(direct, wanted, place)
            except NoAnswerError as second:
                if isinstance(first, NotServedError):
                    raise first from second
                raise

    def _ask(self, url: str, wanted: Fingerprint, place: Address) -> Keys:
        what = f"key of {printable(str(place))}"
        data = web.get(url, what, MAX_ANSWER_BYTES, query={"l": place.local})
        return Keys(certificates=(receive(data, wanted, f"the web site of {place.domain}"),))
