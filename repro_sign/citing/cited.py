"""What is said of an image wherever it is cited; only of one that is verified."""

import re
import shlex
from datetime import datetime
from typing import Final

from repro_sign.digest import Digest
from repro_sign.errors import RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.provenance.made_from import MadeFromRecipe, MadeFromSource, read_made_from
from repro_sign.report.next_step import pasteable
from repro_sign.trust import revealed
from repro_sign.trust.evidence import ManifestEvidence, SignatureEvidence
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport

_PLAIN: Final = r"[^\s{}\\\"<>\x00-\x1f\x7f-\U0010ffff]{1,500}"
"""What an address or DOI may hold so that a list of references takes it as it is."""
_DOI: Final = re.compile(rf"(?i:https?://(?:dx\.)?doi\.org/|doi:)?(10\.[0-9]{{4,9}}/{_PLAIN})")
_URL: Final = re.compile(rf"https?://{_PLAIN}")


@dataclass(frozen=True, slots=True)
class Particulars:
    """What only the author knows; a missing one leaves a place that is to be filled in."""

    title: str | None = None
    authors: tuple[str, ...] = ()
    doi: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Cited:
    """The facts about a verified image. `signers` are the trusted people: key, and name if known.

    `signed` is the latest date at which one of them says to have signed it. `source` and `recipe`
    are by the first trusted manifest that has them.
    """

    name: str
    size: int
    sha256: Digest
    identity: Digest
    signers: tuple[tuple[SignerId, str | None], ...]
    signed: datetime | None
    source: MadeFromSource | None
    recipe: MadeFromRecipe | None

    @property
    def command(self) -> str:
        """The one command of a reader, with all fingerprints."""
        asked = [word for signer, _ in self.signers for word in ("--signer", str(signer))]
        return f"repro-sign verify {pasteable(self.name)} {shlex.join(asked)}"

    @property
    def fingerprints(self) -> str:
        """The fingerprints as they are printed, in groups of four."""
        return ", ".join(signer.grouped() for signer, _ in self.signers)


def cited_of(report: ImageReport) -> Cited:
    """Return the facts about an image that was verified with every digest (`deep`).

    Raises `RefusedError` if it is not verified: what is cited is what somebody trusted signed.
    """
    evidence, shown = report.evidence, printable(str(report.path))
    digest, size, identity = evidence.digests.get("sha256"), evidence.size, evidence.identity
    if not report or digest is None or size is None or identity is None:
        raise RefusedError(
            f"{shown} is {report.verdict.word}, and only a verified image is cited or deposited:"
            f" {printable(report.verdict.reasons[0].message)}",
            hint=f"repro-sign verify {pasteable(str(report.path))} says more; sign it first, or say"
            " whom you believe with --signer",
        )
    made = [read_made_from(one.manifest.provenance) for one in report.believed if one.manifest]
    return Cited(
        name=report.path.name,
        size=size,
        sha256=digest,
        identity=identity,
        signers=_signers(report),
        signed=_signed(report),
        source=next((one.source for one in made if one.source), None),
        recipe=next((one.recipe for one in made if one.recipe), None),
    )


def doi_of(text: str) -> str:
    """Return a DOI without the address before it. Raises `ValueError` if it is none."""
    found = _DOI.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{printable(text)} is no DOI (10.…/…)")
    return found[1]


def url_of(text: str) -> str:
    """Return a web address as it is. Raises `ValueError` if it is none, or has odd characters."""
    if not _URL.fullmatch(text):
        raise ValueError(f"{printable(text)} is no web address (https://…)")
    return text


def _signers(report: ImageReport) -> tuple[tuple[SignerId, str | None], ...]:
    owners = revealed.owners(report.evidence, report.policy)
    found: dict[SignerId, str | None] = {}
    signed: list[ManifestEvidence | SignatureEvidence] = [*report.evidence.manifests]
    for one in [*signed, *report.evidence.signatures]:
        if one.signer is not None and report.policy.why(one.signer):
            signer, name = owners.get(one.signer, (one.signer, one.user_id))
            found[signer] = found.get(signer) or name
    return tuple(sorted(found.items(), key=lambda pair: str(pair[0])))


def _signed(report: ImageReport) -> datetime | None:
    trusted = report.policy.why
    times = [one.signed_at for one in report.evidence.signatures if trusted(one.signer)]
    times += [one.dated for one in report.evidence.manifests if trusted(one.signer)]
    return max((one for one in times if one is not None), default=None)
