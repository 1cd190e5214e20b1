"""Ask git about a repository that may be anybody's.

Whoever hands a checkout over may have written its `.git`: its configuration can name programs,
other folders and servers, its index can call changed files unchanged, its objects can be others
than their names say. Here git starts nothing and asks no server; what it answers is believed no
further than a caller can check it (`commit_files`).
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from repro_sign.system.process import fresh_environment, require_program, run
from repro_sign.values import dataclass

_INERT: Final = (
    *("--no-pager", "--no-replace-objects", "--literal-pathspecs"),
    *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.untrackedCache=false", "-c", "core.sparseCheckout=false"),
    *("-c", "core.quotePath=false"),
)
"""Overrules what a repository's configuration could start or hide. Commands that run filters
(`status`, `diff`) must not be asked: there is no switch for those."""
_NO_PROTOCOL: Final = "none"
"""A repository may lack objects and name a server that has them: no protocol is allowed."""
_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class GitFolder:
    """A folder that has a `.git`; nothing above it is looked at."""

    top: Path
    index: Path | None = None
    """The index to use in place of the repository's own."""

    def text(self, *arguments: str) -> str | None:
        """Return what git prints, without its last line end; None if it refuses."""
        answer = self.ask(*arguments)
        return None if answer is None else answer.decode("utf-8", "replace").rstrip("\n")

    def ask(self, *arguments: str, lines: Iterable[str] = ()) -> bytes | None:
        """Return what git prints, given these lines as its input; None if it refuses.

        Raises `NoAnswerError` if it is not installed or takes too long.
        """
        program = require_program("git")
        top = str(self.top.absolute())
        environment = fresh_environment(
            *("HOME", "XDG_CONFIG_HOME", "USERPROFILE"),
            GIT_ALLOW_PROTOCOL=_NO_PROTOCOL,
            GIT_CEILING_DIRECTORIES=os.path.dirname(top),
            GIT_OPTIONAL_LOCKS="0",
            GIT_TERMINAL_PROMPT="0",
            **({"GIT_INDEX_FILE": str(self.index)} if self.index else {}),
        )
        argv = [str(program), "-C", top, *_INERT, f"--work-tree={top}", *arguments]
        with tempfile.TemporaryFile() as given:
            given.write("".join(f"{line}\n" for line in lines).encode())
            given.seek(0)
            done = run(argv, env=environment, stdin=given.fileno(), timeout=_SECONDS)
        return done.stdout if done.status == 0 else None
