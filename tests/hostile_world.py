"""An account, keys and images that are full of hostile text, made once."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pysequoia
import pytest

from repro_sign import (
    Locations,
    SignRequest,
    find_locations,
    pick_key,
    prepare,
    sign_image,
    signing_keys,
)
from repro_sign.sif import layout
from repro_sign.sif.layout import DataType
from repro_sign.times import utc_now
from tests.account import Account, Result
from tests.corpus import surgery
from tests.described import COMMIT, XEON
from tests.hostile import LOUD, QUIET

PARTS: Final[dict[str, Any]] = {
    "source": {
        "url": LOUD,
        "commit": COMMIT,
        "branch": LOUD,
        "tag": {"name": LOUD},
        "clean": False,
        "changed": [LOUD, QUIET],
    },
    "dependencies": {"files": [{"kind": LOUD, "path": LOUD, "unpinned": [LOUD]}]},
    "recipe": {
        "base": {"reference": LOUD, "digest": LOUD},
        "os": {"name": LOUD, "version": LOUD},
        "libc": {"name": LOUD, "version": LOUD},
        "built": LOUD,
        "built_with": LOUD,
        "text": [LOUD],
    },
    "environment": {
        **XEON,
        "kernel": {"name": LOUD, "release": LOUD, "architecture": LOUD},
        "os": {"name": LOUD, "version": LOUD},
        "libc": LOUD,
        "cpu": {"vendor": LOUD, "model": LOUD, "flags": [LOUD]},
        "gpus": [{"name": LOUD, "driver": LOUD}],
        "mpi": LOUD,
        "apptainer": LOUD,
    },
    "run": {
        "command": [LOUD, QUIET],
        "seed": LOUD,
        "environment": {LOUD: LOUD},
        "options": [{"option": LOUD, "remark": LOUD}],
        "outputs": [{"name": LOUD, "sha256": "0" * 64}],
    },
}
"""All that a manifest says, in hostile words."""
RECIPE: Final = (
    f"Bootstrap: docker\nFrom: {LOUD.splitlines()[0]}image\n%labels\n  {QUIET} {QUIET}\n%post\n"
    f"  pip install {QUIET}numpy\n  curl https://{LOUD.splitlines()[0]}\n"
    f"  apt-get install {QUIET}\n"
    f"%\x1bsection\n# repro-sign: ignore={QUIET} why\n"
)
ECL: Final = """activated = true
TEXT = TEXT

[[execgroup]]
tagname = TEXT
mode = TEXT
dirpath = TEXT
keyfp = [TEXT]
TEXT = 1
"""


@dataclass(frozen=True)
class World:
    """An account that trusts the key `loud`, and images in folders below `site`.

    `image` is in order and signed by `loud`; `odd` is the same under a hostile name; `broken` was
    changed, `withdrawn` by its signer; `stranger` is signed by the key `quiet`. `key` is a file
    with the public key `loud`, `recipe` one to build from, `ecl` an Execution Control List.
    """

    account: Account
    loud: str
    quiet: str
    site: Path
    image: Path
    odd: Path
    broken: Path
    withdrawn: Path
    newer: Path
    stranger: Path
    key: Path
    recipe: Path
    ecl: Path

    @property
    def places(self) -> dict[str, str]:
        """What commands name, by the words that stand for it."""
        found = {name: str(value) for name, value in vars(self).items() if name != "account"}
        return {**found, "LOUD": LOUD, "QUIET": QUIET}

    def run(self, command: str, **places: Path | str) -> Result:
        """Run a command whose words name places and texts: `verify {odd}`."""
        return self.account.run(*self.words(command, **places))

    def words(self, command: str, **places: Path | str) -> list[str]:
        """Return the words of such a command."""
        named = {**self.places, **places}
        return [word.format(**named) for word in command.split()]

    @classmethod
    @contextmanager
    def new(cls, base_image: Path) -> Iterator["World"]:
        """Make one."""
        with Account.new() as account:
            loud, quiet = (make_key(account, user_id) for user_id in (LOUD, QUIET))
            site = account.home / f"site {LOUD}"
            site.mkdir()
            image = _described(account, loud, base_image, site / "in order")
            world = cls(
                account=account,
                loud=loud,
                quiet=quiet,
                site=site,
                image=image,
                odd=_copied(image, "odd", f"{LOUD}.sif"),
                broken=_changed(_copied(image, "broken", "climate.sif")),
                withdrawn=_copied(image, "withdrawn", "climate.sif"),
                newer=_unsigned(_copied(image, "newer", "climate.sif")),
                stranger=_unsigned(_copied(image, "strange", "climate.sif")),
                key=account.home / f"{LOUD}.asc",
                recipe=account.home / f"{LOUD}.def",
                ecl=account.home / f"{LOUD}.toml",
            )
            world.recipe.write_bytes(RECIPE.encode())
            world.ecl.write_text(ECL.replace("TEXT", json.dumps(LOUD)))
            account.ok("sign", world.newer, "--key", loud)
            account.ok("sign", world.stranger, "--key", quiet)
            for command in (
                "key export {loud} -o {key}",
                "trust add {key} --as {LOUD} --note {LOUD} --yes",
                "verify --remember {odd}",
                "supersede {withdrawn} {newer} --key {loud} --reason {LOUD}",
                "withdraw {withdrawn} --key {loud} --reason {LOUD} --yes",
            ):
                assert world.run(command).status == 0, command
            yield world


def locations_of(account: Account) -> Locations:
    """Return where an account keeps things, for the library."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("XDG_CONFIG_HOME", "GNUPGHOME", "APPTAINER_KEYSDIR"):
            patch.delenv(variable, raising=False)
        patch.setenv("HOME", str(account.home))
        return find_locations()


def make_key(account: Account, user_id: str) -> str:
    """Make a key with any user id, in GnuPG; return its fingerprint."""
    secret = pysequoia.Tsk.generate(user_id)
    path = account.home / "secret.asc"
    path.write_text(str(secret))
    account.ok("key", "import", "--secret", "--store", "gnupg", path)
    path.unlink()
    return secret.extract_certificate().fingerprint.upper()


def _described(account: Account, key: str, base: Path, folder: Path) -> Path:
    """Make an image whose objects and manifest are hostile, signed by a key."""
    folder.mkdir()
    image = folder / "climate.sif"
    data = bytearray(base.read_bytes())
    surgery.set_header(data, launch=LOUD.encode()[:31])
    labels = json.dumps({LOUD: LOUD, QUIET: QUIET}).encode()
    for content, name, fields in (
        (RECIPE.encode(), QUIET.encode(), {"type": DataType.DEFINITION_FILE}),
        (labels, LOUD.encode(), {"type": DataType.LABELS}),
        (b"data", b"\xff\x1b[8m\x9b", {"type": DataType.GENERIC}),
    ):
        surgery.append(data, content, name=name[:128], group=layout.GROUP_MASK | 1, **fields)
    image.write_bytes(data)
    where = locations_of(account)
    sealer = prepare(pick_key(signing_keys(where), key, utc_now()), where, None)
    sign_image(image, sealer, SignRequest(provenance=PARTS))
    return image


def _copied(image: Path, folder: str, name: str) -> Path:
    """Copy an image and its manifest into a folder of their own, under another name."""
    place = image.parent.parent / folder
    place.mkdir()
    for one in image.parent.iterdir():
        shutil.copy(one, place / one.name.replace(image.name, name))
    return place / name


def _changed(image: Path) -> Path:
    data = bytearray(image.read_bytes())
    surgery.flip_data(data, 3, 0)
    image.write_bytes(data)
    return image


def _unsigned(image: Path) -> Path:
    """Make of a copy an image of another build that nobody has signed."""
    data = bytearray(image.read_bytes())
    surgery.remove(data, max(fields["id"] for _, fields in surgery.used(data)))
    surgery.set_header(data, uuid=bytes(16))
    image.write_bytes(data)
    image.with_name(f"{image.name}.manifest.asc").unlink()
    return image
