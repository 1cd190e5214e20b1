"""Make signatures with a key in whichever store it is: over SIF metadata, over a manifest."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from repro_sign import apptainer
from repro_sign.durable import TEMPORARY_MARK
from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.locations import Locations
from repro_sign.openpgp import clearsign
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.secret import SecretKey, UnlockedKey
from repro_sign.sif.append import NewSignature
from repro_sign.sif.metadata import ObjectDigests, build_document
from repro_sign.sif.reader import OpenImage
from repro_sign.stores.gnupg_home import GnuPGHome
from repro_sign.stores.secret_keys import SigningKey

_FICLONE: Final = 0x40049409
"""The ioctl that makes a file share another's blocks (linux/fs.h)."""
_COPY_BYTES: Final = 64 << 20
_BUFFER_BYTES: Final = 1 << 20
_GPG_TEXT_LINE_BYTES: Final = 19_000
"""gpg refuses to see more of a text line than 19,995 bytes, and signs the rest."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """A signing key ready for use. Its passphrase never shows in a repr."""

    key: SigningKey
    where: Locations
    passphrase: str | None = field(repr=False)
    unlocked: UnlockedKey | None = field(repr=False)

    @property
    def book(self) -> CertificateBook:
        """A book that knows this signer only."""
        book = CertificateBook()
        book.add([self.key.certificate], "signer")
        return book

    def clear_sign(self, text: bytes) -> bytes:
        """Return a text (no final line end) as a clear-signed block."""
        if self.unlocked is not None:
            return self.unlocked.clear_sign(text)
        home = GnuPGHome(self.where.gnupg_home)
        signature = home.sign_text(self.key.fingerprint, text, self.passphrase)
        return clearsign.frame(text, signature, "SHA256") + b"\n"

    def sign_groups(
        self, image: OpenImage, groups: Sequence[int], object_digests: ObjectDigests | None
    ) -> list[NewSignature]:
        """Return signature objects for these groups of an image.

        A key in Apptainer's ring signs through `apptainer sign`, which computes the digests
        itself; one in GnuPG signs the document made of `object_digests`.
        """
        if self.key.secret is not None:
            return self._sign_with_apptainer(image, groups, self.key.secret)
        if object_digests is None:
            raise ValueError("a key in GnuPG needs the objects' digests")
        return [self._sign_with_gnupg(image, group, object_digests) for group in groups]

    def _sign_with_gnupg(
        self, image: OpenImage, group: int, object_digests: ObjectDigests
    ) -> NewSignature:
        document = build_document(image.header, image.groups[group], object_digests)
        home = GnuPGHome(self.where.gnupg_home)
        text = len(document) < _GPG_TEXT_LINE_BYTES
        signature = home.sign_text(self.key.fingerprint, document, self.passphrase, text=text)
        block = clearsign.frame(document, signature, "SHA256")
        return NewSignature(block, group, self.key.fingerprint)

    def _sign_with_apptainer(
        self, image: OpenImage, groups: Sequence[int], secret: SecretKey
    ) -> list[NewSignature]:
        before = {one.id for one in image.objects}
        public = secret.certificate.binary
        with private_copy(image) as copy:
            apptainer.sign(copy, image.size, public, secret.binary, self.passphrase)
            signed = OpenImage(image.path, copy)
            return [
                NewSignature(signed.object_data(one), group, self.key.fingerprint)
                for one in signed.signatures
                if one.id not in before and (group := one.linked_group) in groups and group
            ]


def prepare(key: SigningKey, where: Locations, passphrase: str | None) -> Sealer:
    """Make a key ready; a wrong passphrase for a key in Apptainer's ring shows here.

    Raises `RefusedError`.
    """
    unlocked = key.secret.unlock(passphrase) if key.secret is not None else None
    return Sealer(key, where, passphrase, unlocked)


@contextmanager
def private_copy(image: OpenImage) -> Iterator[int]:
    """Open a copy of an image that has no name and goes with the process, however it ends.

    It shares the original's blocks where the file system can. Raises `RefusedError` if there is
    no room for it.
    """
    folder = image.path.resolve().parent
    try:
        descriptor = _nameless_file(folder)
    except OSError as error:
        raise _no_room(image, error) from error
    try:
        try:
            _copy(image, descriptor)
        except OSError as error:
            raise _no_room(image, error) from error
        yield descriptor
    finally:
        os.close(descriptor)


def _nameless_file(folder: Path) -> int:
    """Open a new file without a name in a folder; where that can't be, one whose name is gone."""
    if hasattr(os, "O_TMPFILE"):
        with suppress(OSError):
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    path = folder / f".{os.getpid()}{TEMPORARY_MARK}copy"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    path.unlink()
    return descriptor


def _copy(image: OpenImage, target: int) -> None:
    import fcntl  # Linux only, as is apptainer

    with suppress(OSError):
        fcntl.ioctl(target, _FICLONE, image.fd)
        return
    offset = 0
    while offset < image.size:
        count = _copy_part(image.fd, target, min(_COPY_BYTES, image.size - offset), offset)
        if not count:
            raise RefusedError(f"{printable(str(image.path))} became shorter while it was copied")
        offset += count


def _copy_part(source: int, target: int, length: int, offset: int) -> int:
    """Copy inside the kernel where the file system can, through a buffer elsewhere."""
    try:
        return os.copy_file_range(source, target, length, offset, offset)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP):
            raise
    return os.pwrite(target, os.pread(source, min(length, _BUFFER_BYTES), offset), offset)


def _no_room(image: OpenImage, error: OSError) -> RefusedError:
    shown = printable(str(image.path.parent))
    return RefusedError(
        f"{shown}: a private copy of {image.size} bytes can't be made: {error.strerror}",
        hint="apptainer sign needs room for a copy of the image beside it; nothing was changed",
    )
