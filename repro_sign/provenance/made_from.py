"""What a manifest says an image was made from, as values whose types have been looked at.

Members of the wrong type are not known (None), as those are that are missing. All texts are hostile
until escaped. Of `run` all is the author's claim: nobody recorded it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from repro_sign.provenance.machine_facts import image_libc
from repro_sign.provenance.members import (
    flag_at,
    number_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
)
from repro_sign.provenance.parts import Provenance
from repro_sign.values import dataclass

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DIRECTORY: Final = re.compile(r"swh:1:dir:[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag; `signed` says that it bears a signature, which nobody checked."""

    name: str
    annotated: bool | None
    signed: bool | None


@dataclass(frozen=True, slots=True)
class MadeFromSource:
    """The source: where it is, which commit, and whether there was more than that commit.

    `changed` are the first paths that no commit holds, `changed_count` says how many there are.
    `directory` is the Software Heritage identifier of the files.
    """

    url: str | None
    commit: str | None
    commit_signed: bool | None
    tag: Tag | None
    clean: bool | None
    changed: tuple[str, ...]
    changed_count: int | None
    directory: str | None


@dataclass(frozen=True, slots=True)
class MadeFromPackages:
    """The lists of dependencies in the source, and what they leave open.

    `unpinned` counts what is not pinned to one version, in the files that say so; `not_known`
    counts the files that say nothing of it.
    """

    files: tuple[str, ...]
    unpinned: int
    not_known: int
    sboms: int


@dataclass(frozen=True, slots=True)
class MadeFromRecipe:
    """The base image, and the system in the image."""

    base: str | None
    base_digest: str | None
    os: str | None
    libc: str | None
    built: str | None
    built_with: str | None


@dataclass(frozen=True, slots=True)
class MadeFromRun:
    """How the author says that the results were produced, and names of the results.

    `options` are those of the container that opened it to the host, each with a word on it.
    """

    command: tuple[str, ...] | None
    seed: str | None
    environment: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """All of it; a part that a manifest does not have is None."""

    source: MadeFromSource | None
    recipe: MadeFromRecipe | None
    packages: MadeFromPackages | None
    run: MadeFromRun | None

    def __bool__(self) -> bool:
        return any((self.source, self.recipe, self.packages, self.run))


def read_made_from(parts: Provenance) -> MadeFrom:
    """Read the parts of a manifest, whatever is in them."""
    return MadeFrom(
        source=read_source(parts["source"]) if parts.get("source") else None,
        recipe=_recipe(parts["recipe"]) if parts.get("recipe") else None,
        packages=_packages(parts["dependencies"]) if parts.get("dependencies") else None,
        run=_run(parts["run"]) if parts.get("run") else None,
    )


def read_source(part: Mapping[str, Any]) -> MadeFromSource:
    """Read the `source` part of a manifest, whatever is in it."""
    name, changed = text_at(part, "tag", "name"), texts_at(part, "changed")
    tag = object_at(part, "tag")
    counted = number_at(part, "changed_count")
    return MadeFromSource(
        url=text_at(part, "url"),
        commit=_matching(_COMMIT, text_at(part, "commit")),
        commit_signed=flag_at(part, "commit_signed"),
        tag=Tag(name, flag_at(tag, "annotated"), flag_at(tag, "signed")) if name else None,
        clean=flag_at(part, "clean"),
        changed=changed or (),
        changed_count=counted if counted is not None or changed is None else len(changed),
        directory=_matching(_DIRECTORY, text_at(part, "swhid", "directory")),
    )


def _matching(pattern: re.Pattern[str], text: str | None) -> str | None:
    return text if text is not None and pattern.fullmatch(text) else None


def _recipe(part: Mapping[str, Any]) -> MadeFromRecipe:
    name, version = text_at(part, "os", "name"), text_at(part, "os", "version")
    return MadeFromRecipe(
        base=text_at(part, "base", "reference"),
        base_digest=text_at(part, "base", "digest"),
        os=f"{name} {version}" if name and version else name,
        libc=image_libc(part),
        built=text_at(part, "built"),
        built_with=text_at(part, "built_with"),
    )


def _packages(part: Mapping[str, Any]) -> MadeFromPackages:
    files = objects_at(part, "files") or ()
    counts = [_unpinned(one) for one in files]
    return MadeFromPackages(
        files=tuple(filter(None, (text_at(one, "path") for one in files))),
        unpinned=sum(filter(None, counts)),
        not_known=counts.count(None),
        sboms=len(objects_at(part, "sboms") or ()),
    )


def _unpinned(file: Mapping[str, Any]) -> int | None:
    counted, listed = number_at(file, "unpinned_count"), texts_at(file, "unpinned")
    return counted if counted is not None or listed is None else len(listed)


def _run(part: Mapping[str, Any]) -> MadeFromRun:
    outputs = objects_at(part, "outputs") or ()
    options = objects_at(part, "options") or ()
    environment = object_at(part, "environment")
    return MadeFromRun(
        command=texts_at(part, "command"),
        seed=text_at(part, "seed"),
        environment=tuple(
            (name, value) for name, value in environment.items() if isinstance(value, str)
        ),
        options=tuple(
            (option, text_at(one, "remark") or "")
            for one in options
            if (option := text_at(one, "option"))
        ),
        outputs=tuple(filter(None, (text_at(one, "name") for one in outputs))),
    )
