"""Where a user's keys and settings lie. The environment is read here and nowhere else.

Apptainer's and GnuPG's own variables are the user's word on where the stores are. They are read
to find them and never handed on to a child program.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Locations:
    """The folders in use; none of them needs to exist."""

    apptainer_keys: Path
    gnupg_home: Path
    settings: Path

    @property
    def trust_file(self) -> Path:
        """Whom this account trusts, as a text."""
        return self.settings / "trust.toml"

    @property
    def policy_file(self) -> Path:
        """The policy that counts where the caller names none."""
        return self.settings / "repro-sign.toml"

    @property
    def kept_keys(self) -> Path:
        """Public keys of those people, and those that were fetched."""
        return self.settings / "certificates"

    @property
    def remembered(self) -> Path:
        """What is remembered of images, a file for each name."""
        return self.settings / "remembered"

    @property
    def audits(self) -> Path:
        """What audits saw, a database for each folder; only the owner may write them."""
        return self.settings / "audits"

    @property
    def pem_keys(self) -> Path:
        """PEM keys made here; only the owner may read them."""
        return self.settings / "pem-keys"

    @property
    def revocations(self) -> Path:
        """Revocation certificates of keys made here; only the owner may read them."""
        return self.settings / "revocations"


def find_locations(environment: Mapping[str, str] | None = None) -> Locations:
    """Read the environment (the process's own by default) and say where things lie."""
    env = os.environ if environment is None else environment
    home = Path(os.path.expanduser("~"))
    return Locations(
        apptainer_keys=_apptainer_keys(env, home),
        gnupg_home=_absolute(env.get("GNUPGHOME")) or _default_gnupg_home(env, home),
        settings=Path(platformdirs.user_config_path("repro-sign", appauthor=False)),
    )


def _apptainer_keys(env: Mapping[str, str], home: Path) -> Path:
    """Follow Apptainer's own order (SIF reference, section 9)."""
    named = _absolute(env.get("APPTAINER_KEYSDIR"))
    if named:
        return named
    configured = _absolute(env.get("APPTAINER_CONFIGDIR"))
    return (configured or home / ".apptainer") / "keys"


def _default_gnupg_home(env: Mapping[str, str], home: Path) -> Path:
    if os.name == "nt" and env.get("APPDATA"):
        return Path(env["APPDATA"]) / "gnupg"
    return home / ".gnupg"


def _absolute(text: str | None) -> Path | None:
    return Path(text).absolute() if text else None
