"""Which files and folders with secret keys can be reached by others: those are no secret."""

import os
import stat
from pathlib import Path

from repro_sign.escaping import printable
from repro_sign.stores.apptainer_ring import SECRET_NAME
from repro_sign.stores.secret_keys import Store
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Exposed:
    """A file or folder that others have access to, and its mode."""

    path: Path
    mode: int

    @property
    def words(self) -> str:
        """What is wrong, for a person."""
        return f"others have access to {printable(str(self.path))} (mode {self.mode:03o})"

    @property
    def remedy(self) -> str:
        """The command that mends it."""
        return f"chmod go= {printable(str(self.path))}"


def exposed(*paths: Path) -> tuple[Exposed, ...]:
    """Return those of the paths that others have access to; one that is not there is no danger."""
    found = []
    for path in paths:
        mode = _mode(path)
        if mode is not None and mode & 0o077:
            found.append(Exposed(path, mode))
    return tuple(found)


def places_of(where: Locations, store: Store) -> tuple[Path, ...]:
    """Return where a store keeps its secret keys."""
    return {
        Store.APPTAINER: (where.apptainer_keys, where.apptainer_keys / SECRET_NAME),
        Store.GNUPG: (where.gnupg_home,),
        Store.PEM: (where.pem_keys,),
    }[store]


def _mode(path: Path) -> int | None:
    if os.name != "posix":
        return None
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
