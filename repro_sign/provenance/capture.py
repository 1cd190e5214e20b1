"""Find out what an image was made from and on, part by part, before it is signed.

What is found unasked is a help: where a part can't be had it is left out, and a sentence says so.
What the caller asked for by name is written down, or it is an error.
"""

from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import MalformedError, NoAnswerError, ReproSignError
from repro_sign.provenance import sboms
from repro_sign.provenance.dependencies import describe_dependencies
from repro_sign.provenance.image_system import describe_system
from repro_sign.provenance.machine import describe_machine
from repro_sign.provenance.parts import PARTS, Provenance
from repro_sign.provenance.recipe import describe_recipe
from repro_sign.provenance.run import RunClaim, describe_run
from repro_sign.provenance.source import describe_source, find_repository
from repro_sign.sif.reader import OpenImage, named_error, open_image
from repro_sign.values import dataclass

_LEFT_OUT: Final = "the manifest will not say"


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """What is to be found out.

    `source` is the folder of the source; where it is None, the repository around the image is
    taken. `without` names parts that are left out. `sboms` are bills of materials.
    """

    source: Path | None = None
    without: frozenset[str] = frozenset()
    sboms: tuple[Path, ...] = ()
    run: RunClaim = field(default_factory=RunClaim)

    @property
    def asked_for(self) -> frozenset[str]:
        """The parts that the caller asked for by name; the others come unasked."""
        asked = {
            "source": self.source is not None,
            "dependencies": self.source is not None or bool(self.sboms),
            "run": bool(self.run),
        }
        return frozenset(name for name in asked if asked[name]) - self.without


@dataclass(frozen=True, slots=True)
class Captured:
    """What was found out; `remarks` are sentences about what could not be."""

    provenance: Provenance
    asked_for: frozenset[str]
    remarks: tuple[str, ...] = ()


def capture(path: Path, request: CaptureRequest, now: datetime) -> Captured:
    """Find out what an image was made from.

    Raises `MalformedError` if it is no sound SIF file, `UnreadableError` if it, or what was asked
    for, can't be read, `NoAnswerError` if a source that was asked for can't be described, and
    `UsageError` for a claim that can't be written down.
    """
    try:
        with open_image(path) as image:
            return _Capture(image, request, now).run()
    except MalformedError as error:
        raise named_error(path, error) from error


class _Capture:
    def __init__(self, image: OpenImage, request: CaptureRequest, now: datetime) -> None:
        self._image = image
        self._request = request
        self._now = now
        self._remarks: list[str] = []
        top = request.source or image.path.absolute().parent
        self._source = find_repository(top) or request.source

    def run(self) -> Captured:
        ways: dict[str, Callable[[], dict[str, Any]]] = {
            "source": self._describe_source,
            "dependencies": self._dependencies,
            "recipe": self._recipe,
            "environment": describe_machine,
            "run": lambda: describe_run(self._request.run),
        }
        found = {name: self._part(name, ways[name]) for name in PARTS}
        provenance = {name: part for name, part in found.items() if part}
        return Captured(provenance, self._request.asked_for, tuple(self._remarks))

    def _part(self, name: str, describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if name in self._request.without:
            return {}
        try:
            return describe()
        except NoAnswerError as error:
            if name in self._request.asked_for:
                raise
            self._left_out(f"its {name}", error)
            return {}

    def _left_out(self, what: str, error: ReproSignError) -> None:
        self._remarks.append(f"{_LEFT_OUT} {what}: {error}")

    def _describe_source(self) -> dict[str, Any]:
        return describe_source(self._source, self._image.path) if self._source else {}

    def _dependencies(self) -> dict[str, Any]:
        listed = describe_dependencies(self._source) if self._source else {}
        bills = sboms.describe_files(self._request.sboms)
        bills += sboms.describe_objects(self._image)
        return {**listed, **({"sboms": bills} if bills else {})}

    def _recipe(self) -> dict[str, Any]:
        found = describe_recipe(self._image, self._now)
        try:
            return {**found, **describe_system(self._image)}
        except NoAnswerError as error:
            self._left_out("which system is in it", error)
            return found
