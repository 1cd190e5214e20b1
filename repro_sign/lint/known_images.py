"""What is known of common base images: how full a version is, and when a release ends.

The facts are in `base_images.toml`, which bears the day on which they were put together.
"""

import re
import tomllib
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

from repro_sign.values import dataclass

_DEFAULT_PARTS: Final = 2


@dataclass(frozen=True, slots=True)
class Product:
    """A distribution or a language that base images are made of (`base_images.toml`)."""

    name: str
    images: tuple[str, ...]
    marks: tuple[str, ...]
    parts: int
    draws: bool
    dated: bool
    codenames: dict[str, str]
    ends: dict[str, date]

    def release_of(self, version: str) -> str | None:
        """Return the release that a version belongs to, if its end is known."""
        numbers = version.split(".")
        names = (".".join(numbers[:length]) for length in (3, 2, 1))
        return next((name for name in names if name in self.ends), None)


@dataclass(frozen=True, slots=True)
class Ending:
    """A release in a base image, and the last day of its support."""

    product: str
    release: str
    end: date


@cache
def _table() -> tuple[date, tuple[Product, ...]]:
    data = tomllib.loads(files(__package__).joinpath("base_images.toml").read_text("utf-8"))
    products = tuple(
        Product(
            name=row["name"],
            images=tuple(row["images"]),
            marks=tuple(row.get("marks", ())),
            parts=row.get("parts", _DEFAULT_PARTS),
            draws=row.get("draws", False),
            dated=row.get("dated", False),
            codenames=row.get("codenames", {}),
            ends=row.get("ends", {}),
        )
        for row in data["product"]
    )
    return data["date"], products


def table_date() -> date:
    """Return the day on which the table of ends was put together."""
    return _table()[0]


def product_of(repository: str) -> Product | None:
    """Return what is known of an image by its name: `python`, `docker.io/library/python`."""
    parts = repository.split("/")
    names = ["/".join(parts[-2:])]
    # Somebody's own "ada/python" is not the official image; a registry has a dot in its name.
    if len(parts) == 1 or parts[-2] in _OFFICIAL or "." in parts[-2]:
        names.append(parts[-1])
    for name in names:
        for product in _table()[1]:
            if name in product.images:
                return product
    return None


_OFFICIAL: Final = frozenset({"library", "default", "ubi7", "ubi8", "ubi9"})


def parts_of(repository: str) -> int:
    """Return how many numbers make a full version of an image."""
    product = product_of(repository)
    return product.parts if product else _DEFAULT_PARTS


def endings(repository: str, tag: str) -> tuple[Ending, ...]:
    """Return the releases that a tag names, and their ends: the image's and its distribution's."""
    found = []
    own = product_of(repository)
    for at, part in enumerate(re.split(r"[-_]", tag.lower())):
        for product in _table()[1]:
            version = product.codenames.get(part)
            if version is None and (product is own and at == 0):
                version = part.removeprefix("v")
            for mark in product.marks:
                named = re.fullmatch(rf"{mark}(\d+(?:\.\d+)*)", part)
                version = version or (named[1] if named else None)
            release = product.release_of(version) if version else None
            if release:
                found.append(Ending(product.name, release, product.ends[release]))
    return tuple(dict.fromkeys(found))


def is_mark(part: str) -> bool:
    """Whether a part of a tag names a distribution: `bookworm`, `alpine3.19`."""
    for product in _table()[1]:
        if part in product.codenames or any(
            re.fullmatch(rf"{mark}\d+(\.\d+)*", part) for mark in product.marks
        ):
            return True
    return bool(re.fullmatch(r"(cuda|cudnn|rocm)\d+(\.\d+)*", part))
