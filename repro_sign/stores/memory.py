"""What `verify --remember` keeps of images: a small text file for each image name.

A file each, so that thousands of images cost no more than one, and a damaged file spoils no other
name. Being remembered makes nobody trusted (`trust.first_use` says what it is for).
"""

import hashlib
import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import MalformedError, NoAnswerError, RefusedError
from repro_sign.escaping import is_hidden, printable
from repro_sign.fingerprint import SignerId, parse_signer
from repro_sign.statements.manifest import read_identity
from repro_sign.strict_json import a_string
from repro_sign.strict_toml import parse as parse_toml
from repro_sign.system.durable import locked_folder, private_folder, write_file
from repro_sign.system.files import demand_own, read_if_there
from repro_sign.system.locations import Locations
from repro_sign.times import parse_rfc3339, rfc3339
from repro_sign.trust.evidence import Memory, Seen
from repro_sign.values import dataclass

_MAX_NAMES: Final = 10_000
_MAX_SIGNERS: Final = 64
_MAX_FILE_BYTES: Final = 64 << 10
_ENDING: Final = ".toml"
_COMMENT: Final = (
    "Kept by repro-sign verify --remember for images of this name. It makes nobody trusted.",
    "To remove it: repro-sign trust forget NAME",
)


@dataclass(frozen=True, slots=True)
class RememberedImage:
    """What is remembered of an image's name; `name` is shown escaped, as `printable` does."""

    name: str
    since: str
    memory: Memory


def recall(where: Locations, name: str) -> Memory:
    """Return what is remembered of an image's file name; an empty memory if nothing is.

    Raises `NoAnswerError` if that can't be read, or others could have changed it or taken it away:
    it must not be taken for a first sight.
    """
    _demand_own(where)
    found = _read(_path(where, name))
    if found is None:
        return Memory()
    if found.name != _shown(name):
        raise _damaged(_path(where, name), ValueError(f"it is about {found.name}"))
    return found.memory


def replace_memory(where: Locations, name: str, old: Memory, new: Memory, now: datetime) -> bool:
    """Remember `new` instead of `old`; False, and nothing done, if another run was faster.

    Raises `RefusedError` if it can't be written or would be too much, `NoAnswerError` if what is
    there can't be read.
    """
    if max(len(new.signers), len(new.newest)) > _MAX_SIGNERS:
        raise RefusedError(
            f"{_shown(name)} has more signers than are remembered of a name ({_MAX_SIGNERS})"
        )
    private_folder(where.remembered)
    with locked_folder(where.remembered):
        path = _path(where, name)
        found = _read(path)
        if (found.memory if found else Memory()) != old:
            return False
        if found is None and len(_files(where)) >= _MAX_NAMES:
            raise RefusedError(
                f"{_MAX_NAMES} names of images are remembered, and there is no room for more",
                hint="repro-sign trust pins lists them, repro-sign trust forget removes one",
            )
        since = found.since if found else rfc3339(now)
        text = _write(RememberedImage(_shown(name), since, new))
        write_file(path, text.encode("utf-8"), mode=0o600)
    return True


def remembered_images(where: Locations) -> tuple[RememberedImage, ...]:
    """Return all that is remembered, by name. Raises `NoAnswerError` if a file can't be read."""
    found = filter(None, map(_read, _files(where)))
    return tuple(sorted(found, key=lambda one: one.name))


def forget_image(where: Locations, name: str) -> None:
    """Forget what is remembered of an image's name, damaged or not.

    `name` may be escaped, as it is shown. Raises `RefusedError` if nothing is remembered of it.
    """
    path = _path(where, name)
    if not path.exists():
        path = _path_of_shown(where, name)
    with locked_folder(where.remembered):
        try:
            path.unlink()
        except OSError as error:
            raise RefusedError(f"{printable(str(path))}: {error.strerror}") from error


def _demand_own(where: Locations) -> None:
    """Refuse a memory that others could have changed, or taken away. Raises `NoAnswerError`."""
    try:
        for folder in (where.settings, where.remembered):
            demand_own(folder)
    except RefusedError as error:
        raise NoAnswerError(str(error), hint=error.hint) from error


def _path_of_shown(where: Locations, name: str) -> Path:
    for path in _files(where):
        with suppress(NoAnswerError):
            found = _read(path)
            if found and found.name == name:
                return path
    raise RefusedError(
        f"nothing is remembered of {printable(name)}", hint="repro-sign trust pins lists the names"
    )


def _path(where: Locations, name: str) -> Path:
    """Return a name's file: named so that people find it, and by a digest that tells all apart."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:80].lstrip(".")
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return where.remembered / f"{readable}-{digest}{_ENDING}"


def _files(where: Locations) -> list[Path]:
    try:
        names = sorted(os.listdir(where.remembered))
    except FileNotFoundError:
        return []
    except OSError as error:
        shown = printable(str(where.remembered))
        raise NoAnswerError(f"{shown}: {error.strerror}") from error
    return [
        where.remembered / name
        for name in names
        if name.endswith(_ENDING) and not name.startswith(".")
    ]


def _shown(name: str) -> str:
    return printable(name)


def _read(path: Path) -> RememberedImage | None:
    try:
        data = read_if_there(path, _MAX_FILE_BYTES, "memory of an image")
        return None if data is None else _parse(parse_toml(data))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path, error) from error
    except MalformedError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> NoAnswerError:
    shown = printable(str(path))
    return NoAnswerError(
        f"what is remembered of this image is damaged ({shown}: {printable(str(error))})",
        hint="look at that file; repro-sign trust forget NAME removes it, and the next run"
        " remembers anew",
    )


def _parse(document: dict[str, Any]) -> RememberedImage:
    signers = frozenset(map(parse_signer, document["signers"]))
    rows = document.get("newest", [])
    if not 1 <= len(signers) <= _MAX_SIGNERS or len(rows) > _MAX_SIGNERS:
        raise ValueError("it names nobody, or too many")
    newest: dict[SignerId, Seen] = {
        parse_signer(row["signer"]): Seen(
            parse_rfc3339(row["signed_at"]), read_identity(row["identity"])
        )
        for row in rows
    }
    name, since = a_string(document["name"]), a_string(document["since"])
    parse_rfc3339(since)
    if any(map(is_hidden, name)):
        raise ValueError("its name is not escaped")
    return RememberedImage(name, since, Memory(signers, newest))


def _write(image: RememberedImage) -> str:
    import tomlkit  # only what writes needs it

    document = tomlkit.document()
    for line in _COMMENT:
        document.add(tomlkit.comment(line))
    document.add("name", tomlkit.item(image.name))
    document.add("since", tomlkit.item(image.since))
    signers = tomlkit.array()
    signers.extend(sorted(one.grouped() for one in image.memory.signers))
    document.add("signers", signers.multiline(multiline=True))
    rows = tomlkit.aot()
    for signer, seen in sorted(image.memory.newest.items(), key=lambda one: str(one[0])):
        row = tomlkit.table()
        row.add("signer", signer.grouped())
        row.add("signed_at", rfc3339(seen.at))
        row.add("identity", str(seen.identity))
        rows.append(row)
    if rows:
        document.add("newest", rows)
    return tomlkit.dumps(document)
