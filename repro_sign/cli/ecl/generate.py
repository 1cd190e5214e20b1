"""`repro-sign ecl generate`."""

from pathlib import Path
from typing import Any

import click

from repro_sign.cli.options import EXISTING_FILE, is_quiet, json_option, out_folder, output_options
from repro_sign.ecl.control_list import MODES, Mode
from repro_sign.ecl.generating import (
    EclPlan,
    Wish,
    plan_control_list,
    wishes_of_lock,
    wishes_of_trust_store,
    write_control_list,
)
from repro_sign.errors import UsageError
from repro_sign.report import as_json, of_ecl
from repro_sign.stores.trust_store import read_entries
from repro_sign.system.locations import Locations, find_locations
from repro_sign.times import utc_now


@click.command("generate")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--everywhere",
    is_flag=True,
    help="Let the list be for all other folders too; without, images there are refused.",
)
@click.option(
    "--lock",
    "lock_path",
    type=EXISTING_FILE,
    metavar="FILE",
    help="Take folders and signers from this lock file, not from the trust store.",
)
@click.option(
    "--mode",
    type=click.Choice([one for one in MODES if one != Mode.BLACKLIST]),
    default=Mode.WHITELIST.value,
    show_default=True,
    help="Whether one of the signers is enough, or all have to have signed.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="FOLDER",
    help="Where to write ecl.toml and global-pgp-public. Nothing is installed.",
)
@json_option
@output_options
def command(
    *,
    folders: tuple[Path, ...],
    everywhere: bool,
    lock_path: Path | None,
    mode: str,
    out: Path,
    json_: bool,
) -> None:
    """Write a control list and its key ring: whose images may run from FOLDERS.

    By default those are signed by the people in your trust store. Keys that Apptainer can't use
    are left out, and named. What root has to type to install both files is printed.
    """
    where = find_locations()
    wishes = _wishes(folders, lock_path, where, everywhere=everywhere)
    plan = plan_control_list(wishes, Mode(mode), where, utc_now())
    paths = write_control_list(plan, out_folder(out))
    if json_:
        click.echo(as_json.to_text(_document(plan, paths)))
        return
    for line in of_ecl.generated(plan, *paths, brief=is_quiet()):
        click.echo(line)


def _wishes(
    folders: tuple[Path, ...], lock_path: Path | None, where: Locations, *, everywhere: bool
) -> tuple[Wish, ...]:
    if lock_path is None:
        if not folders and not everywhere:
            raise UsageError("name the folders of images that the list is for, or --everywhere")
        return wishes_of_trust_store(read_entries(where), folders, everywhere=everywhere)
    if folders or everywhere:
        raise UsageError("with --lock the lock file says which folders the list is for")
    from repro_sign.locking.text import read_lock

    return wishes_of_lock(read_lock(lock_path))


def _document(plan: EclPlan, paths: tuple[Path, Path]) -> dict[str, Any]:
    return {
        "schema": as_json.SCHEMA,
        "ecl": str(paths[0]),
        "keyring": str(paths[1]),
        "groups": [
            {"dirpath": one.dirpath, "fingerprints": sorted(str(key) for key, _ in one.signers)}
            for one in plan.groups
        ],
        "left_out": [
            {"fingerprint": str(one.fingerprint), "name": one.name or None, "why": one.why}
            for one in plan.left_out
        ],
    }
