"""Use case: put a deposit together, verify it as a reader will, and only then give it its name."""

from dataclasses import replace
from pathlib import Path

from repro_sign.citing.cited import cited_of
from repro_sign.citing.records import as_ro_crate
from repro_sign.depositing.filling import Filling
from repro_sign.depositing.readme import readme
from repro_sign.depositing.request import Deposited, DepositRequest
from repro_sign.errors import NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.examining.surroundings import Surroundings
from repro_sign.provenance.deposit_layout import CRATE, README
from repro_sign.system.staged_folder import demand_room, staged_folder
from repro_sign.trust.verdict import VerdictWord
from repro_sign.verifying import ImageReport, VerifyRequest, verify_image


def deposit(image: Path, folder: Path, request: DepositRequest) -> Deposited:
    """Fill a new folder with an image and all that a reader needs, and verify it.

    Raises `RefusedError` if the image is not verified, something that is asked for does not match
    what is signed, or the folder can't be written; `NoAnswerError` if something can't be read.
    """
    demand_room(folder)
    verify = replace(
        request.verify,
        deep=True,
        surroundings=Surroundings(outputs=request.results, look_at_machine=False),
    )
    report = _verified(image, verify)
    cited = cited_of(report)
    with staged_folder(folder) as aside:
        filling = Filling(report, request, aside)
        filling.fill()
        parts = [(one.path, one.what) for one in filling.files[1:]]
        parts.append((README, "What this is, and how to check it"))
        filling.write(CRATE, as_ro_crate(cited, request.particulars, parts).encode(), "metadata")
        text = readme(cited, request.particulars, filling, report)
        filling.write(README, text.encode("utf-8", "backslashreplace"), parts[-1][1])
        reader = replace(verify, surroundings=Surroundings(look_at_machine=False))
        _verified(aside / image.name, reader, of="the deposit")
    return Deposited(folder, cited, tuple(filling.files), tuple(filling.remarks))


def _verified(image: Path, request: VerifyRequest, of: str = "") -> ImageReport:
    """Verify, and demand that it is verified where what was made here is not."""
    report = verify_image(image, request)
    reason = printable(report.verdict.reasons[0].message)
    if report.verdict.word is VerdictWord.UNKNOWN:
        raise NoAnswerError(reason)
    if of and not report:
        raise RefusedError(
            f"{of} would not be verified ({report.verdict.word}): {reason}",
            hint="nothing was left there; is somebody changing files at the same time?",
        )
    return report
