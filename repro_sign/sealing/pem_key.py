"""Sign with a PEM key, in the process: DSSE envelopes in the image, a Sigstore bundle beside it."""

from collections.abc import Sequence
from dataclasses import field
from typing import Final

from repro_sign.fingerprint import PemFingerprint
from repro_sign.known_keys import Keys, KnownKeys, known
from repro_sign.pem import bundle, dsse
from repro_sign.pem.algorithms import PrivateKey
from repro_sign.sealing.documents import group_documents
from repro_sign.sif.append import NewSignature
from repro_sign.sif.metadata import ObjectDigests
from repro_sign.sif.reader import OpenImage
from repro_sign.statements.signed_file import PEM_ENDING
from repro_sign.values import dataclass

_NO_ENTITY: Final = bytes(20)
"""DSSE signatures carry no fingerprint in their descriptor (SIF reference, section 1.3)."""


@dataclass(frozen=True, slots=True)
class PemKey:
    """A PEM key, unlocked."""

    private: PrivateKey = field(repr=False)

    @property
    def signer(self) -> PemFingerprint:
        """The key's fingerprint."""
        return self.private.public.fingerprint

    @property
    def name(self) -> str | None:
        """PEM keys name nobody."""
        return None

    @property
    def public_text(self) -> str:
        """The public key as PEM text."""
        return self.private.public.pem

    @property
    def known(self) -> KnownKeys:
        """A book that knows this key only."""
        return known([Keys(public_keys=(self.private.public,))], "signer")

    @property
    def needs_digests(self) -> bool:
        """We make the document that is signed."""
        return True

    @property
    def ending(self) -> str:
        """Statements are Sigstore bundles."""
        return PEM_ENDING

    def sign_groups(
        self, image: OpenImage, groups: Sequence[int], object_digests: ObjectDigests | None
    ) -> list[NewSignature]:
        """Sign each group's metadata document."""
        signed = []
        for group, document in group_documents(image, groups, object_digests):
            envelope = dsse.seal(dsse.SIF_METADATA, document, self.private, name_key=True)
            signed.append(NewSignature(dsse.to_bytes(envelope), group, _NO_ENTITY))
        return signed

    def seal_statement(self, text: bytes) -> bytes:
        """Put a statement into a Sigstore bundle."""
        return bundle.seal(text, self.private)
