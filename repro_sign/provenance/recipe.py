"""What an image says of how it was built: its definition file, base, labels, and builder."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final

from repro_sign.errors import MalformedError
from repro_sign.lint import base_image, definition_file
from repro_sign.lint.finding import LintFinding
from repro_sign.lint.recipe_file import lint_definition
from repro_sign.sif.layout import DataType
from repro_sign.sif.reader import OpenImage
from repro_sign.strict_json import an_object, parse_object
from repro_sign.times import rfc3339

MAX_LINES: Final = 2000
MAX_LINE: Final = 1000
"""Characters. A definition file with more is left out: it is in the image, which is signed."""
MAX_LABELS: Final = 200
MAX_FINDINGS: Final = 200
_MAX_DEFINITION_BYTES: Final = 256 << 10
_MAX_METADATA_BYTES: Final = 4 << 20
_PREFIX: Final = "org.label-schema"
_BUILT: Final = f"{_PREFIX}.build-date"
_BUILT_WITH: Final = (f"{_PREFIX}.usage.apptainer.version", f"{_PREFIX}.usage.singularity.version")
_DATE: Final = "%A_%d_%B_%Y_%H:%M:%S_%Z"
"""How Apptainer writes the time of a build: `Tuesday_24_November_2026_12:0:0_UTC`."""
_FILES: Final = ("localimage", "oci", "oci-archive", "docker-archive")
"""Bases that are files of the author's: their folders tell a reader nothing but names."""


def describe_recipe(image: OpenImage, now: datetime) -> dict[str, Any]:
    """Return the `recipe` part of a manifest, save what is known of the image's system.

    `now` decides which bases have reached their end of life.
    """
    labels = _labels(image)
    return {
        **_definition(image, now),
        **({"labels": labels} if labels else {}),
        **_built(labels),
    }


def _definition(image: OpenImage, now: datetime) -> dict[str, Any]:
    data = _object(image, DataType.DEFINITION_FILE, _MAX_DEFINITION_BYTES)
    if data is None:
        return {}
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    lines = text.rstrip("\n\0").split("\n")
    fits = len(lines) <= MAX_LINES and all(len(line) <= MAX_LINE for line in lines)
    base = _base(text)
    found = lint_definition(text, "", now.date())
    return {
        **({"definition": lines} if fits else {}),
        **({"base": base} if base else {}),
        **({"lint": [_finding(one) for one in found[:MAX_FINDINGS]]} if found else {}),
    }


def _finding(one: LintFinding) -> dict[str, Any]:
    message = one.message[:MAX_LINE]
    return {"code": one.code, "level": one.level.value, "line": one.line, "message": message}


def _base(text: str) -> dict[str, str] | None:
    """Return what the last stage begins with, as its recipe names it."""
    stages = definition_file.read(text).stages
    if not stages:
        return None
    base = list(stages[-1].lineage())[-1].base
    named = base.text[:MAX_LINE]
    if not named:
        return {"reference": base.agent[:MAX_LINE]} if base.agent else None
    if base.agent in _FILES:
        return {"reference": f"{base.agent}:{PurePosixPath(named).name}"}
    digest = base_image.parse(named).digest
    reference = named if "://" in named else f"{base.agent}:{named}"
    return {"reference": reference, **({"digest": digest} if digest else {})}


def _labels(image: OpenImage) -> dict[str, str]:
    """Return the labels that Apptainer wrote into the image's metadata; none if it has no such."""
    metadata = _metadata(image, DataType.GENERIC_JSON, ("data", "attributes", "labels"))
    found = metadata or _metadata(image, DataType.LABELS, ())
    texts = {
        name: value
        for name, value in found.items()
        if isinstance(value, str) and len(name) <= MAX_LINE and len(value) <= MAX_LINE
    }
    return {name: texts[name] for name in sorted(texts)[:MAX_LABELS]}


def _metadata(image: OpenImage, kind: DataType, path: Sequence[str]) -> Mapping[str, Any]:
    data = _object(image, kind, _MAX_METADATA_BYTES)
    if data is None:
        return {}
    try:
        members = parse_object(data.rstrip(b"\0"), "the metadata")
        for name in path:
            members = an_object(members.get(name))
    except (MalformedError, TypeError):
        return {}
    return members


def _object(image: OpenImage, kind: DataType, limit: int) -> bytes | None:
    """Return the data of the first object of a kind, if it is no larger."""
    one = next((one for one in image.objects if one.data_type == kind), None)
    return image.object_data(one, limit=limit) if one and one.size <= limit else None


def _built(labels: Mapping[str, str]) -> dict[str, str]:
    version = next((labels[name] for name in _BUILT_WITH if name in labels), None)
    when = _time(labels.get(_BUILT, ""))
    return {
        **({"built": when} if when else {}),
        **({"built_with": version} if version else {}),
    }


def _time(text: str) -> str | None:
    """Return a build date as RFC 3339, UTC; None if it has another form."""
    for read in (datetime.fromisoformat, lambda one: datetime.strptime(one, _DATE)):
        try:
            found = read(text)
            return rfc3339(found.replace(tzinfo=UTC) if found.tzinfo is None else found)
        except (ValueError, OverflowError):
            continue
    return None
