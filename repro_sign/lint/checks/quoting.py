"""Texts of a recipe as findings quote them: escaped, and cut where they are long."""

from collections.abc import Sequence
from typing import Final

from repro_sign.escaping import printable

_MAX_QUOTED: Final = 120
_MAX_NAMES: Final = 4


def quoted(text: str) -> str:
    """Return a text of the recipe as it can be shown; an empty one as the shell writes it."""
    return printable(text.strip(), limit=_MAX_QUOTED) or '""'


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence, the first few written out."""
    shown = [quoted(name) for name in names[:_MAX_NAMES]]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
