"""Write a signer's manifest beside an image, unless one that says the same is there already."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.examining import beside, comparison
from repro_sign.examining.comparison import ImageFacts
from repro_sign.provenance.parts import Provenance, Told
from repro_sign.sealing import Sealer
from repro_sign.statements import signed_file
from repro_sign.statements.manifest import ContentRecord, Manifest, to_bytes
from repro_sign.statements.statement import Subject, check_name
from repro_sign.statements.statement_writing import seal, signer_record
from repro_sign.system.durable import write_file
from repro_sign.trust.evidence import ManifestEvidence, Match


def write_manifest(
    image: Path,
    facts: ImageFacts,
    companions: Sequence[Path],
    sealer: Sealer,
    now: Callable[[], datetime],
    *,
    again: bool,
    told: Told,
) -> tuple[Path, bool]:
    """Write the manifest; return its path, and False if it was there already.

    Where a manifest of this image is there already, the parts that it has stay, save those that
    were asked for; the others are no reason to write it anew.

    Raises `RefusedError` if it can't be written or its signature is not what was meant.
    """
    path = _place(image, sealer)
    known = _known(path, facts, sealer, now()) if os.path.lexists(path) and not again else None
    if not companions and known is not None:
        companions = _named_before(known, facts.folder)
    subjects = tuple(_companion(one, facts.folder) for one in companions)
    if facts.record.content is None and known is not None:
        facts = replace(facts, record=replace(facts.record, content=_content_before(known)))
    provenance = _kept(known, told)
    if _says_the_same(known, subjects, facts, provenance):
        return path, False
    text = to_bytes(_statement(facts, subjects, sealer, now(), provenance))
    write_file(path, seal(path, text, sealer, now, "manifest"))
    return path, True


def check_names(image: Path, companions: Sequence[Path]) -> None:
    """Refuse, before anything is signed, names that the manifest could not carry.

    Raises `RefusedError`.
    """
    names = [_checked_name(image.name)]
    names += [_name(path, image.parent) for path in companions]
    for name in names:
        if names.count(name) > 1:
            raise RefusedError(
                f"two files would be called {printable(name)} in the manifest",
                hint="each file has a name of its own there: rename one",
            )


def _statement(
    facts: ImageFacts,
    companions: tuple[Subject, ...],
    sealer: Sealer,
    now: datetime,
    provenance: Provenance,
) -> Manifest:
    subject = Subject(_checked_name(facts.name), facts.sha256, facts.blake3)
    who = signer_record(sealer)
    return Manifest((subject, *companions), facts.record, who, now, provenance)


def _checked_name(name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise RefusedError(
            f"{printable(name)} is no name that a manifest may carry",
            hint="rename the file: no back-slashes or invisible characters",
        ) from error


def _companion(path: Path, folder: Path) -> Subject:
    """Describe another file; its name is relative to the image's folder, or its last part."""
    sha256, blake3 = comparison.digest_companion(path)
    return Subject(_name(path, folder), sha256, blake3)


def _name(path: Path, folder: Path) -> str:
    absolute, base = path.resolve(), folder.resolve()
    relative = absolute.relative_to(base) if absolute.is_relative_to(base) else Path(path.name)
    return _checked_name(relative.as_posix())


def _place(image: Path, sealer: Sealer) -> Path:
    """Return where this signer's manifest belongs: the first one's place, unless another has it."""
    there = beside.find_manifests(image)
    own = beside.by_signer(there, sealer.signer)
    if own is not None:
        return own
    first = beside.first_manifest_path(image, sealer.ending)
    if first not in there:
        return first
    return beside.later_manifest_path(image, sealer.signer, sealer.ending)


def _known(path: Path, facts: ImageFacts, sealer: Sealer, now: datetime) -> ManifestEvidence | None:
    file = signed_file.read(path, "manifest")
    return None if file.problem else beside.examine_manifest(file, facts, sealer.known, now)


def _named_before(known: ManifestEvidence, folder: Path) -> tuple[Path, ...]:
    """Return the other files that the manifest names already: signing again drops none of them."""
    if known.manifest is None:
        return ()
    paths = tuple(folder / subject.name for subject in known.manifest.subjects[1:])
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise RefusedError(
            f"the manifest {printable(known.name)} names {printable(str(missing[0]))},"
            " which is not here",
            hint="put the file back, or make a manifest without it: --manifest-only --again",
        )
    return paths


def _content_before(known: ManifestEvidence) -> ContentRecord | None:
    """Return the content digest that the manifest has, if it is still that of the image."""
    if known.manifest is None or known.match is Match.DIFFERS:
        return None
    return known.manifest.image.content


def _kept(known: ManifestEvidence | None, told: Told) -> Provenance:
    """Return the parts to write: those that are there stay, save what is asked for anew."""
    if known is None or known.manifest is None or known.match is Match.DIFFERS:
        return told.provenance
    before = known.manifest.provenance
    anew = {name: part for name, part in told.provenance.items() if name in told.asked_for}
    return {**(told.provenance if known.match is not Match.EXACT else {}), **before, **anew}


def _says_the_same(
    known: ManifestEvidence | None,
    companions: tuple[Subject, ...],
    facts: ImageFacts,
    provenance: Provenance,
) -> bool:
    return (
        known is not None
        and known.match is Match.EXACT
        and known.manifest is not None
        and known.manifest.subjects[1:] == companions
        and known.manifest.image.content == facts.record.content
        and known.manifest.provenance == provenance
    )
