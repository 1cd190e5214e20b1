"""Write a control list and its key ring from the trust store or a lock file."""

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from repro_sign.ecl import control_list, global_ring
from repro_sign.ecl.control_list import Mode
from repro_sign.errors import RefusedError, UnreadableError, UsageError
from repro_sign.escaping import is_hidden, printable
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.known_keys import KnownKeys
from repro_sign.locking.lock_file import LockFile
from repro_sign.openpgp.certificate import Certificate
from repro_sign.stores.certificates import gather, own_copy
from repro_sign.stores.trust_store import YOU, TrustEntry
from repro_sign.system.durable import write_new_file
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose images shall run from a folder; an empty `dirpath` means all other folders.

    `signers` are their keys, with what their owners are called.
    """

    dirpath: str
    signers: tuple[tuple[SignerId, str], ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A key that does not go into the list, and why Apptainer could not use it."""

    fingerprint: SignerId
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class EclPlan:
    """What is to be written: the text of `ecl.toml`, the bytes of the global key ring."""

    text: str
    ring: bytes
    certificates: tuple[Certificate, ...]
    groups: tuple[Wish, ...]
    left_out: tuple[LeftOut, ...]


def wishes_of_trust_store(
    entries: Sequence[TrustEntry], folders: Iterable[Path], *, everywhere: bool
) -> tuple[Wish, ...]:
    """Let everybody in the trust store sign what runs from these folders.

    `everywhere` adds a group for all other folders. Raises `UsageError` for a folder that is not
    there: a list that names one refuses every image.
    """
    signers = tuple((one.fingerprint, one.name) for one in entries)
    paths = dict.fromkeys(map(_real, folders))
    return tuple(Wish(path, signers) for path in (*paths, *([""] if everywhere else [])))


def wishes_of_lock(lock: LockFile) -> tuple[Wish, ...]:
    """Let those who signed a folder's locked images sign what runs from it.

    A group is for a folder, so all of them may sign any image in it. Raises `UnreadableError` if
    such a folder is not there, `UsageError` if a list can't name it.
    """
    signers: dict[str, dict[SignerId, str]] = {}
    for entry in lock.entries:
        folder = lock.folder.joinpath(*entry.path.split("/")[:-1])
        if not folder.is_dir():
            raise UnreadableError(
                f"{printable(str(folder))}, a folder of {lock.name}, is not there"
            )
        found = signers.setdefault(_listable(folder), {})
        found.update((one.fingerprint, one.name) for one in entry.signers)
    return tuple(Wish(path, tuple(keys.items())) for path, keys in sorted(signers.items()))


def plan_control_list(
    wishes: Sequence[Wish], mode: Mode, where: Locations, now: datetime
) -> EclPlan:
    """Say what the files would hold, with the keys that Apptainer can use.

    Keys are taken from this account's stores, and from a `keys` folder in the folders that are
    named. Raises `RefusedError` if there is nothing to list for a folder.
    """
    names = {key: name for wish in wishes for key, name in wish.signers}
    folders = [Path(one.dirpath) for one in wishes if one.dirpath]
    usable: dict[SignerId, Certificate] = {}
    left_out = []
    for key in sorted(names, key=str):
        found = _usable(key, folders, where, now)
        if isinstance(found, str):
            left_out.append(LeftOut(key, names[key], found))
        else:
            usable[key] = found
    groups = tuple(
        Wish(
            one.dirpath,
            tuple((key, _name(name, usable[key])) for key, name in one.signers if key in usable),
        )
        for one in wishes
    )
    _demand_somebody(groups, left_out)
    certificates = tuple(usable.values())
    ring = b"".join(one.binary for one in certificates)
    return EclPlan(_text(groups, mode), ring, certificates, groups, tuple(left_out))


def write_control_list(plan: EclPlan, folder: Path) -> tuple[Path, Path]:
    """Write both files into a folder that is there; return their paths.

    Raises `RefusedError` if one of them is there already, or can't be written.
    """
    paths = folder / control_list.FILE_NAME, folder / global_ring.FILE_NAME
    for path in paths:
        if os.path.lexists(path):
            raise RefusedError(
                f"{printable(str(path))} is there already, and is not overwritten",
                hint="name another folder",
            )
    write_new_file(paths[1], plan.ring)
    write_new_file(paths[0], plan.text.encode("utf-8"))
    return paths


def _real(folder: Path) -> str:
    if not folder.is_dir():
        raise UsageError(
            f"{printable(str(folder))} is no folder here",
            hint="a list that names a folder which is not there refuses every image",
        )
    return _listable(folder)


def _listable(folder: Path) -> str:
    """Return the path that a list names. Raises `UsageError` if TOML can't hold it."""
    path = os.path.realpath(folder)
    try:
        path.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{printable(path)} has a name that is no UTF-8 text, so no list can name it",
            hint="rename the folder",
        ) from error
    return path


def _usable(
    key: SignerId, folders: Iterable[Path], where: Locations, now: datetime
) -> Certificate | str:
    """Return a key's certificate, or say why Apptainer could not use it."""
    if not isinstance(key, Fingerprint):
        return "it is a PEM key, and Apptainer's list knows OpenPGP keys only"
    book = KnownKeys()
    book.add(own_copy(where, key), "own stores")
    for folder in folders:
        book.add(gather(where, [key.hex], folder).only(key), "keys folder")
    certificate = book.certificates.get(key)
    if certificate is None:
        return "no copy of the key is at hand (repro-sign key fetch, or key import)"
    return global_ring.useless(certificate, now) or certificate


def _name(called: str, certificate: Certificate) -> str:
    """Return what everybody can call somebody: "you" is another for each reader."""
    return called if called and called != YOU else certificate.user_id or ""


def _demand_somebody(groups: Iterable[Wish], left_out: list[LeftOut]) -> None:
    for one in groups:
        if not one.signers:
            what = printable(one.dirpath) if one.dirpath else "all other folders"
            reasons = "; ".join(f"{each.fingerprint}: {each.why}" for each in left_out[:3])
            raise RefusedError(
                f"nobody's key can be listed for {what}" + (f" ({reasons})" if reasons else ""),
                hint="repro-sign trust add says whom you believe; images that were locked"
                " --unverified have no signers",
            )


def _text(groups: Iterable[Wish], mode: Mode) -> str:
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("Apptainer's Execution Control List, by repro-sign ecl generate."))
    document.add(tomlkit.comment("It knows the keys in the global ring only: global-pgp-public."))
    document.add("activated", tomlkit.item(True))
    document.add("legacyinsecure", tomlkit.item(False))
    rows = tomlkit.aot()
    for number, group in enumerate(groups, start=1):
        row = tomlkit.table()
        row.add("tagname", f"group{number}")
        row.add("mode", mode.value)
        row.add("dirpath", group.dirpath)
        keys = tomlkit.array()
        for key, name in sorted(group.signers, key=lambda pair: str(pair[0])):
            keys.add_line(str(key), comment=_comment(name))
        keys.add_line(indent="")
        row.add("keyfp", keys)
        rows.append(row)
    document.add("execgroup", rows)
    return "".join(map(_visible, tomlkit.dumps(document)))


def _visible(character: str) -> str:
    """Escape what no eye can see; such characters stand in the names of folders only."""
    if character == "\n" or not is_hidden(character):
        return character
    return f"\\U{ord(character):08x}"


def _comment(name: str) -> str | None:
    return printable(name, limit=100) if name and not any(map(is_hidden, name)) else None
