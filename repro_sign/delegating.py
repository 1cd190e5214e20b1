"""Use case: sign a statement that hands one's word to other keys, for a time or for good."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from repro_sign.errors import RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys
from repro_sign.sealing import Sealer
from repro_sign.statements.delegation import Delegation, Purpose, to_bytes
from repro_sign.statements.statement import SignerRecord
from repro_sign.statements.statement_writing import seal, signer_record
from repro_sign.system.durable import write_file
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class DelegationReport:
    """A statement that was written: where, by whom, for which keys."""

    path: Path
    signer: SignerId
    delegates: tuple[SignerId, ...]


def delegate(
    keys: Keys,
    project: str,
    until: datetime,
    sealer: Sealer,
    out: Path | None,
    now: Callable[[], datetime],
) -> DelegationReport:
    """Sign that these keys may sign for a project until a time.

    Written to `out`, or to a file of this folder that is named by project and signer. Raises
    `UsageError` for a time that is past, `RefusedError` if nothing can be signed or written.
    """
    if until <= now():
        raise UsageError("a delegation ends in the future")
    if not project.strip():
        raise UsageError("a delegation is for a project: name it")
    delegates = _records(keys)
    said = Delegation(
        Purpose.DELEGATION, delegates, signer_record(sealer), now(), project.strip(), until
    )
    name = f"{_file_name(project)}.{sealer.signer.key_id}.delegation{sealer.ending}"
    return _write(said, sealer, out or Path(name), now)


def rotate(
    keys: Keys, sealer: Sealer, out: Path | None, now: Callable[[], datetime]
) -> DelegationReport:
    """Sign that another key of the signer takes this one's place. Raises as `delegate` does."""
    (new,) = _records(keys)
    said = Delegation(Purpose.ROTATION, (new,), signer_record(sealer), now())
    name = f"{sealer.signer.key_id}.rotation{sealer.ending}"
    return _write(said, sealer, out or Path(name), now)


def _write(
    said: Delegation, sealer: Sealer, path: Path, now: Callable[[], datetime]
) -> DelegationReport:
    delegates = tuple(one.fingerprint for one in said.delegates)
    if sealer.signer in delegates:
        raise UsageError("a key does not hand its word to itself")
    if not path.name.endswith(sealer.ending):
        raise UsageError(
            f"{printable(str(path))}: with this kind of key the file's name ends in {sealer.ending}"
        )
    if path.exists():
        raise RefusedError(
            f"{printable(str(path))} is there already", hint="name another file: --output"
        )
    write_file(path, seal(path, to_bytes(said), sealer, now, "delegation"))
    return DelegationReport(path, sealer.signer, delegates)


def _records(keys: Keys) -> tuple[SignerRecord, ...]:
    return (
        *(SignerRecord(one.fingerprint, one.user_id, one.armored) for one in keys.certificates),
        *(SignerRecord(one.fingerprint, None, one.pem) for one in keys.public_keys),
    )


def _file_name(project: str) -> str:
    """Return a project's name as a part of a file's name."""
    return "".join(one if one.isalnum() or one in "-_" else "-" for one in project.strip())[:60]
