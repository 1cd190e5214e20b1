"""Sign with an OpenPGP key: through `apptainer sign`, in the process, or through gpg.

`apptainer sign` uses the primary key whatever its flags say. Where that may only certify, the
result is worth nothing, so such a key's signing subkey signs in the process.
"""

from collections.abc import Sequence
from dataclasses import field
from typing import Final

from repro_sign import apptainer
from repro_sign.fingerprint import Fingerprint
from repro_sign.known_keys import Keys, KnownKeys, known
from repro_sign.openpgp import clearsign
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.secret import SecretKey, UnlockedKey
from repro_sign.sealing.documents import group_documents
from repro_sign.sealing.private_copy import private_copy
from repro_sign.sif import layout
from repro_sign.sif.append import NewSignature
from repro_sign.sif.metadata import ObjectDigests
from repro_sign.sif.reader import OpenImage
from repro_sign.statements.signed_file import OPENPGP_ENDING
from repro_sign.stores.gnupg_home import GnuPGHome
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass

_GPG_TEXT_LINE_BYTES: Final = 19_000
"""gpg refuses to see more of a text line than 19,995 bytes, and signs the rest."""


@dataclass(frozen=True, slots=True)
class _OpenPGPKey:
    """What keys of both stores have in common."""

    certificate: Certificate

    @property
    def signer(self) -> Fingerprint:
        """The primary key's fingerprint."""
        return self.certificate.fingerprint

    @property
    def name(self) -> str | None:
        """The first user id."""
        return self.certificate.user_id

    @property
    def public_text(self) -> str:
        """The armored certificate."""
        return self.certificate.armored

    @property
    def known(self) -> KnownKeys:
        """A book that knows this key only."""
        return known([Keys(certificates=(self.certificate,))], "signer")

    @property
    def ending(self) -> str:
        """Statements are clear-signed texts."""
        return OPENPGP_ENDING


@dataclass(frozen=True, slots=True)
class ApptainerKey(_OpenPGPKey):
    """A key in Apptainer's ring. `apptainer sign` makes the signature in an image."""

    secret: SecretKey = field(repr=False)
    passphrase: str | None = field(repr=False)
    unlocked: UnlockedKey = field(repr=False)

    @property
    def needs_digests(self) -> bool:
        """Apptainer computes them itself."""
        return False

    def sign_groups(
        self, image: OpenImage, groups: Sequence[int], object_digests: ObjectDigests | None
    ) -> list[NewSignature]:
        """Let Apptainer sign a private copy, and take its signature objects from there."""
        del object_digests
        before = {one.id for one in image.objects}
        public = self.certificate.binary
        with private_copy(image) as copy:
            apptainer.sign(copy, image.size, public, self.secret.binary, self.passphrase)
            signed = OpenImage(image.path, copy)
            return [
                NewSignature(signed.object_data(one), group, self.signer.raw)
                for one in signed.signatures
                if one.id not in before and (group := one.linked_group) in groups and group
            ]

    def seal_statement(self, text: bytes) -> bytes:
        """Clear-sign a statement with the secret key from the ring."""
        return self.unlocked.clear_sign(text)


@dataclass(frozen=True, slots=True)
class RingSubkey(_OpenPGPKey):
    """A key in Apptainer's ring whose primary key may not sign: a signing subkey does it."""

    unlocked: UnlockedKey = field(repr=False)

    @property
    def needs_digests(self) -> bool:
        """We make the document that is signed."""
        return True

    def sign_groups(
        self, image: OpenImage, groups: Sequence[int], object_digests: ObjectDigests | None
    ) -> list[NewSignature]:
        """Clear-sign each group's metadata document; the descriptor names the primary key."""
        signed = []
        for group, document in group_documents(image, groups, object_digests):
            block = self.unlocked.clear_sign(document).rstrip(b"\n")
            signed.append(NewSignature(block, group, self.signer.raw, layout.HASH_SHA512))
        return signed

    def seal_statement(self, text: bytes) -> bytes:
        """Clear-sign a statement."""
        return self.unlocked.clear_sign(text)


@dataclass(frozen=True, slots=True)
class GnuPGKey(_OpenPGPKey):
    """A key that gpg reaches: on disk, through an agent, on a card."""

    where: Locations
    passphrase: str | None = field(repr=False)

    @property
    def needs_digests(self) -> bool:
        """We make the document that gpg signs."""
        return True

    def sign_groups(
        self, image: OpenImage, groups: Sequence[int], object_digests: ObjectDigests | None
    ) -> list[NewSignature]:
        """Let gpg sign each group's metadata document."""
        signed = []
        for group, document in group_documents(image, groups, object_digests):
            signature = self._sign(document, text=len(document) < _GPG_TEXT_LINE_BYTES)
            block = clearsign.frame(document, signature, "SHA256")
            signed.append(NewSignature(block, group, self.signer.raw))
        return signed

    def seal_statement(self, text: bytes) -> bytes:
        """Clear-sign a statement through gpg."""
        return clearsign.frame(text, self._sign(text, text=True), "SHA256") + b"\n"

    def _sign(self, data: bytes, *, text: bool) -> bytes:
        home = GnuPGHome(self.where.gnupg_home)
        return home.sign_text(self.signer, data, self.passphrase, text=text)
