"""What a page says, as a value: every text in it can be shown, and none is trusted to be harmless.

Texts from outside are escaped here as for a terminal, so that nothing hidden is left in them; the
templates escape them once more for their own format.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from repro_sign import __version__
from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.report import as_text, machines, made_from, next_step, notices
from repro_sign.report.page.by_hand import Step, steps
from repro_sign.report.tally import Counted, Tally
from repro_sign.times import readable, readable_end
from repro_sign.trust.evidence import ManifestEvidence, SignatureEvidence
from repro_sign.trust.verdict import VerdictWord
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport

_HEADLINES: Final = {
    VerdictWord.VERIFIED: "Intact, completely covered, and signed by somebody who is trusted.",
    VerdictWord.FAILED: "There is evidence against this image, or against its being what was asked"
    " for. Do not rely on it.",
    VerdictWord.UNKNOWN: "There is no answer: something that is needed could not be found out.",
    VerdictWord.UNSIGNED: "In order, but nothing signs it, or not all of it.",
    VerdictWord.UNTRUSTED: "In order and signed, but by nobody who was said to be trusted: who made"
    " it is unproven.",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A name and the lines that belong to it."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignerRow:
    """Somebody who signed: where, with which key, when, and whether that person is trusted."""

    place: str
    name: str
    fingerprint: str
    when: str
    finding: str
    trusted: str


@dataclass(frozen=True, slots=True)
class Telling:
    """What one manifest says the image was made from; `whose` names its signer."""

    whose: str
    rows: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class MachineLine:
    """One line of the comparison of two machines."""

    name: str
    here: str
    there: str
    outcome: str
    matters: str


@dataclass(frozen=True, slots=True)
class MachineTable:
    """This machine and one author's."""

    whose: str
    lines: tuple[MachineLine, ...]


@dataclass(frozen=True, slots=True)
class ImagePart:
    """What a page says of one image."""

    path: str
    word: str
    headline: str
    warnings: tuple[Named, ...]
    reasons: tuple[str, ...]
    advice: tuple[str, ...]
    signers: tuple[SignerRow, ...]
    coverage: tuple[Named, ...]
    notes: tuple[str, ...]
    digests: tuple[Named, ...]
    made_from: tuple[Telling, ...]
    machines: tuple[MachineTable, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page. `checked` is when its images were verified, `version` by which release."""

    checked: str
    version: str
    summary: str
    images: tuple[ImagePart, ...]


def page_of(reports: Sequence[ImageReport], checked: datetime) -> Page:
    """Return what a page says of some images."""
    parts = tuple(map(_part, reports))
    lines = Tally(map(Counted.of, reports)).line().splitlines() if len(reports) != 1 else []
    return Page(readable(checked), __version__, "; ".join(lines), parts)


def _part(report: ImageReport) -> ImagePart:
    verdict, word = report.verdict, report.verdict.word
    met = [one for one in verdict.reasons if one.code == "rule-met"]
    return ImagePart(
        path=printable(str(report.path)),
        word=word.value,
        headline=_HEADLINES[word],
        warnings=_named((*notices.withdrawals(report), *notices.successors(report))),
        reasons=tuple(printable(one.message) for one in (met if report else verdict.reasons)),
        advice=tuple(text for _, text in next_step.lines(report)),
        signers=tuple(_signers(report)),
        coverage=_named((*_lock_file(report), *as_text.coverage(report))),
        notes=tuple(printable(one.message) for one in verdict.notes),
        digests=tuple(_digests(report)),
        made_from=tuple(
            Telling(made_from.whose(one), _named(_escaped(made_from.rows(found, all_of_it=True))))
            for one, found in made_from.told(report)
        ),
        machines=tuple(_machines(report)),
        steps=tuple(steps(report)),
    )


def _lock_file(report: ImageReport) -> Iterator[tuple[str, str]]:
    if report.pinned:
        yield "lock file", f"{report.pinned.state.value}: {printable(report.pinned.message)}"


def _named(pairs: Iterable[tuple[str, str]]) -> tuple[Named, ...]:
    """Put lines under the last name before them."""
    number = 0
    rows: list[tuple[int, str, str]] = []
    for name, text in pairs:
        number += bool(name)
        rows.append((number, name, text))
    groups = (list(group) for _, group in groupby(rows, key=lambda row: row[0]))
    return tuple(
        Named(group[0][1], tuple(text.strip() for _, _, text in group if text)) for group in groups
    )


def _escaped(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, text in pairs:
        yield name, printable(text)


def _signers(report: ImageReport) -> Iterator[SignerRow]:
    for signature in report.evidence.signatures:
        yield _signer(f"signature {signature.object_id} in the image", signature, report)
    for manifest in report.evidence.manifests:
        yield _signer(f"manifest {printable(manifest.name)}", manifest, report)


def _signer(
    place: str, one: SignatureEvidence | ManifestEvidence, report: ImageReport
) -> SignerRow:
    why = report.policy.why(one.signer)
    good = one.finding is Finding.GOOD
    when = [f"{readable(one.signed_at)}, by their own clock"] if one.signed_at else []
    if one.existed_before is not None:
        by = printable(one.timestamp_by or "")
        when.append(f"existed before {readable_end(one.existed_before)} (timestamp by {by})")
    claimed = f"claims {printable(one.claimed)}" if one.claimed else "not stated"
    return SignerRow(
        place=place,
        name=_name(one.user_id, trusted=why is not None),
        fingerprint=one.signer.grouped() if one.signer else claimed,
        when="; ".join(when) or "not stated",
        finding="good" if good else f"{one.finding.value}: {printable(one.message)}",
        trusted=f"trusted: {printable(why)}" if why else "not trusted here",
    )


def _name(user_id: str | None, *, trusted: bool) -> str:
    """Return a signer's name; a stranger can take any."""
    if user_id is None:
        return "a key without a known name"
    shown = printable(user_id)
    return shown if trusted else f"somebody who calls themselves {shown}"


def _digests(report: ImageReport) -> Iterator[Named]:
    for name in ("sha256", "blake3"):
        if name in report.evidence.digests:
            yield Named(name, (report.evidence.digests[name].hex,))
    if report.evidence.identity:
        yield Named("identity", (str(report.evidence.identity),))
    opinion = report.evidence.second_opinion
    if opinion is not None and opinion.accepted is not None:
        yield Named("Apptainer", (as_text.second_opinion(opinion, report),))


def _machines(report: ImageReport) -> Iterator[MachineTable]:
    for one in report.believed:
        if one.machine:
            rows = tuple(
                MachineLine(
                    name=row["name"],
                    here=printable(row["here"] or "not known"),
                    there=printable(row["there"] or "not known"),
                    outcome=row["outcome"],
                    matters=printable(row["matters"]),
                )
                for row in machines.rows_of(one)
            )
            yield MachineTable(made_from.whose(one), rows)
