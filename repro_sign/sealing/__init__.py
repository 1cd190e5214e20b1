"""Make signatures with a key in whichever store it is: over SIF metadata, over a manifest."""

from collections.abc import Sequence
from typing import Protocol

from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import KnownKeys
from repro_sign.sif.append import NewSignature
from repro_sign.sif.metadata import ObjectDigests
from repro_sign.sif.reader import OpenImage


class Sealer(Protocol):
    """A signing key ready for use. Its passphrase never shows in a repr."""

    @property
    def signer(self) -> SignerId:
        """The key's fingerprint."""

    @property
    def name(self) -> str | None:
        """What the key calls its owner; hostile text until escaped."""

    @property
    def public_text(self) -> str:
        """The public key as a text, for the manifest."""

    @property
    def known(self) -> KnownKeys:
        """A book that knows this key only."""

    @property
    def needs_digests(self) -> bool:
        """Whether `sign_groups` has to be given the objects' digests."""

    @property
    def ending(self) -> str:
        """How the names of its signed statements end."""

    def sign_groups(
        self, image: OpenImage, groups: Sequence[int], object_digests: ObjectDigests | None
    ) -> list[NewSignature]:
        """Return signature objects for these groups of an image."""

    def seal_statement(self, text: bytes) -> bytes:
        """Return a signed file around a statement (no final line end)."""


__all__ = ["Sealer"]
