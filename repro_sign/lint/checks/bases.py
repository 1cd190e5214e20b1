"""What a stage begins with: whether that is one image, still to be had, and maintained."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from repro_sign.lint.base_image import Exactness, Reference, exactness, parse
from repro_sign.lint.checks.quoting import quoted
from repro_sign.lint.finding import Remark
from repro_sign.lint.known_images import endings, table_date
from repro_sign.lint.recipe import Base, Recipe

SNAPSHOT: Final = re.compile(
    r"snapshot(?:-cloudflare)?\.(?:debian\.org|ubuntu\.com)/\S{0,200}20\d{6}T|archive\.archlinux\.org/repos/20\d\d/"
)
"""An archive of a distribution as it was at one moment."""

_REGISTRIES: Final = frozenset({"docker", "library", "oras"})
_LOCAL: Final = frozenset({"localimage", "docker-daemon", "docker-archive", "oci", "oci-archive"})
_MIRRORED: Final = frozenset({"debootstrap", "yum", "dnf", "zypper", "arch", "rpm"})
_REASONS: Final = {
    Exactness.PARTIAL: "{} names no full version",
    Exactness.UNSEEN: "which image {} is depends on who builds it",
    Exactness.BAD_DIGEST: "{} has something that is no digest where one belongs",
}


def check_bases(recipe: Recipe, today: date) -> Iterator[Remark]:
    """Judge what the stages begin with, and further images that files are copied from."""
    for stage in recipe.stages:
        for base in (stage.base, *stage.images):
            yield from _check(base, today)


def _check(base: Base, today: date) -> Iterator[Remark]:
    agent = base.agent
    if agent == "shub" or base.text.startswith("shub://"):
        yield _remark(
            "base-gone",
            base,
            f"{quoted(base.text) or agent} is on Singularity Hub, which is closed",
        )
    elif agent in _REGISTRIES and base.text != "scratch":
        reference = parse(base.text)
        yield from _registry(base, reference)
        yield from _ended(base, reference.tag, today, reference.repository)
    elif agent in _LOCAL:
        if not base.headers.get("fingerprints"):
            what = quoted(base.text) or agent
            yield _remark(
                "base-local", base, f"{what} ({agent}) is an image on the builder's machine"
            )
    elif agent in _MIRRORED:
        yield from _mirrored(base, today)
    elif agent == "busybox":
        mirror = base.headers.get("mirrorurl", "")
        if not re.search(r"\d+\.\d+\.\d+", mirror):
            yield _remark(
                "base-not-pinned", base, f"{quoted(mirror) or 'busybox'} names no version"
            )


def _registry(base: Base, reference: Reference) -> Iterator[Remark]:
    found = exactness(reference)
    name = quoted(base.text)
    if found is Exactness.MOVING:
        tag = reference.tag
        why = (
            f"the tag {quoted(tag)}, which moves" if tag else "no tag, so it is whatever is newest"
        )
        yield _remark(
            "base-latest", base, f"{name} has {why}" if name else "no base image is named"
        )
    elif found in _REASONS:
        yield _remark("base-not-pinned", base, _REASONS[found].format(name))
    elif found is Exactness.FULL:
        yield _remark("base-no-digest", base, f"{name} has no digest")


def _ended(base: Base, tag: str, today: date, repository: str = "") -> Iterator[Remark]:
    for one in endings(repository, tag):
        if one.end < today:
            message = (
                f"{one.product} {one.release} got its last update on {one.end}"
                f" (by the table of {table_date()})"
            )
            yield _remark("base-end-of-life", base, message)


def _mirrored(base: Base, today: date) -> Iterator[Remark]:
    """A base that is put together from packages: the mirror has to be that of one day."""
    mirror = base.headers.get("mirrorurl", "")
    if not SNAPSHOT.search(mirror):
        where = quoted(mirror) if mirror else "its mirror"
        message = f"{base.agent} installs what {where} holds on the day"
        yield _remark("base-not-pinned", base, message)
    yield from _ended(base, base.headers.get("osversion", ""), today)


def _remark(code: str, base: Base, message: str) -> Remark:
    return Remark(code, base.line, message, base.start)
