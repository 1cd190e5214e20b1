"""The real Apptainer with a control list in force: a copy of its installation."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NOT_THERE = "no such file or directory"


@dataclass(frozen=True)
class Gate:
    """An installation whose settings are its own."""

    root: Path

    @property
    def settings(self) -> Path:
        """The folder in which the part of it that starts containers looks."""
        return self.root / "usr" / "lib" / "etc" / "apptainer"

    def install(self, text: str, ring: bytes) -> Path:
        """Put a control list and its key ring into force; return the list's path."""
        path = self.settings / "ecl.toml"
        path.write_text(text)
        (self.settings / "global-pgp-public").write_bytes(ring)
        return path

    def run(self, image: Path) -> str:
        """Run an image; say whether it `runs`, is `refused` by the list, or never came that far."""
        program = self.root / "usr" / "bin" / "apptainer"
        options = ("--no-privs",) if os.geteuid() == 0 else ()
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.root)}
        done = subprocess.run(
            [program, "-q", "exec", *options, image, "/bin/true"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if "ECL" in done.stderr:
            return "refused"
        if done.returncode == 0 or f"stat /bin/true: {_NOT_THERE}" in done.stderr:
            return "runs"
        return done.stderr
