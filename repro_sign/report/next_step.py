"""What the reader of a report can do now, where an image is not verified."""

import shlex
from collections.abc import Iterator
from typing import Final

from repro_sign.escaping import printable
from repro_sign.trust.pinned import LockState
from repro_sign.trust.verdict import VerdictWord
from repro_sign.verifying import ImageReport

_FORGET: Final = "repro-sign trust forget NAME"
_NOTHING_ELSE: Final = {
    "rollback": f"get the newer one; if it is this one that you want: {_FORGET}",
    "not-expected": "this is not the image whose digest you gave: is it another version?",
    "too-old": "look for the newer image, where its author publishes it",
    "manifest-not-exact": "ask who signed it since, or verify it without --exact",
}
"""What to do about a failure of which this is the only reason."""
_BY_THE_CLOCK: Final = {"dated-in-future", "manifest-dated-in-future"}
_LOCKED: Final = {
    LockState.CHANGED: "get the one that is locked, or lock this one: repro-sign lock --update",
    LockState.MISSING: "get the image again; the lock file may say where from (url)",
    LockState.EXTRA: "take it away, or lock it too: repro-sign lock --update",
}
"""What to do about how an image compares with a lock file, where that is all that is wrong."""
_ASK_OR_LEAVE: Final = "ask its author for a manifest that says it, or do not ask for it"
_NOT_THE_IMAGE: Final = {
    "tag-moved": "ask its author why, and do not build from that tag",
    "tag-gone": "ask its author why, and build from the commit",
    "source-differs": "get the signed commit (git checkout), without changes",
    "output-changed": "how far do the results differ? Last digits may, on another machine",
    "output-missing": "are all results there, under the names that the manifest gives?",
    "machine-differs": "use a machine like the author's, or demand less",
    "no-machine": _ASK_OR_LEAVE,
    "no-source": _ASK_OR_LEAVE,
    "no-outputs": _ASK_OR_LEAVE,
}
"""What to do where nothing else is wrong: the code that matters most comes first."""


def lines(report: ImageReport) -> Iterator[tuple[str, str]]:
    """Yield the advice as labels and texts; none for a verified image."""
    codes = {reason.code for reason in report.verdict.reasons}
    locked = _LOCKED.get(report.pinned.state) if report.pinned else None
    if locked and (report.verdict.word is not VerdictWord.FAILED or codes == {"not-expected"}):
        yield "next", locked
        return
    match report.verdict.word:
        case VerdictWord.FAILED:
            yield "next", _after_failure(report, codes)
        case VerdictWord.UNKNOWN:
            yield "next", "this is no answer: mend the cause above and verify again"
        case VerdictWord.UNSIGNED:
            message = "ask its author to sign it (repro-sign sign); an unsigned image is not broken"
            yield "next", message
        case VerdictWord.UNTRUSTED if codes & {"too-few-signers", "rule-not-met"}:
            yield "next", "ask the missing people to sign it, or name more whom you trust"
        case VerdictWord.UNTRUSTED:
            where = "take the author's fingerprint from the paper, not from where the image lay:"
            yield "next", where
            shown = pasteable(str(report.path))
            yield "", f"repro-sign verify {shown} --signer FINGERPRINT"


def pasteable(path: str) -> str:
    """Return a path as one types it in a shell: quoted where that is needed, never an option."""
    return shlex.quote(printable(f"./{path}" if path.startswith("-") else path))


def _after_failure(report: ImageReport, codes: set[str]) -> str:
    if "withdrawn" in codes:
        return "do not use it: whoever made it says so"
    if "not-sif" in codes:
        return "check that this is the file you meant"
    if "out-of-file" in codes:
        return "the file looks cut short: is the download complete?"
    if "no-manifest" in codes:
        path = printable(str(report.path))
        return f"get the manifest too: it lies where the image does, as {path}.manifest.asc"
    if "signer-changed" in codes <= {"signer-changed", "rollback"}:
        return (
            "ask its author, by another way than where the image lay; if they changed keys:"
            f" --signer FINGERPRINT, or {_FORGET}"
        )
    if codes <= _NOT_THE_IMAGE.keys():
        advice = next(text for code, text in _NOT_THE_IMAGE.items() if code in codes)
        return f"the image is as it was signed; {advice}"
    if codes & _BY_THE_CLOCK and codes <= _BY_THE_CLOCK | {"engines-disagree"}:
        return "look at this machine's clock first; if it is right, the author's was wrong"
    first, *others = codes
    if not others and first in _NOTHING_ELSE:
        return _NOTHING_ELSE[first]
    return "do not use it: get the image again from its author, and verify that"
