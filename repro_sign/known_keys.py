"""All keys at hand for checking signatures, OpenPGP and PEM. They make nobody trusted."""

from collections.abc import Iterable
from dataclasses import field

from repro_sign.errors import RefusedError
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.openpgp.book import CertificateBook
from repro_sign.openpgp.certificate import Certificate, read_certificates
from repro_sign.pem.book import PublicKeyBook
from repro_sign.pem.keys import PublicKey, is_private, read_public_key
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """Some keys from one place."""

    certificates: tuple[Certificate, ...] = ()
    public_keys: tuple[PublicKey, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.certificates or self.public_keys)

    def __add__(self, other: "Keys") -> "Keys":
        return Keys(self.certificates + other.certificates, self.public_keys + other.public_keys)

    @property
    def signers(self) -> tuple[SignerId, ...]:
        """The fingerprints of all."""
        return (
            *(one.fingerprint for one in self.certificates),
            *(one.fingerprint for one in self.public_keys),
        )


def read_keys(data: bytes, what: str) -> Keys:
    """Read public keys of either kind; `what` names the file in errors.

    Raises `MalformedError` if it holds none, and `RefusedError` if it holds a secret key: whoever
    has that file can sign, so it proves nothing about who did.
    """
    if b"-----BEGIN PUBLIC KEY" in data or b"-----BEGIN RSA PUBLIC KEY" in data:
        return Keys(public_keys=(read_public_key(data, what),))
    secret = is_private(data)
    certificates = () if secret else read_certificates(data, what)
    if secret or any(one.had_secret for one in certificates):
        raise RefusedError(
            f"{what} holds a SECRET key: whoever has that file can sign, so it proves nothing",
            hint="ask its owner for the public key, and tell them that their secret key is out",
        )
    return Keys(certificates=certificates)


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Both books of keys."""

    certificates: CertificateBook = field(default_factory=CertificateBook)
    public_keys: PublicKeyBook = field(default_factory=PublicKeyBook)

    def add(self, keys: Keys, origin: str) -> None:
        """Add keys that came from one place."""
        self.certificates.add(keys.certificates, origin)
        self.public_keys.add(keys.public_keys, origin)

    def only(self, signer: SignerId) -> Keys:
        """Return the one key with this fingerprint, or none."""
        if isinstance(signer, Fingerprint):
            certificate = self.certificates.get(signer)
            return Keys(certificates=(certificate,) if certificate else ())
        key = self.public_keys.get(signer)
        return Keys(public_keys=(key,) if key else ())

    def origins(self, signer: SignerId) -> frozenset[str]:
        """Return where copies of a key came from."""
        if isinstance(signer, Fingerprint):
            return self.certificates.origins(signer)
        return self.public_keys.origins(signer)


def known(keys: Iterable[Keys], origin: str) -> KnownKeys:
    """Return a book of these keys alone."""
    book = KnownKeys()
    for one in keys:
        book.add(one, origin)
    return book
