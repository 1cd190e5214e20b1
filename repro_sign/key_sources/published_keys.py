"""A folder, a file or a web address in which somebody published keys."""

import os
from pathlib import Path

from repro_sign import web
from repro_sign.errors import NotServedError, RefusedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.known_keys import Keys, read_keys
from repro_sign.openpgp.certificate import MAX_RING_BYTES, Certificate
from repro_sign.openpgp.received import MAX_ANSWER_BYTES, OtherKeyError, receive
from repro_sign.pem.keys import MAX_KEY_BYTES
from repro_sign.system.files import read_small
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """Where `--from` points: a file, a folder of files named by fingerprint, or a web address.

    A web address that ends with a slash is such a folder.
    """

    place: str

    @property
    def name(self) -> str:
        """What the place is called in reports."""
        return self.place

    def keys(self, wanted: SignerId, addresses: tuple[str, ...] = ()) -> Keys:
        """Return the key that is asked for.

        Raises `NotServedError` if there is no such file, `RefusedError` if it holds another key or
        a secret one, `MalformedError` if it holds none, `NoAnswerError` if it can't be read.
        """
        del addresses
        data = self._from_web(wanted) if "://" in self.place else self._from_disk(wanted)
        source = printable(self.place)
        if isinstance(wanted, Fingerprint):
            return Keys(certificates=(self._receive(data, wanted, source),))
        found = read_keys(data, source)
        if found.signers != (wanted,):
            raise RefusedError(
                f"{source} holds another key, and not {wanted}, which was asked for",
                hint="do not use this source: it is broken, or it deceives",
            )
        return found

    def _receive(self, data: bytes, wanted: Fingerprint, source: str) -> Certificate:
        try:
            return receive(data, wanted, source)
        except OtherKeyError as error:
            if "://" in self.place or Path(self.place).is_dir():
                raise
            message = f"{source} does not hold the key {wanted.grouped()}"
            raise NotServedError(message) from error

    def _from_web(self, wanted: SignerId) -> bytes:
        url = self.place + (wanted.file_name if self.place.endswith("/") else "")
        limit = MAX_ANSWER_BYTES if isinstance(wanted, Fingerprint) else MAX_KEY_BYTES
        return web.get(url, f"key {wanted.grouped()}", limit)

    def _from_disk(self, wanted: SignerId) -> bytes:
        path = Path(self.place)
        if path.is_dir():
            path /= wanted.file_name
            if not os.path.lexists(path):
                raise NotServedError(
                    f"{printable(self.place)} has no {path.name}",
                    hint="if the key is in a file of another name, name that file",
                )
        elif not os.path.lexists(path):
            raise UnreadableError(f"{printable(self.place)}: no such file or folder")
        return read_small(path, MAX_RING_BYTES, "key file")
