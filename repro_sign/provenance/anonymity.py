"""What gives an author away: left out of a manifest, and pointed out where it is in the image.

A commit's id, a tag or a digest of the files leads to a public repository as surely as its address
does, so nothing of the source is told. What the author types (`run`) is told as it was typed.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from repro_sign.provenance.parts import Provenance
from repro_sign.sif.layout import DataType
from repro_sign.sif.reader import Descriptor, OpenImage

_KEPT: Final[Mapping[str, frozenset[str]]] = {
    "recipe": frozenset({"os", "libc"}),
    "environment": frozenset(
        {"kernel", "os", "libc", "cpu", "memory_bytes", "numa_nodes", "gpus", "apptainer"}
    ),
    "run": frozenset({"command", "environment", "seed", "options", "outputs"}),
}
"""The members of a manifest's parts that name neither people nor places; nothing else is told."""
_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9]+){0,2}")
_TEXTS: Final = (
    *(DataType.DEFINITION_FILE, DataType.ENVIRONMENT, DataType.LABELS, DataType.GENERIC_JSON),
    *(DataType.GENERIC, DataType.SBOM, DataType.OCI_ROOT_INDEX, DataType.OCI_BLOB),
)
_MAX_TEXT_BYTES: Final = 4 << 20
_MAX_FOUND: Final = 10
"""In one text; who has so many looks at the text."""
_OF_APPTAINER: Final = (
    "https://lfprojects.org/policies",
    "https://github.com/apptainer/apptainer/blob/main/LICENSE.md",
)
"""Addresses that Apptainer itself writes into the metadata of every image."""
_SIGNS: Final[Mapping[str, re.Pattern[str]]] = {
    "an e-mail address": re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"),
    "a web address": re.compile(r"(?:https?|git|ssh|ftp)://[^\s\"'<>\\]{1,200}"),
    "somebody's folder": re.compile(
        r"/(?:home|Users|scratch|gpfs|lustre|work)/[^\s\"'/<>\\]{1,64}"
    ),
    "a label that names people or places": re.compile(
        r"(?:maintainer|author|vendor|org\.opencontainers\.image\."
        r"(?:authors|source|url|vendor|documentation))s?\b[\"']?\s*[:= ]\s*[\"']?[^\"'\n]{1,100}",
        re.IGNORECASE,
    ),
}


def nameless(provenance: Provenance) -> tuple[dict[str, Mapping[str, Any]], tuple[str, ...]]:
    """Return the parts without what gives an author away, and the names of what is left out."""
    kept: dict[str, Mapping[str, Any]] = {}
    left: list[str] = []
    for name, part in provenance.items():
        allowed = _KEPT.get(name, frozenset())
        members = {one: value for one, value in part.items() if one in allowed}
        dropped = sorted(part.keys() - members.keys())
        kernel = members.get("kernel")
        if name == "environment" and isinstance(kernel, Mapping):
            members["kernel"] = _plain_kernel(kernel)
            if members["kernel"] != kernel:
                dropped.append("what follows the kernel's version")
        if members:
            kept[name] = members
        if dropped:
            left.append(f"{name}: {', '.join(dropped)}")
    return kept, tuple(left)


def _plain_kernel(kernel: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kernel without what follows its version: that names who built it, and for whom."""
    version = _VERSION.match(str(kernel.get("release", "")))
    return {**kernel, **({"release": version[0]} if version else {})}


def give_aways(image: OpenImage, words: Collection[str]) -> Iterator[str]:
    """Yield what in an image gives its author away; `words` are names that would.

    Its descriptors and texts are looked through, the files in its file system are not. Raises
    `UnreadableError`.
    """
    for one in image.objects:
        where = f"object {one.id} ({one.label})"
        yield from suspects(f"the name of {where}", _name(one), words)
        if one.data_type in _TEXTS:
            yield from suspects(where, _text(image, one), words)


def suspects(where: str, text: str, words: Collection[str]) -> Iterator[str]:
    """Yield what in a text names people or places."""
    found: dict[str, str] = {}
    for what, pattern in _SIGNS.items():
        for match in pattern.finditer(text):
            if not match[0].startswith(_OF_APPTAINER):
                found.setdefault(match[0], what)
    for word in words:  # last: what was found by its form already is not said twice
        named = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
        if named:
            found.setdefault(named[0], "a name of yours")
    rows = [f"{where} holds {what}: {one}" for one, what in found.items()]
    yield from rows[:_MAX_FOUND]
    if len(rows) > _MAX_FOUND:
        yield f"{where} holds {len(rows) - _MAX_FOUND} more of that kind"


def name_words(texts: Iterable[str]) -> frozenset[str]:
    """Return what of somebody's names, addresses and machine would give them away elsewhere."""
    found: set[str] = set()
    for text in texts:
        found |= {text, *re.split(r"[\s<>()@.,;_-]+", text)}
    return frozenset(one for one in found if len(one) >= 4 and one.lower() not in _COMMON)


_COMMON: Final = frozenset(
    {
        *("root", "user", "admin", "localhost", "ubuntu", "debian", "host", "server"),
        *("example", "anonymous", "review", "mail"),
    }
)
"""Words that are names of many, and lead to nobody."""


def _name(one: Descriptor) -> str:
    return one.name.rstrip(b"\0").decode("utf-8", "replace")


def _text(image: OpenImage, one: Descriptor) -> str:
    data = image.read_at(one.offset, min(one.size, _MAX_TEXT_BYTES), one.label)
    return data.decode("utf-8", "replace")
