"""The global key ring: the keys that Apptainer's control list knows, and which of them count."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp.certificate import MAX_RING_BYTES, Certificate, read_ring
from repro_sign.system.files import read_small
from repro_sign.times import readable

FILE_NAME: Final = "global-pgp-public"


def read_global_ring(path: Path) -> tuple[Certificate, ...]:
    """Read a key ring in Apptainer's form: binary packets.

    Raises `UnreadableError` or `MalformedError` if that can't be done.
    """
    return read_ring(read_small(path, MAX_RING_BYTES, "key ring"))


def copied(ring: Iterable[Certificate]) -> frozenset[Fingerprint]:
    """Return the keys of which a ring holds copies that differ.

    Apptainer does not merge them: what one copy knows of a revocation may count or not.
    """
    seen: dict[Fingerprint, bytes] = {}
    return frozenset(
        one.fingerprint
        for one in ring
        if seen.setdefault(one.fingerprint, one.binary) != one.binary
    )


def useless(certificate: Certificate, now: datetime) -> str | None:
    """Say why no signature by a key counts for Apptainer, whenever it was made; None if it does.

    Unlike `repro-sign verify`, Apptainer judges keys now.
    """
    if not certificate.user_ids:
        return "its certificate has no user id, which Apptainer can't read"
    if certificate.revoked:
        return "it is revoked"
    if certificate.expires is not None and certificate.expires <= now:
        return f"it ended on {readable(certificate.expires)}"
    return None
