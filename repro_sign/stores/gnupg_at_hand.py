"""The user's GnuPG home, if there is one and gpg to read it with."""

from typing import TYPE_CHECKING

from repro_sign.system.locations import Locations
from repro_sign.system.process import find_program

if TYPE_CHECKING:
    from repro_sign.stores.gnupg_home import GnuPGHome


def gnupg_at_hand(where: Locations) -> "GnuPGHome | None":
    """Return the home; None where there is nothing to ask, which costs no import either."""
    if not where.gnupg_home.is_dir() or find_program("gpg") is None:
        return None
    from repro_sign.stores.gnupg_home import GnuPGHome  # python-gnupg: only where there is a home

    return GnuPGHome(where.gnupg_home)
