"""Results as text for people, in the order in which they ask.

The verdict; by whom, and why that person is trusted; what exactly is covered; what is not; what
to do next when it is not verified. All text from outside is escaped here.
"""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from repro_sign.escaping import printable
from repro_sign.finding import Finding
from repro_sign.times import readable
from repro_sign.trust.evidence import ManifestEvidence, Match, SecondOpinion, SignatureEvidence
from repro_sign.trust.judge import VerdictWord
from repro_sign.verifying import ImageReport

Paint = Callable[[str, VerdictWord], str]
"""Colours a text by a verdict; returns it as it is where there are no colours."""

_LABEL_WIDTH: Final = 13
_SHOWN_OTHERWISE: Final = {"stranger-signature"}
"""Notes that the lines about signers say already."""
_SIGNATURE_LEAVES: Final = (
    "architecture, times and bytes between the objects: no signature inside an image covers"
    " them, a manifest does"
)


def plain(text: str, _: VerdictWord) -> str:
    """Return a text without colour."""
    return text


def image(report: ImageReport, paint: Paint = plain) -> str:
    """Return the report on one image, ended by a line end."""
    word = report.verdict.word
    lines = [f"{paint(word.value.upper(), word)}  {printable(str(report.path))}"]
    lines += [_line(label, text) for label, text in _body(report)]
    return "\n".join(lines) + "\n"


def brief(report: ImageReport, paint: Paint = plain) -> str:
    """Return one line: the verdict, the path and the first reason where it is not verified."""
    word = report.verdict.word
    reason = "" if report else f": {printable(report.verdict.reasons[0].message)}"
    return f"{paint(word.value, word)}  {printable(str(report.path))}{reason}\n"


def summary(reports: list[ImageReport], paint: Paint = plain) -> str:
    """Return one line that counts the verdicts of several images."""
    counts = {word: sum(one.verdict.word is word for one in reports) for word in VerdictWord}
    parts = [paint(f"{count} {word.value}", word) for word, count in counts.items() if count]
    return f"{len(reports)} images: {', '.join(parts)}\n"


def _body(report: ImageReport) -> Iterator[tuple[str, str]]:
    evidence = report.evidence
    if not report:
        for reason in report.verdict.reasons:
            yield "because", printable(reason.message)
    yield from _signers(report)
    yield from _coverage(report)
    for note in report.verdict.notes:
        if note.code not in _SHOWN_OTHERWISE:
            yield "note", printable(note.message)
    if "sha256" in evidence.digests:
        yield "sha256", evidence.digests["sha256"].hex
    if evidence.identity:
        yield "identity", str(evidence.identity)
    opinion = evidence.second_opinion
    if opinion is not None and opinion.accepted is not None:
        yield "apptainer", _second_opinion(opinion, report)
    yield from _next(report)


def _second_opinion(opinion: SecondOpinion, report: ImageReport) -> str:
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


def _coverage(report: ImageReport) -> Iterator[tuple[str, str]]:
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


def _next(report: ImageReport) -> Iterator[tuple[str, str]]:
    """Say what the reader can do now, where the image is not verified."""
    codes = {reason.code for reason in report.verdict.reasons}
    match report.verdict.word:
        case VerdictWord.FAILED:
            yield "next", _after_failure(report, codes)
        case VerdictWord.UNKNOWN:
            yield "next", "this is no answer: mend the cause above and verify again"
        case VerdictWord.UNSIGNED:
            message = "ask its author to sign it (repro-sign sign); an unsigned image is not broken"
            yield "next", message
        case VerdictWord.UNTRUSTED if "too-few-signers" in codes:
            yield "next", "ask the missing people to sign it, or name more whom you trust"
        case VerdictWord.UNTRUSTED:
            where = "take the author's fingerprint from the paper, not from where the image lay:"
            yield "next", where
            shown = pasteable(str(report.path))
            yield "", f"repro-sign verify {shown} --signer FINGERPRINT"


def _after_failure(report: ImageReport, codes: set[str]) -> str:
    if "not-sif" in codes:
        return "check that this is the file you meant"
    if "out-of-file" in codes:
        return "the file looks cut short: is the download complete?"
    if "no-manifest" in codes:
        path = printable(str(report.path))
        return f"get the manifest too: it lies where the image does, as {path}.manifest.asc"
    if codes == {"not-expected"}:
        return "this is not the image whose digest you gave: is it another version?"
    if codes == {"manifest-not-exact"}:
        return "ask who signed it since, or verify it without --exact"
    return "do not use it: get the image again from its author, and verify that"


def suggest_verify(image_path: Path, fingerprint: str) -> str:
    """Return the line that a reviewer types."""
    return f"repro-sign verify {pasteable(image_path.name)} --signer {fingerprint}"


def pasteable(path: str) -> str:
    """Return a path as one types it in a shell: quoted where that is needed, never an option."""
    return shlex.quote(printable(f"./{path}" if path.startswith("-") else path))


def _line(label: str, text: str) -> str:
    return f"  {label:<{_LABEL_WIDTH}}{text}"
