"""All certificates at hand, one entry for each key, copies merged before anything is judged.

Whoever takes the first copy that verifies is fooled by one whose revocation was cut off.
"""

from collections.abc import Iterable, Iterator

from repro_sign.errors import MalformedError
from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp.certificate import Certificate


class CertificateBook:
    """Certificates by fingerprint and by the key ids of their keys and subkeys.

    Being in here makes nobody trusted. `origins` tells where copies of a certificate came from.
    """

    def __init__(self) -> None:
        self._by_fingerprint: dict[Fingerprint, Certificate] = {}
        self._by_key_id: dict[str, set[Fingerprint]] = {}
        self._origins: dict[Fingerprint, set[str]] = {}

    def add(self, certificates: Iterable[Certificate], origin: str) -> None:
        """Add certificates, merging each with the copy that is already there.

        A copy that would make the whole too large (flooded with junk) is left out: those from
        the user's own stores are added before those that came with an image.
        """
        for certificate in certificates:
            name = certificate.fingerprint
            merged = certificate
            if known := self._by_fingerprint.get(name):
                try:
                    merged = known.merged(certificate)
                except MalformedError:
                    continue
            self._by_fingerprint[name] = merged
            self._origins.setdefault(name, set()).add(origin)
            for key_id in merged.key_ids:
                self._by_key_id.setdefault(key_id, set()).add(name)

    def find(self, issuers: Iterable[str]) -> tuple[Certificate, ...]:
        """Return the certificates that have one of these fingerprints or key ids.

        Those whose primary key is named come first: anybody can hang another's key into a
        certificate of their own as a subkey (which pysequoia then refuses as not bound).
        """
        wanted = {issuer.upper() for issuer in issuers}
        names: set[Fingerprint] = set()
        for issuer in wanted:
            names |= self._by_key_id.get(issuer, set())
        ordered = sorted(names, key=lambda one: (not {one.hex, one.key_id} & wanted, one))
        return tuple(self._by_fingerprint[name] for name in ordered)

    def get(self, fingerprint: Fingerprint) -> Certificate | None:
        """Return the certificate with this primary fingerprint."""
        return self._by_fingerprint.get(fingerprint)

    def origins(self, fingerprint: Fingerprint) -> frozenset[str]:
        """Return where copies of this certificate came from."""
        return frozenset(self._origins.get(fingerprint, ()))

    def __iter__(self) -> Iterator[Certificate]:
        return iter(self._by_fingerprint.values())
