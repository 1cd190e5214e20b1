"""Two versions of an image; the fixture `versions` gives unsigned ones."""

import time
from dataclasses import dataclass
from pathlib import Path

from tests.account import Signer


@dataclass(frozen=True)
class Versions:
    """Two images of one name, each in a folder of its own."""

    old: Path
    new: Path

    def by(self, signer: Signer, *options: str) -> "Versions":
        """Let somebody sign both, the new one in a later second."""
        signer.sign(self.old, *options)
        second = int(time.time())
        while int(time.time()) == second:
            time.sleep(0.05)
        signer.sign(self.new, *options)
        return self
