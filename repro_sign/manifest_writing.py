"""Write a signer's manifest beside an image, unless one that says the same is there already."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from repro_sign import beside, comparison
from repro_sign.comparison import ImageFacts
from repro_sign.durable import write_file
from repro_sign.errors import MalformedError, RefusedError
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.manifest import Manifest, SignerRecord, Subject, check_name, to_bytes
from repro_sign.sealing import Sealer
from repro_sign.trust.evidence import ManifestEvidence, Match


def write_manifest(
    image: Path,
    facts: ImageFacts,
    companions: Sequence[Path],
    sealer: Sealer,
    now: Callable[[], datetime],
    *,
    again: bool,
) -> tuple[Path, bool]:
    """Write the manifest; return its path, and False if it was there already.

    Raises `RefusedError` if it can't be written or its signature is not what was meant.
    """
    path = _place(image, sealer)
    known = _known(path, facts, sealer, now()) if os.path.lexists(path) and not again else None
    if not companions and known is not None:
        companions = _named_before(known, facts.folder)
    subjects = tuple(_companion(one, facts.folder) for one in companions)
    if _says_the_same(known, subjects):
        return path, False
    text = to_bytes(_statement(facts, subjects, sealer, now()))
    block = sealer.seal_manifest(text)
    _check(block, path, text, sealer, now())
    write_file(path, block)
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


def _check(block: bytes, path: Path, text: bytes, sealer: Sealer, now: datetime) -> None:
    """Demand that the new manifest is good, and over the text that was meant."""
    try:
        file = beside.parse_manifest(path, block)
        checked = beside.check_manifest(file, sealer.known, now)
        problem = "" if checked.finding is Finding.GOOD else checked.message
        if file.text != text:
            problem = "the signed text is not the one that was meant"
    except MalformedError as error:
        problem = str(error)
    if problem:
        raise RefusedError(f"the manifest's signature is not good, nothing written: {problem}")


def _statement(
    facts: ImageFacts, companions: tuple[Subject, ...], sealer: Sealer, now: datetime
) -> Manifest:
    subject = Subject(_checked_name(facts.name), facts.sha256, facts.blake3)
    signer = SignerRecord(sealer.signer, sealer.name, sealer.public_text)
    return Manifest((subject, *companions), facts.record, signer, now)


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
    first = beside.first_manifest_path(image, sealer.suffix)
    if first not in there:
        return first
    return beside.later_manifest_path(image, sealer.signer, sealer.suffix)


def _known(path: Path, facts: ImageFacts, sealer: Sealer, now: datetime) -> ManifestEvidence | None:
    file = beside.read_manifest(path)
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


def _says_the_same(known: ManifestEvidence | None, companions: tuple[Subject, ...]) -> bool:
    return (
        known is not None
        and known.match is Match.EXACT
        and known.manifest is not None
        and known.manifest.subjects[1:] == companions
    )
