"""Read the certificates of the time-stamping authorities that the caller believes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, UsageError
from repro_sign.escaping import printable
from repro_sign.quietly import without_warnings
from repro_sign.system.files import read_small
from repro_sign.timestamps.proof import Authorities, require_library

_MAX_CERTIFICATES_BYTES: Final = 1 << 20
"""Largest file of certificates that is read: the web's whole list of authorities is smaller."""
_OLD_HASHES: Final = ("md5", "sha1")
"""Many a root in use is signed with one: such a signature proves nothing, nor can it be checked."""


def read_authorities(paths: Iterable[Path]) -> Authorities:
    """Read files with certificates as PEM, a root at least in each; others complete the chain.

    Raises `ExtraMissingError` without the optional extra, `UnreadableError` if a file can't be
    read, `UsageError` if it holds no root: an authority's own certificate proves nothing by itself.
    """
    require_library()
    with without_warnings():
        found = dict.fromkeys(one for path in paths for one in _read(path))
    return Authorities(tuple(found))


def _read(path: Path) -> list[bytes]:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding

    shown = printable(str(path))
    hint = "the root certificate of a time-stamping authority is needed, as PEM"
    try:
        data = read_small(path, _MAX_CERTIFICATES_BYTES, "set of certificates")
        certificates = x509.load_pem_x509_certificates(data)
        roots = [one for one in certificates if one.issuer == one.subject]
        for root in roots:
            hashed = root.signature_hash_algorithm
            if hashed is None or hashed.name not in _OLD_HASHES:
                root.verify_directly_issued_by(root)
        found = [one.public_bytes(Encoding.DER) for one in certificates]
    except MalformedError as error:
        raise UsageError(str(error), hint=hint) from error
    except InvalidSignature as error:
        raise UsageError(f"{shown} holds a root certificate that is damaged", hint=hint) from error
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise UsageError(f"{shown} can't be read as PEM certificates", hint=hint) from error
    if not roots:
        raise UsageError(
            f"{shown} holds no root certificate (one signed by its own key)", hint=hint
        )
    return found
