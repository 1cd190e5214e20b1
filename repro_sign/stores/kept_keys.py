"""Public keys kept in the settings folder: those of trusted people, and those that were fetched.

One file for each key, named by its fingerprint. A key in here makes nobody trusted: only an entry
in the trust file does.
"""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys, read_keys
from repro_sign.openpgp.certificate import MAX_CERTIFICATE_BYTES, Certificate, read_certificates
from repro_sign.system.durable import locked_folder, private_folder, write_file
from repro_sign.system.files import read_if_there, read_small
from repro_sign.system.locations import Locations

_MAX_FILES: Final = 10_000
_MAX_FILE_BYTES: Final = MAX_CERTIFICATE_BYTES * 2
"""Armor makes a certificate longer by a third."""
_OPENPGP_NAME: Final = re.compile(r"[0-9A-F]{40}\.asc")
_PEM_NAME: Final = re.compile(r"[0-9a-f]{64}\.pub")


def keep(where: Locations, keys: Keys) -> bool:
    """Keep public keys; an OpenPGP certificate is merged with the copy that is there.

    Returns whether anything new came in. Raises `RefusedError` if that can't be written.
    """
    private_folder(where.kept_keys)
    with locked_folder(where.kept_keys):
        changed = [
            _write(where.kept_keys / key.fingerprint.file_name, key.pem.encode())
            for key in keys.public_keys
        ]
        changed += [_merge(where, certificate) for certificate in keys.certificates]
    return any(changed)


def read_kept(where: Locations, issuers: Collection[str] | None = None) -> Keys:
    """Return the keys that are kept; a damaged one is left out.

    `issuers` are fingerprints and key ids, upper case, of primary keys or subkeys: of the OpenPGP
    certificates at least those are returned. PEM keys are returned all.
    """
    found = Keys()
    for path in _wanted(_files(where), issuers):
        with suppress(MalformedError, RefusedError, NoAnswerError):
            found += read_keys(read_small(path, _MAX_FILE_BYTES, "key"), printable(str(path)))
    return found


def forget(where: Locations, fingerprint: SignerId) -> None:
    """Remove a key from the folder, if it is there."""
    with suppress(OSError):
        (where.kept_keys / fingerprint.file_name).unlink(missing_ok=True)


def _merge(where: Locations, certificate: Certificate) -> bool:
    path = where.kept_keys / certificate.fingerprint.file_name
    old = read_if_there(path, _MAX_FILE_BYTES, "certificate")
    merged = certificate
    for known in read_certificates(old, printable(str(path))) if old is not None else ():
        merged = known.merged(merged)
    return _write(path, merged.armored.encode())


def _write(path: Path, data: bytes) -> bool:
    if read_if_there(path, _MAX_FILE_BYTES, "key") == data:
        return False
    write_file(path, data, mode=0o600)
    return True


def _files(where: Locations) -> list[Path]:
    try:
        names = sorted(os.listdir(where.kept_keys))[:_MAX_FILES]
    except OSError:
        return []
    return [where.kept_keys / name for name in names]


def _wanted(files: list[Path], issuers: Collection[str] | None) -> Iterator[Path]:
    """Yield the files that may hold one of these keys.

    A file's name tells its primary key only: where an issuer is none of those, it may be a subkey
    in any of the files.
    """
    certificates = [path for path in files if _OPENPGP_NAME.fullmatch(path.name)]
    yield from (path for path in files if _PEM_NAME.fullmatch(path.name))
    if issuers is None:
        yield from certificates
        return
    names = {path: {path.stem, path.stem[-16:]} for path in certificates}
    primary = [path for path in certificates if names[path] & set(issuers)]
    seen = set[str]().union(*(names[path] for path in primary))
    yield from (primary if set(issuers) <= seen else certificates)
