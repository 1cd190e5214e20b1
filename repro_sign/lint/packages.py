"""How exactly a recipe says which package it wants, in the notation of each package manager."""

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from repro_sign.lint.word_list import words
from repro_sign.values import dataclass


class Pin(Enum):
    """How exactly a package is named."""

    EXACT = auto()
    """One version, or a digest."""
    RANGE = auto()
    """A range of versions."""
    NONE = auto()
    """No version at all."""
    UNSEEN = auto()
    """The name itself comes out of a variable or a command."""
    LOCAL = auto()
    """A file or folder that came with the recipe."""
    URL = auto()
    """An address without the digest of what it has to yield."""
    GIT_MOVING = auto()
    """A repository without commit or tag."""
    GIT_TAG = auto()
    """A repository at a tag, or at a name that may be one."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package as it stands in the recipe."""

    text: str
    pin: Pin


@dataclass(frozen=True, slots=True)
class Install:
    """One command that installs packages. `system` ones are those of the distribution."""

    manager: str
    packages: tuple[Package, ...]
    system: bool = False


Judge = Callable[[str], Pin]
"""Says how exactly a word names a package."""

MAX_NAME: Final = 300
"""Characters of a package's name that are looked at."""

_UNSEEN: Final = re.compile(r"\$[({\w@*]|`|^[<*]|^%\w+%$")
_MOVING: Final = words("main master develop dev devel head trunk next latest nightly")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_DIGEST: Final = re.compile(r"#.*\b(?:sha(?:256|384|512)|md5)[=:][0-9a-fA-F]{16,}")
_NVR: Final = re.compile(
    r".+-(?:\d+:)?v?\d+\.[\w.+~^]*(?:-[\w.+~^]+)?$|.+-\d[\w.+~^]*-[\w.+~^]*\.\w+$"
)
"""name-version or name-version-release, with a dot in it (`java-11-openjdk` is a name)."""


def git_pin(reference: str) -> Pin:
    """Judge what comes after the `@` of a repository: a commit, a branch that moves, or a tag."""
    name = reference.rpartition("/")[2].lower()
    if not name or name in _MOVING or reference.startswith("origin/"):
        return Pin.GIT_MOVING
    return Pin.EXACT if _COMMIT.fullmatch(name) or "$" in name else Pin.GIT_TAG


def address_pin(text: str) -> Pin | None:
    """Judge a word that is an address or a path; None if it is neither."""
    if text.startswith(("git+", "git://", "git@")) or address_path(text).endswith(".git"):
        path = text.partition("#")[0].partition("://")[2] or text
        host, slash, rest = path.partition("/")
        _, at, reference = (rest if slash else host).rpartition("@")
        fragment = text.partition("#")[2]
        if not at:
            # npm and Docker write repository#commit, pip #egg=name
            reference = "" if "=" in fragment else fragment.partition(":")[0]
        return git_pin(reference)
    if "://" in text:
        return Pin.EXACT if _DIGEST.search(text[:MAX_NAME]) else Pin.URL
    if text.startswith((".", "/", "~")) or re.search(
        r"\.(?:deb|rpm|apk|whl|t?gz|zip|conda)$", text
    ):
        return Pin.LOCAL
    return None


def address_path(text: str) -> str:
    """Return the path of an address, empty if it has none."""
    found = re.match(r"[A-Za-z][\w+]*://[^/?#]*([^?#]*)", text)
    return found[1] if found else ""


def judged(word: str, judge: Judge) -> Package:
    """Judge a word by what all managers share, else by a manager's own notation."""
    text = word[:MAX_NAME]
    named = re.match(r"[\w.\-\[\], ]*@\s*(\w[\w+]*://.*)", text)
    address = address_pin(named[1] if named else text)
    if address is not None:
        return Package(text, address)
    pin = judge(text)
    if "{{" in text or (pin is Pin.NONE and _UNSEEN.search(text)):
        pin = Pin.UNSEEN
    return Package(text, pin)


def by_equals(text: str) -> Pin:
    """Apt and apk: `name=1.2-3`."""
    found = re.search(r"[=<>~]+", text)
    if not found:
        return Pin.NONE
    version = text[found.end() :]
    return Pin.RANGE if found[0] not in ("=", "==") or "*" in version else Pin.EXACT


def by_dash(text: str) -> Pin:
    """Dnf, yum and zypper: `name-1.2-3.el9`; also `name = 1.2` as rpm writes it."""
    if re.search(r"[=<>]", text):
        return by_equals(text.replace(" ", ""))
    if not _NVR.match(text):
        return Pin.NONE
    return Pin.RANGE if "*" in text else Pin.EXACT


def never(text: str) -> Pin:
    """A manager that knows no versions, like pacman."""
    del text
    return Pin.NONE


def by_requirement(text: str) -> Pin:
    """pip, uv and poetry: `name==1.2` (PEP 440), and `name@1.2` for some of their commands."""
    _, at, version = text.partition("@")
    if at:
        return Pin.EXACT if re.match(r"=*\d|\$", version) else Pin.RANGE
    specifier = re.sub(r"\[[^\]]*\]", "", text.partition(";")[0])
    found = re.search(r"[=<>~!^]+", specifier)
    if not found:
        return Pin.NONE
    exact = [
        one for one in specifier[found.start() :].split(",") if re.match(r"\s*={2,3}[^=]", one)
    ]
    return Pin.EXACT if exact and "*" not in exact[0] else Pin.RANGE


def by_conda(text: str) -> Pin:
    """conda: `name==1.2`, `name=1.2.3`, `name=1.2.3=build`; `name=1.2` means any 1.2.*."""
    spec = text.partition("#")[0].rpartition("::")[2].strip()
    spec = re.sub(r"\s+", "=", spec) if re.match(r"[\w.-]+\s+[\d*]", spec) else spec
    name = re.match(r"[\w.+-]+", spec)
    rest = spec[name.end() :].strip() if name else spec
    if not rest:
        return Pin.NONE
    version, _, build = rest.lstrip("=").partition("=")
    if re.search(r"[<>~!|*\[,]", version):
        return Pin.RANGE
    if rest.startswith("==") or (build and build != "*") or "$" in version:
        return Pin.EXACT
    return Pin.EXACT if version.count(".") >= 2 else Pin.RANGE


def by_at(text: str) -> Pin:
    """npm, Go, Spack, Julia: `name@1.2.3`."""
    if re.match(r"(?:github|gitlab|bitbucket):|[\w.-]+/[\w.-]+#", text):
        return git_pin(text.partition("#")[2])
    _, at, version = text[1:].rpartition("@")
    if not at or version in ("latest", "next", "lts", "upgrade", "patch", "main", "master"):
        return Pin.NONE
    full = re.match(r"[=v]*\d+\.\d+|\$|[0-9a-f]{12,}$", version)
    return Pin.EXACT if full and not re.search(r"[*^~<>|:]|\.x\b", version) else Pin.RANGE


def by_colon(text: str) -> Pin:
    """gem: `name:1.2.3`."""
    version = text.partition(":")[2]
    return Pin.NONE if not version else Pin.EXACT if version[0] in "0123456789$" else Pin.RANGE
