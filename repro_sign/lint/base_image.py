"""References to base images, and how exactly they name one."""

import re
from enum import Enum, auto
from typing import Final

from repro_sign.lint.known_images import is_mark, parts_of
from repro_sign.lint.word_list import words
from repro_sign.values import dataclass


class Exactness(Enum):
    """How exactly a reference names an image."""

    DIGEST = auto()
    BAD_DIGEST = auto()
    """Something stands where a digest belongs, and is none."""
    FULL = auto()
    PARTIAL = auto()
    """A version with numbers missing, or a tag that is no version."""
    MOVING = auto()
    """No tag, or one like `latest` that is given to another image with every release."""
    UNSEEN = auto()
    """It comes out of a variable without a value."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to an image: `repository:tag@digest`."""

    repository: str
    tag: str
    digest: str


_MOVING: Final = words(
    "latest stable edge rolling devel develop dev nightly main master "
    "unstable testing sid rawhide tumbleweed current mainline lts preview "
    "canary snapshot head trunk release"
)
_MAX_REFERENCE: Final = 500
"""Characters of a reference that are looked at; registries take 255 for the name."""
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LIBRARY_DIGEST: Final = re.compile(r"sha256\.[0-9a-f]{64}")
"""The Sylabs library takes a digest in the tag's place."""
_DATE: Final = re.compile(r"(?<!\d)20\d\d[-.]?[01]\d[-.]?[0-3]\d(?!\d)")
_COMMIT: Final = re.compile(
    r"(?<![0-9a-z])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}(?![0-9a-z])"
)
_BUILD: Final = re.compile(r"--[a-z0-9]+_\d+$")
"""The build that BioContainers add to a version: `1.19--h50ea8bc_0`."""
_JAVA: Final = re.compile(r"\b\d+u\d+")
_NUMBERS: Final = re.compile(r"(?:[a-z]*?[a-z.])??v?(\d+(?:\.\d+)*)[a-z]*\d*")


def parse(text: str) -> Reference:
    """Take a reference apart; whatever precedes `//` (docker, oras, library) is left out."""
    text = re.sub(r"^[a-z-]+:/{2,3}", "", text.strip()[:_MAX_REFERENCE])
    name, _, digest = text.partition("@")
    path, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    if _LIBRARY_DIGEST.fullmatch(tag):
        tag, digest = "", tag.replace(".", ":", 1)
    elif tag.startswith("sha256:"):
        tag, digest = "", tag
    return Reference(f"{path}{slash}{last}".lower(), tag, digest)


def exactness(reference: Reference) -> Exactness:
    """Judge how exactly a reference names an image."""
    if any("$" in part or "{{" in part for part in (reference.repository, reference.tag)):
        return Exactness.DIGEST if _DIGEST.fullmatch(reference.digest) else Exactness.UNSEEN
    if reference.digest:
        if "$" in reference.digest:
            return Exactness.UNSEEN
        good = _DIGEST.fullmatch(reference.digest)
        return Exactness.DIGEST if good else Exactness.BAD_DIGEST
    tag = reference.tag.lower()
    if not tag:
        return Exactness.MOVING
    if any(known.search(tag) for known in (_DATE, _COMMIT, _BUILD, _JAVA)):
        return Exactness.FULL
    parts = re.split(r"[-_+]", tag)
    numbers = next(
        (found[1] for one in parts if not is_mark(one) and (found := _NUMBERS.fullmatch(one))), ""
    )
    if not numbers:
        return Exactness.MOVING if set(parts) & _MOVING else Exactness.PARTIAL
    full = numbers.count(".") + 1 >= parts_of(reference.repository)
    return Exactness.FULL if full else Exactness.PARTIAL
