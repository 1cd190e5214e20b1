"""Spread what is new about a key (revoked, renewed, another subkey) to wherever a copy lies.

Apptainer and GnuPG each keep copies of their own and learn nothing from each other.
"""

from functools import reduce

from repro_sign.known_keys import Keys
from repro_sign.openpgp.certificate import Certificate
from repro_sign.stores import apptainer_ring
from repro_sign.stores.gnupg_at_hand import gnupg_at_hand
from repro_sign.stores.kept_keys import keep
from repro_sign.system.locations import Locations


def spread(where: Locations, certificate: Certificate) -> tuple[str, ...]:
    """Merge a certificate into every store that holds its key, and keep a copy.

    Returns the places that learnt something, in words. Nobody becomes trusted by it. Raises
    `RefusedError` if a store can't be written.
    """
    learnt = []
    if keep(where, Keys(certificates=(certificate,))):
        learnt.append("the kept keys")
    apptainer_ring.sweep(where.apptainer_keys)
    if _news_for_apptainer(where, certificate):
        apptainer_ring.add_key(where.apptainer_keys, certificate.binary, b"")
        learnt.append("Apptainer's ring")
    home = gnupg_at_hand(where)
    for copy in home.certificates((certificate.fingerprint.hex,)) if home else ():
        if home and copy.fingerprint == certificate.fingerprint and _is_news(copy, certificate):
            # Merged here: gpg takes no certificate without user ids, as key servers hand them out
            home.import_key(copy.merged(certificate).binary)
            learnt.append("GnuPG")
    return tuple(learnt)


def _news_for_apptainer(where: Locations, certificate: Certificate) -> bool:
    """Whether the ring lacks something: its secret half, which learns nothing, does not count."""
    copies = apptainer_ring.read_public(where.apptainer_keys)
    ours = [one for one in copies if one.fingerprint == certificate.fingerprint]
    return bool(ours) and _is_news(reduce(Certificate.merged, ours), certificate)


def _is_news(copy: Certificate, certificate: Certificate) -> bool:
    """Whether a copy lacks something that `certificate` has."""
    return copy.merged(certificate).binary != copy.binary
