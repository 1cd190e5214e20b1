"""Say what Apptainer would do with an image under a control list, without running anything.

Its rules (SIF reference, section 11; held against the real program by tests/test_ecl_check.py):

 1. a list that can't be loaded is none: everything runs. An invalid one refuses every image
 2. the group is that of the image's real folder, else the one for all others, else it is refused
 3. every group of objects needs a signature; one that does not validate is passed over, with
    every other by the key it names; one whose key is good and whose data differs refuses
 4. the mode says which of the keys that signed every group are needed, or which named at all
    are forbidden
"""

import os
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from repro_sign.ecl.control_list import ControlList, ExecGroup, Mode
from repro_sign.ecl.global_ring import copied
from repro_sign.ecl.validity import faults
from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.escaping import printable
from repro_sign.examining import integrity
from repro_sign.examining.second_opinion import SHARED_FINDINGS, unfit_today
from repro_sign.finding import Finding
from repro_sign.fingerprint import Fingerprint
from repro_sign.hashing import Progress
from repro_sign.image_search import find_images
from repro_sign.known_keys import Keys, KnownKeys, known
from repro_sign.openpgp.certificate import Certificate
from repro_sign.sif.reader import OpenImage, open_image
from repro_sign.trust.evidence import SignatureEvidence
from repro_sign.values import dataclass

_TAMPERED: Final = frozenset(
    {
        Finding.HEADER_CHANGED,
        Finding.DESCRIPTOR_CHANGED,
        Finding.DATA_CHANGED,
        Finding.OBJECT_REMOVED,
        Finding.WRONG_FINGERPRINT,
    }
)
"""What refuses an image at once: the signature is by a key in the ring, and says something else."""
_LENIENT: Final = (Finding.MALFORMED, Finding.BAD_METADATA)
"""What Apptainer reads less strictly than we do: it may pass it over, refuse, or call it good."""


class Ruling(StrEnum):
    """What Apptainer would do."""

    RUNS = "runs"
    REFUSED = "refused"
    UNPREDICTED = "unpredicted"
    """It can't be said: nothing should rely on either."""


@dataclass(frozen=True, slots=True)
class _Ring:
    """The keys of the global ring, and which of them are in it in copies that differ."""

    book: KnownKeys
    copied: frozenset[Fingerprint]


@dataclass(frozen=True, slots=True)
class EclAnswer:
    """What Apptainer would do with one image, and why: a stable code and a sentence."""

    path: Path
    ruling: Ruling
    code: str
    message: str


def check_folder(
    folder: Path,
    control: ControlList,
    ring: tuple[Certificate, ...],
    now: datetime,
    progress: Progress | None = None,
) -> Iterator[EclAnswer]:
    """Say for each image that a path stands for what Apptainer would do.

    `ring` are the certificates of the machine's global key ring. Raises `UnreadableError` as
    `find_images` does.
    """
    invalid = next(faults(control), None)
    keys = _Ring(known((Keys(certificates=ring),), "global key ring"), copied(ring))
    for path in find_images(folder):
        if invalid:
            message = f"the list is invalid, so every image is refused: {invalid.message}"
            yield EclAnswer(path, Ruling.REFUSED, invalid.code, message)
        elif not control.activated:
            message = "the list is not activated, so everything runs"
            yield EclAnswer(path, Ruling.RUNS, "not-activated", message)
        else:
            ruling, code, message = _rule(path, control, keys, now, progress)
            yield EclAnswer(path, ruling, code, message)


_Ruled = tuple[Ruling, str, str]


def _rule(
    path: Path, control: ControlList, keys: _Ring, now: datetime, progress: Progress | None
) -> _Ruled:
    folder = os.path.dirname(os.path.realpath(path))
    group = control.group_for(folder)
    if group is None:
        message = f"no group is for {printable(folder)}, and none for all other folders"
        return Ruling.REFUSED, "no-group", message
    if control.legacy_insecure:
        message = "legacyinsecure is set: signatures of the old form count, which is not predicted"
        return Ruling.UNPREDICTED, "legacy-insecure", message
    try:
        with open_image(path) as image:
            signatures = integrity.read_signatures(image)
            digests = integrity.hash_image(image, signatures, whole=(), progress=progress)
            evidence = integrity.examine(image, signatures, digests.ranges, keys.book, now)
            return _Signed(image, evidence, keys, now).rule(group)
    except NoAnswerError as error:
        return Ruling.UNPREDICTED, "unreadable", str(error)
    except MalformedError as error:
        message = f"it breaks the format, so Apptainer may do either: {error}"
        return Ruling.UNPREDICTED, error.code, message


class _Signed:
    """The signatures of one image, as Apptainer sees them."""

    def __init__(
        self,
        image: OpenImage,
        evidence: tuple[SignatureEvidence, ...],
        keys: _Ring,
        now: datetime,
    ) -> None:
        self._image = image
        self._entities = {one.id: integrity.entity_of(one) for one in image.signatures}
        self._evidence = [one for one in evidence if one.finding is not Finding.LEGACY]
        self._book = keys.book
        self._copied = keys.copied
        self._now = now

    def rule(self, group: ExecGroup) -> _Ruled:
        stopped = self._stopped()
        if stopped:
            return stopped
        if group.mode == Mode.BLACKLIST:
            return self._blacklisted(group)
        invalid = {self._named(one): why for one in self._evidence if (why := self._invalid(one))}
        harsh = self._whitelisted(group, invalid)
        surely = {
            self._named(one): invalid[self._named(one)]
            for one in self._evidence
            if one.finding in SHARED_FINDINGS or one.finding is Finding.GOOD
            if self._invalid(one)
        }
        if self._whitelisted(group, surely)[0] is harsh[0]:
            return harsh
        message = f"Apptainer may judge its signatures less strictly: {harsh[2]}"
        return Ruling.UNPREDICTED, "judged-differently", message

    def _whitelisted(self, group: ExecGroup, invalid: dict[str, str]) -> _Ruled:
        """Rule by who has to have signed; `invalid` are the keys that do not count, and why."""
        signed = self._signed_all() - invalid.keys()
        listed = group.listed
        wanted = signed & listed
        enough = bool(wanted) if group.mode == Mode.WHITELIST else listed <= signed
        if enough:
            by = ", ".join(sorted(wanted))
            message = f"{group.name}: signed by {by}" if by else f"{group.name} lists nobody"
            return Ruling.RUNS, "signed" if by else "nobody-listed", message
        return Ruling.REFUSED, "not-signed", self._missing(group, listed - signed, invalid)

    def _stopped(self) -> _Ruled | None:
        """Return what refuses the image whoever is listed."""
        if not self._image.groups:
            return Ruling.REFUSED, "nothing-signed", "there is nothing in it that could be signed"
        for number in self._image.groups:
            linked = [one for one in self._evidence if one.group == number]
            if not linked:
                message = f"group {number} of its objects has no signature"
                return Ruling.REFUSED, "no-signature", message
            for one in linked:
                found = self._fatal(one)
                if found:
                    return found
        return None

    def _fatal(self, one: SignatureEvidence) -> _Ruled | None:
        where = f"signature {one.object_id}"
        if one.kind == "dsse":
            message = f"{where} is by a PEM key, which Apptainer's control list can't check"
            return Ruling.REFUSED, "pem-signature", message
        if one.signer in self._copied:
            message = f"the ring holds copies of {one.signer} that differ"
            return Ruling.UNPREDICTED, "key-twice-in-ring", message
        if one.finding in _TAMPERED:
            return Ruling.REFUSED, one.finding.value, f"{where}: {one.message}"
        if one.finding in _LENIENT:
            message = f"Apptainer may do either, for {where}: {one.message}"
            return Ruling.UNPREDICTED, one.finding.value, message
        if one.finding is Finding.GOOD:
            members = frozenset(each.id for each in self._image.groups[one.group or 0])
            if one.covers != members:
                message = f"{where} does not cover all of its group"
                return Ruling.REFUSED, "part-signed", message
        return None

    def _invalid(self, one: SignatureEvidence) -> str | None:
        """Say why a signature does not validate for Apptainer, which passes it over."""
        if one.finding is not Finding.GOOD:
            return one.message
        return unfit_today(one, self._book, self._now)

    def _named(self, one: SignatureEvidence) -> str:
        return self._entities[one.object_id].hex

    def _signed_all(self) -> set[str]:
        """Return the keys that some signature over each group names in its descriptor."""
        by_group = [
            {self._named(one) for one in self._evidence if one.group == number}
            for number in self._image.groups
        ]
        return set.intersection(*by_group)

    def _blacklisted(self, group: ExecGroup) -> _Ruled:
        named = {self._named(one) for one in self._evidence if one.group in self._image.groups}
        forbidden = named & group.listed
        if forbidden:
            message = f"{group.name} forbids {', '.join(sorted(forbidden))}, whom a signature names"
            return Ruling.REFUSED, "forbidden", message
        message = f"{group.name} forbids nobody whom its signatures name, good or not"
        return Ruling.RUNS, "not-forbidden", message

    def _missing(self, group: ExecGroup, missing: frozenset[str], invalid: dict[str, str]) -> str:
        if not group.listed:
            return f"{group.name} lists nobody, so nobody's signature is enough"
        needs = "one of" if group.mode == Mode.WHITELIST else "all of"
        reasons = [f"{one}: {self._why(one, invalid)}" for one in sorted(missing)[:5]]
        return f"{group.name} needs {needs} those it lists; {'; '.join(reasons)}"

    def _why(self, fingerprint: str, invalid: dict[str, str]) -> str:
        if fingerprint not in self._signed_all():
            return "did not sign all of it"
        if self._book.certificates.get(Fingerprint(fingerprint)) is None:
            return "its key is not in the global key ring"
        return invalid.get(fingerprint, "another signature that names it is not valid")
