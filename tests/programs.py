"""Where the project and the real programs for its tests are."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = PROJECT / ".tools" / "bin"


def tools_path() -> str:
    """Return PATH with the project's own programs at its end: those of the machine come first."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*(one for one in entries if one != str(TOOLS)), str(TOOLS)])
