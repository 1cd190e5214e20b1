"""A key server: ask for one key by its full fingerprint, and send one (HKP).

The requests are those of draft-gallagher-openpgp-hkp, sections 3 and 4, that SKS, Hockeypuck and
keys.openpgp.org all answer. A server proves nothing: what it hands out is compared with the
fingerprint that was asked for, and makes nobody trusted.
"""

from typing import Final

from repro_sign import web
from repro_sign.errors import (
    MalformedError,
    NoAnswerError,
    NotServedError,
    RefusedError,
    UsageError,
)
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.known_keys import Keys
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.received import MAX_ANSWER_BYTES, receive
from repro_sign.values import dataclass
from repro_sign.web_address import check, split

DEFAULT_KEY_SERVER: Final = "https://keys.openpgp.org"
"""Apptainer's default, too."""
_SCHEMES: Final = {"hkps": "https", "https": "https", "hkp": "http", "http": "http"}
_HKP_PORT: Final = 11371
_MAX_RECEIPT_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class KeyServer:
    """A key server. `url` is its http or https address, without a slash at its end."""

    url: str

    @classmethod
    def parse(cls, text: str) -> "KeyServer":
        """Read an address as gpg and Apptainer take it: hkps, https, hkp or http.

        Raises `UsageError` for any other.
        """
        parts = split(text)
        if parts.scheme not in _SCHEMES or parts.query or parts.fragment:
            raise UsageError(
                f"{printable(text)} is not the address of a key server",
                hint="hkps://HOST or https://HOST",
            )
        netloc = parts.netloc
        if parts.scheme == "hkp" and parts.port is None:
            netloc = f"{netloc.rstrip(':')}:{_HKP_PORT}"
        scheme = _SCHEMES[parts.scheme]
        server = cls(f"{scheme}://{netloc}{parts.path.rstrip('/')}")
        check(server.url)
        return server

    @property
    def name(self) -> str:
        """What the server is called in reports."""
        return self.url

    @property
    def is_plain(self) -> bool:
        """Whether the address has no path: all that Apptainer understands."""
        return not split(self.url).path

    def keys(self, wanted: SignerId, addresses: tuple[str, ...] = ()) -> Keys:
        """Ask for a key. Raises `RefusedError` for a PEM key, else as `certificate` does."""
        del addresses
        if not isinstance(wanted, Fingerprint):
            raise RefusedError(
                "key servers hold OpenPGP keys only",
                hint="a PEM key comes from a file, folder or web address: --from",
            )
        return Keys(certificates=(self.certificate(wanted),))

    def certificate(self, wanted: Fingerprint, *, or_subkey: bool = False) -> Certificate:
        """Ask for the certificate of a key.

        Raises `NotServedError` if the server does not have it, `RefusedError` if it sends another,
        `MalformedError` for anything else that it sends, `NoAnswerError` if it can't be asked.
        """
        query = {"op": "get", "options": "mr", "search": f"0x{wanted.hex}"}
        what = f"key {wanted.grouped()}"
        data = web.get(f"{self.url}/pks/lookup", what, MAX_ANSWER_BYTES, query=query)
        return receive(data, wanted, self.name, or_subkey=or_subkey)

    def add(self, certificate: Certificate) -> None:
        """Send a certificate. What the server then serves has to be asked for.

        Raises `RefusedError` if it does not take it, `NoAnswerError` if it can't be reached.
        """
        fields = {"keytext": certificate.armored}
        web.post_form(f"{self.url}/pks/add", fields, "the key", _MAX_RECEIPT_BYTES)


class RememberingKeyServer:
    """A key server that is asked once for each key, and no more once it could not be asked."""

    def __init__(self, server: KeyServer) -> None:
        self._server = server
        self._answers: dict[Fingerprint, Certificate | None] = {}
        self._trouble: NoAnswerError | None = None

    @property
    def name(self) -> str:
        """What the server is called in reports."""
        return self._server.name

    def certificate(self, wanted: Fingerprint) -> Certificate | None:
        """Return the certificate with this key or subkey; None if the server does not have it.

        Raises `NoAnswerError` if there is no answer to be believed.
        """
        if self._trouble:
            raise self._trouble
        if wanted not in self._answers:
            self._answers[wanted] = self._ask(wanted)
        return self._answers[wanted]

    def _ask(self, wanted: Fingerprint) -> Certificate | None:
        try:
            return self._server.certificate(wanted, or_subkey=True)
        except NotServedError:
            return None
        except NoAnswerError as error:
            self._trouble = error
            raise
        except (RefusedError, MalformedError) as error:
            raise NoAnswerError(str(error), hint=error.hint) from error
