"""What an image was made from, by the trusted manifests: a short block, and JSON members."""

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from repro_sign.escaping import printable
from repro_sign.provenance.made_from import (
    MadeFrom,
    MadeFromPackages,
    MadeFromRecipe,
    MadeFromRun,
    MadeFromSource,
    read_made_from,
)
from repro_sign.report.columns import fold
from repro_sign.trust.evidence import ManifestEvidence
from repro_sign.verifying import ImageReport

_NAME_WIDTH: Final = 10
_WIDTH: Final = 55
"""What is left of 80 columns."""
_SHOWN_DIGITS: Final = 19
"""`sha256:` and twelve digits, where a reader does not ask for more."""
_SHOWN_NAMES: Final = 3
_CLAIMED: Final = "claimed, not recorded:"
_NOTHING: Final = "scratch"
"""The base of an image that is built from nothing."""
_PARTS: Final = ("source", "recipe", "packages", "run")
_Lines = Iterator[tuple[str, str]]


def lines(report: ImageReport, *, all_of_it: bool = False) -> _Lines:
    """Yield the block as labels and texts; none where no trusted manifest says anything of it."""
    all_told = told(report)
    for number, (one, found) in enumerate(all_told):
        label = "made from" if not number else ""
        if len(all_told) > 1:
            yield label, f"by {whose(one)}:"
            label = ""
        for name, text in rows(found, all_of_it):
            for row, line in enumerate(fold(printable(text), _WIDTH)):
                yield label, f"{'' if row else name:<{_NAME_WIDTH}}{line}"
                label = ""


def members(report: ImageReport) -> list[dict[str, Any]]:
    """Return what each trusted manifest says, as JSON members."""
    return [
        {"manifest": one.name, "fingerprint": str(one.signer), **_members(found)}
        for one in report.believed
        if (found := _of(one))
    ]


def told(report: ImageReport) -> list[tuple[ManifestEvidence, MadeFrom]]:
    """Return the trusted manifests that say what the image was made from, with what they say."""
    believed = ((one, _of(one)) for one in report.believed)
    return [(one, found) for one, found in believed if found]


def whose(one: ManifestEvidence) -> str:
    """Name whoever signed a manifest, and the manifest."""
    name = one.user_id or (one.signer.grouped() if one.signer else "")
    return f"{printable(name)}, in {printable(one.name)}"


def _of(one: ManifestEvidence) -> MadeFrom:
    return read_made_from(one.manifest.provenance if one.manifest else {})


def _members(found: MadeFrom) -> dict[str, Any]:
    values = asdict(found)
    if found.run is not None:
        values["run"]["environment"] = dict(found.run.environment)
        values["run"]["options"] = [
            {"option": option, "remark": remark} for option, remark in found.run.options
        ]
    return values


def rows(found: MadeFrom, all_of_it: bool) -> _Lines:
    """Yield what was told as names and texts, hostile until escaped; a name holds on."""
    if found.source is not None:
        yield from _source(found.source, all_of_it)
    if found.recipe is not None:
        yield from _recipe(found.recipe, all_of_it)
    if found.packages is not None:
        yield "packages", _packages(found.packages)
    if found.run is not None:
        yield "run", _CLAIMED
        yield from (("", text) for text in _run(found.run, all_of_it))
    missing = [name for name in _PARTS if getattr(found, name) is None]
    if missing:
        yield "not said", ", ".join(missing)


def _source(source: MadeFromSource, all_of_it: bool) -> _Lines:
    yield "source", source.url or "address not known"
    signed = {True: ", signed (not checked)", False: ", not signed", None: ""}
    if source.commit is not None:
        yield "commit", f"{source.commit}{signed[source.commit_signed] if all_of_it else ''}"
    elif source.directory is not None:
        yield "files", source.directory
    else:
        yield "commit", "not known"
    if source.tag is not None:
        kind = {True: ", annotated", False: ", not annotated", None: ""}[source.tag.annotated]
        yield "tag", f"{source.tag.name}{kind}{signed[source.tag.signed]}"
    if source.commit is None:
        return
    if source.clean is True:
        yield "checkout", "clean: nothing but that commit"
    elif source.clean is False:
        count = "some" if source.changed_count is None else str(source.changed_count)
        names = _few(source.changed, all_of_it)
        yield "checkout", f"NOT clean, files that no commit holds: {count}{names}"
    else:
        yield "checkout", "not known whether it was clean"


def _recipe(recipe: MadeFromRecipe, all_of_it: bool) -> _Lines:
    digest = recipe.base_digest
    yield "base", (recipe.base or "not known").removesuffix(f"@{digest}")
    if digest is not None:
        cut = not all_of_it and len(digest) > _SHOWN_DIGITS
        yield "", f"{digest[:_SHOWN_DIGITS]}…" if cut else digest
    elif recipe.base not in (None, _NOTHING):
        yield "", "its digest is not known"
    yield "system", ", ".join(filter(None, (recipe.os, recipe.libc))) or "not known"
    if all_of_it and recipe.built:
        tool = f", by Apptainer {recipe.built_with}" if recipe.built_with else ""
        yield "built", f"{recipe.built}{tool}, as the image says"


def _packages(packages: MadeFromPackages) -> str:
    parts = []
    if packages.files:
        what = f"{packages.unpinned} not pinned to one version"
        parts.append(f"{', '.join(packages.files)}: {what}")
    if packages.not_known:
        parts.append(f"not known of {packages.not_known} of the files")
    if packages.sboms:
        parts.append(f"SBOMs: {packages.sboms}")
    return "; ".join(parts) or "not known"


def _run(run: MadeFromRun, all_of_it: bool) -> Iterator[str]:
    if run.command:
        yield shlex.join(run.command)
    if run.seed is not None:
        yield f"seed {run.seed}"
    if run.environment:
        yield " ".join(f"{name}={shlex.quote(value)}" for name, value in run.environment)
    if run.options and not all_of_it:
        yield f"open to the host: {', '.join(option for option, _ in run.options)}"
    elif run.options:
        yield from (f"open to the host: {option} ({remark})" for option, remark in run.options)
    if run.outputs:
        yield f"results: {', '.join(run.outputs[:_SHOWN_NAMES])}{_more(run.outputs)}"


def _few(names: tuple[str, ...], all_of_it: bool) -> str:
    if not names:
        return ""
    shown = names if all_of_it else names[:_SHOWN_NAMES]
    return f" ({', '.join(shown)}{'' if all_of_it else _more(names)})"


def _more(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN_NAMES
    return f" and {more} more" if more > 0 else ""
