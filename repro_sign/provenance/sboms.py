"""Bills of materials: handed over as files, or found in the image as data objects."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import MalformedError, UnreadableError, UsageError
from repro_sign.escaping import printable
from repro_sign.sif.layout import DataType
from repro_sign.sif.reader import OpenImage
from repro_sign.statements.statement import check_name
from repro_sign.system.files import read_small

MAX_LISTED: Final = 50
_MAX_BYTES: Final = 64 << 20
_LOOKED_AT: Final = 64 << 10
"""Bytes; all forms name themselves at their beginning."""
_FORMATS: Final = (
    ("cyclonedx", re.compile(rb'"bomFormat"\s*:\s*"CycloneDX"|cyclonedx\.org/schema')),
    ("spdx", re.compile(rb'"spdxVersion"\s*:|^SPDXVersion:|spdx\.org/rdf', re.MULTILINE)),
)


def describe_files(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Return what a manifest says of bills of materials that are handed over.

    Raises `UnreadableError` if one can't be read, and `UsageError` for a file that is none.
    """
    return [_of_file(path) for path in files]


def describe_objects(image: OpenImage) -> list[dict[str, Any]]:
    """Return what a manifest says of the bills of materials in an image; larger ones are left out.

    Raises `UnreadableError` if the image can't be read.
    """
    objects = [
        one for one in image.objects if one.data_type == DataType.SBOM and one.size <= _MAX_BYTES
    ]
    found = []
    for one in objects[:MAX_LISTED]:
        data = image.object_data(one, limit=_MAX_BYTES)
        found.append({"format": _format(data), "object": one.id, "sha256": _sha256(data)})
    return found


def _of_file(path: Path) -> dict[str, Any]:
    shown = printable(path.name)
    try:
        name, data = check_name(path.name), read_small(path, _MAX_BYTES, "bill of materials")
    except ValueError as error:
        raise UsageError(f"--sbom: {error}") from error
    except MalformedError as error:
        raise UnreadableError(str(error)) from error
    kind = _format(data)
    if kind == "unknown":
        raise UsageError(
            f"--sbom {shown}: neither CycloneDX nor SPDX", hint="name any other file with --with"
        )
    return {"format": kind, "name": name, "sha256": _sha256(data)}


def _format(data: bytes) -> str:
    beginning = data[:_LOOKED_AT]
    return next((name for name, pattern in _FORMATS if pattern.search(beginning)), "unknown")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
