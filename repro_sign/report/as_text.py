"""Results as text for people, in the order in which they ask.

The verdict; by whom, and why that person is trusted; what exactly is covered; what is not; what it
was made from; how this machine differs; what to do next when it is not verified. All text from
outside is escaped here.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.report import machines, made_from, next_step, notices
from repro_sign.report.next_step import pasteable
from repro_sign.times import readable, readable_end
from repro_sign.trust.evidence import (
    ImageEvidence,
    ManifestEvidence,
    Match,
    SecondOpinion,
    SignatureEvidence,
)
from repro_sign.trust.verdict import VerdictWord
from repro_sign.verifying import ImageReport

Paint = Callable[[str, VerdictWord], str]
"""Colours a text by a verdict; returns it as it is where there are no colours."""

_LABEL_WIDTH: Final = 13
_SHOWN_OTHERWISE: Final = {"stranger-signature", "withdrawn", "superseded"}
"""What the lines about signers and notices say already."""
_LABELS: Final = {
    "tag-moved": "TAG MOVED",
    "source-same": "source",
    "outputs-same": "results",
    "revealed": "revealed",
}
"""What some reasons and notes are shown under."""
_SIGNATURE_LEAVES: Final = (
    "architecture, times and bytes between the objects: no signature inside an image covers"
    " them, a manifest does"
)

_NOT_COMPUTED: Final = "not computed: --deep does, --expect sha256:… compares it with the paper's"


def plain(text: str, _: VerdictWord) -> str:
    """Return a text without colour."""
    return text


def image(report: ImageReport, paint: Paint = plain, *, all_of_it: bool = False) -> str:
    """Return the report on one image, ended by a line end; `all_of_it` leaves nothing out."""
    word = report.verdict.word
    lines = [f"{paint(word.value.upper(), word)}  {printable(str(report.path))}"]
    lines += [_line(label, text) for label, text in _body(report, all_of_it)]
    return "\n".join(lines) + "\n"


def brief(report: ImageReport, paint: Paint = plain) -> str:
    """Return one line: the verdict, the path and the first reason where it is not verified."""
    word = report.verdict.word
    reason = "" if report else f": {printable(report.verdict.reasons[0].message)}"
    pinned = f"  [{report.pinned.state.value}]" if report.pinned else ""
    return f"{paint(word.value, word)}{pinned}  {printable(str(report.path))}{reason}\n"


def _body(report: ImageReport, all_of_it: bool) -> Iterator[tuple[str, str]]:
    evidence = report.evidence
    if report.pinned:
        yield "lock file", f"{report.pinned.state.value}: {printable(report.pinned.message)}"
    yield from notices.withdrawals(report)
    for reason in report.verdict.reasons:
        if not report and reason.code not in _SHOWN_OTHERWISE:
            yield _LABELS.get(reason.code, "because"), printable(reason.message)
        elif reason.code == "rule-met":
            yield "policy", printable(reason.message)
    yield from notices.successors(report)
    yield from _signers(report)
    yield from coverage(report)
    for note in report.verdict.notes:
        if note.code not in _SHOWN_OTHERWISE:
            yield _LABELS.get(note.code, "note"), printable(note.message)
    yield from made_from.lines(report, all_of_it=all_of_it)
    yield from machines.lines(report, every_row=all_of_it)
    yield from _remembering(report)
    yield from _digests(evidence)
    opinion = evidence.second_opinion
    if opinion is not None and opinion.accepted is not None:
        yield "apptainer", second_opinion(opinion, report)
    yield from next_step.lines(report)


def _digests(evidence: ImageEvidence) -> Iterator[tuple[str, str]]:
    if "sha256" in evidence.digests:
        yield "sha256", evidence.digests["sha256"].hex
    elif "blake3" in evidence.digests:
        yield "blake3", evidence.digests["blake3"].hex
        yield "sha256", _NOT_COMPUTED
    if evidence.identity:
        yield "identity", str(evidence.identity)


def second_opinion(opinion: SecondOpinion, report: ImageReport) -> str:
    """Return a sentence about Apptainer's answer."""
    if opinion.accepted:
        return "apptainer verify accepts it"
    if any(reason.code == "engines-disagree" for reason in report.verdict.reasons):
        return "apptainer verify refuses it"
    why = f" ({printable(opinion.because)})" if report else ""
    return f"apptainer verify refuses it, as expected{why}"


def _signers(report: ImageReport) -> Iterator[tuple[str, str]]:
    """Who signed: inside the image, and by manifest."""
    for one in report.evidence.signatures:
        if one.finding is Finding.GOOD:
            yield from _signer("signed by", one, report)
        elif one.signer is not None or one.claimed is not None:
            name = one.signer.grouped() if one.signer else one.claimed or ""
            yield "signature", f"{one.object_id}: {one.finding.value}, key {printable(name)}"
    for manifest in report.evidence.manifests:
        if manifest.finding is Finding.GOOD and report.policy.why(manifest.signer):
            yield from _signer("manifest by", manifest, report)


def _signer(
    label: str, one: SignatureEvidence | ManifestEvidence, report: ImageReport
) -> Iterator[tuple[str, str]]:
    if one.signer is None:
        return
    why = report.policy.why(one.signer)
    if one.user_id:
        shown = printable(one.user_id)
        yield label, shown if why else f"somebody who calls themselves {shown}"
    else:
        yield label, "the owner of this key"
    yield "", one.signer.grouped()
    when = (
        f"on {readable(one.signed_at)}, by their own clock"
        if one.signed_at
        else "at no stated time"
    )
    yield "", f"{when}; {f'trusted: {printable(why)}' if why else 'not trusted here'}"
    if one.existed_before is not None:
        by = printable(one.timestamp_by or "")
        yield "", f"existed before {readable_end(one.existed_before)} (timestamp by {by})"


def _remembering(report: ImageReport) -> Iterator[tuple[str, str]]:
    """Say who is pinned to the image's name; a failed image says it in its reasons."""
    one, name = report.remembering, printable(report.path.name)
    if one is None or not one.signers or report.verdict.word is VerdictWord.FAILED:
        return
    when = "from now on" if one.new else "from before"
    yield "remembered", f"{when}: {name} is signed by"
    for signer in sorted(one.signers, key=str):
        yield "", signer.grouped()
    yield "", "nobody became trusted by that"


def coverage(report: ImageReport) -> Iterator[tuple[str, str]]:
    """Yield what is covered, and what is not, as labels and texts; none unless it is verified."""
    evidence, policy = report.evidence, report.policy
    good = [one for one in evidence.signatures if one.finding is Finding.GOOD]
    if not report:
        return
    trusted = frozenset[int]().union(*(one.covers for one in good if policy.why(one.signer)))
    if trusted:
        total = len(evidence.objects)
        yield "covers", f"{len(trusted)} of {total} objects, by the signatures in the image"
    matches = [one.match for one in evidence.manifests if one.match and policy.why(one.signer)]
    if Match.EXACT in matches:
        yield "covers", "the whole file, every byte, by the manifest"
    elif matches:
        yield "covers", "every object the manifest lists; signatures were added since"
        yield "not covered", _SIGNATURE_LEAVES
    else:
        yield "not covered", _SIGNATURE_LEAVES


def suggest_verify(image_path: Path, fingerprint: str) -> str:
    """Return the line that a reviewer types."""
    return f"repro-sign verify {pasteable(image_path.name)} --signer {fingerprint}"


def _line(label: str, text: str) -> str:
    return f"  {label:<{_LABEL_WIDTH}}{text}"
