"""Where the project and the real programs for its tests are."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = PROJECT / ".tools" / "bin"
SARIF_SCHEMA = PROJECT / ".tools" / "share" / "sarif-2.1.0.json"
GNUPG_TOOLS = Path("/usr/lib/gnupg")
"""Where Debian's GnuPG keeps programs that are not for everyday use."""
DAEMONS = Path("/usr/sbin")
"""Where daemons lie, which is on root's PATH only."""


def tools_path() -> str:
    """Return PATH with the tests' programs at its end: those of the machine's PATH come first."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    ours = [str(TOOLS), str(GNUPG_TOOLS), str(DAEMONS)]
    return os.pathsep.join([*(one for one in entries if one not in ours), *ours])
