"""The parts of a manifest that say what an image was made from (design, section 5).

Their members are described in `manifest.schema.json` beside this file and in docs/manifest.md.
What is written is held against that schema; what is read may be anybody's: a part is an object,
and nothing more is known of it until whoever shows a member has looked at its type.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from repro_sign.strict_json import an_object
from repro_sign.values import dataclass

PARTS: Final = ("source", "dependencies", "recipe", "environment", "run")
"""The parts, in the order in which they are shown. All are optional."""

Provenance = Mapping[str, Mapping[str, Any]]
"""Parts by their names; hostile text until escaped."""


@dataclass(frozen=True, slots=True)
class Told:
    """Parts that a new manifest is to have, and which of them somebody asked for by name.

    The others are for a first manifest: they do not replace what an earlier one says.
    """

    provenance: Provenance
    asked_for: frozenset[str] = frozenset()


def read_parts(predicate: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the parts that a manifest's predicate has. Raises `TypeError` if one is no object."""
    return {name: an_object(predicate[name]) for name in PARTS if name in predicate}


def read_schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest's document."""
    text = files(__package__).joinpath("manifest.schema.json").read_text("utf-8")
    return an_object(json.loads(text))
