"""Sign a statement and look at the result before anybody else does."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from repro_sign.errors import MalformedError, RefusedError
from repro_sign.finding import Finding
from repro_sign.sealing import Sealer
from repro_sign.statements import signed_file
from repro_sign.statements.statement import SignerRecord


def signer_record(sealer: Sealer) -> SignerRecord:
    """Return what a statement by this key says of its signer."""
    return SignerRecord(sealer.signer, sealer.name, sealer.public_text)


def seal(path: Path, text: bytes, sealer: Sealer, now: Callable[[], datetime], what: str) -> bytes:
    """Sign a statement's text; return the file to be written as `path`.

    `what` names the kind (`manifest`). Raises `RefusedError` unless the signature is good, and
    over the text that was meant.
    """
    block = sealer.seal_statement(text)
    try:
        file = signed_file.parse(path, block)
        checked = signed_file.check(file, sealer.known, now())
        problem = "" if checked.finding is Finding.GOOD else checked.message
        if file.text != text:
            problem = "the signed text is not the one that was meant"
    except MalformedError as error:
        problem = str(error)
    if problem:
        raise RefusedError(f"the {what}'s signature is not good, nothing written: {problem}")
    return block
