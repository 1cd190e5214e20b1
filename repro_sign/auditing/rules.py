"""All that a verdict rests on besides the image and what lies beside it, as one digest.

Whoever is believed, by which rules, with which keys at hand: if any of it is another than when a
verdict was given, the verdict is given anew.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from repro_sign import __version__
from repro_sign.auditing.state import State, state_of
from repro_sign.system.locations import Locations
from repro_sign.trust.policy import TrustPolicy
from repro_sign.verifying import VerifyRequest


class Rules:
    """The rules of one run; `digest` is of those for an image of a name.

    With `anywhere` it is the same on every machine that has this account's stores mounted.
    """

    def __init__(self, request: VerifyRequest, *, anywhere: bool = False) -> None:
        self._request = request
        self._common = _text(
            {
                "version": __version__,
                "engine": request.engine.value,
                "certificates": sorted(
                    hashlib.sha256(one.binary).hexdigest() for one in request.given.certificates
                ),
                "keys": sorted(str(one.fingerprint) for one in request.given.public_keys),
                "chains": [
                    _plain((one.subject, one.unfit, one.unproven)) for one in request.chains
                ],
                "notices": [hashlib.sha256(one.data).hexdigest() for one in request.notices.found],
                "problems": _plain(request.notices.problems),
                "stores": {
                    name: one.anywhere if anywhere else one.text
                    for name, one in _stores(request.where)
                },
            }
        )
        self._known: tuple[TrustPolicy, str] | None = None

    def digest(self, name: str) -> str:
        """Return the digest of the rules for an image of this name."""
        policy = self._request.policy.for_image(name)
        if self._known is None or self._known[0] is not policy:
            text = self._common + _text(_plain(policy))
            self._known = (policy, hashlib.sha256(text.encode()).hexdigest())
        return self._known[1]


def _stores(where: Locations) -> Iterator[tuple[str, State]]:
    """Yield the states of the files that hold keys and trust on this account."""
    rings = [where.gnupg_home / name for name in ("pubring.kbx", "pubring.gpg")]
    files = [where.trust_file, where.apptainer_keys / "pgp-public", *rings]
    for folder in (where.kept_keys, where.pem_keys, where.gnupg_home / "public-keys.d"):
        files += _files(folder)
    for path in files:
        yield str(path), state_of(path)


def _files(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, the same in every process: sets and maps are sorted."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return sorted([str(key), _plain(one)] for key, one in value.items())
    if isinstance(value, frozenset | set):
        return sorted(map(str, value))
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
