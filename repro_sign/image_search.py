"""The images that a path stands for."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from repro_sign.errors import NoAnswerError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.examining import beside, revealed
from repro_sign.sif.reader import looks_like_sif
from repro_sign.statements import notice_files
from repro_sign.system.durable import TEMPORARY_MARK
from repro_sign.values import dataclass


class NoImageError(UnreadableError):
    """A folder could be read, and holds no image."""


@dataclass(frozen=True, slots=True)
class Unfound:
    """A path that stands for no images that could be found, and why."""

    path: Path
    why: str


def find_all(paths: Iterable[Path | Unfound]) -> Iterator[Path | Unfound]:
    """Yield the images that paths stand for; where they can't be found, that."""
    for path in paths:
        if isinstance(path, Unfound):
            yield path
            continue
        try:
            yield from find_images(path)
        except NoAnswerError as error:
            yield Unfound(path, str(error))


def find_images(path: Path) -> Iterator[Path]:
    """Yield the images that a path stands for: itself, a folder's, a manifest's or notice's.

    Raises `UnreadableError` if a folder can't be read, `NoImageError` if it holds no image.
    """
    if path.is_dir():
        yield from _images_in(path)
    elif beside.is_manifest_name(path) and path.exists():
        yield beside.image_of(path)
    elif notice_files.is_notice_name(path.name) and path.exists():
        yield path.with_name(notice_files.image_of(path.name))
    elif revealed.is_reveal_name(path.name) and path.exists():
        yield path.with_name(revealed.image_of(path.name))
    else:
        yield path


def _images_in(folder: Path) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        raise UnreadableError(f"{printable(str(error.filename))}: {error.strerror}") from error

    found = False
    for current, folders, names in os.walk(folder, onerror=failed):
        folders[:] = sorted(one for one in folders if TEMPORARY_MARK not in one)
        for name in sorted(names):
            path = Path(current, name)
            if TEMPORARY_MARK in name:
                continue
            named = name.lower().endswith(".sif")  # whoever opens it says why it can't be read
            if named or (path.is_file() and looks_like_sif(path)):
                found = True
                yield path
    if not found:
        raise NoImageError(
            f"{printable(str(folder))} holds no image",
            hint="name an image or a folder that has .sif files in it",
        )
