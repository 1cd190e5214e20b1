"""Notices made by hand: what the commands refuse to write, and what attackers do."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from repro_sign.examining.comparison import facts_of
from repro_sign.examining.integrity import hash_image
from repro_sign.fingerprint import Fingerprint
from repro_sign.sif.metadata import group_digests
from repro_sign.sif.reader import open_image
from repro_sign.statements.notice import Notice, NoticeKind, to_bytes
from repro_sign.statements.statement import SignerRecord, Subject
from repro_sign.times import utc_now
from tests.account import Account, Result, Signer
from tests.forge import Forge

WORDS = "The grid is off by one cell."


def rebuilt(image: Path, path: Path) -> Path:
    """Copy an unsigned image as if it were built anew: with another UUID."""
    data = bytearray(image.read_bytes())
    data[48:64] = os.urandom(16)
    path.write_bytes(data)
    return path


def notice_about(image: Path, fingerprint: str, public: Path, **changes: Any) -> Notice:
    """Return a withdrawal by an OpenPGP key, with some members changed."""
    with open_image(image) as opened:
        digests = hash_image(opened, ())
        facts, groups = facts_of(opened, digests), group_digests(opened, digests.ranges)
    notice = Notice(
        subject=Subject(image.name, facts.sha256, facts.blake3),
        kind=NoticeKind.WITHDRAWN,
        identity=facts.record.identity,
        groups=groups,
        reason=(WORDS,),
        successor=None,
        signer=SignerRecord(Fingerprint.parse(fingerprint), None, public.read_text()),
        created=utc_now(),
    )
    return replace(notice, **changes)


def forged(image: Path, forge: Forge, user: str, *, at: str = "", **changes: Any) -> Path:
    """Put a notice by one of the forge's keys beside an image, made at any time."""
    notice = notice_about(image, user, forge.public(user, image.parent.parent), **changes)
    path = image.with_name(f"{image.name}.{user[-16:]}.{notice.kind}.asc")
    path.write_bytes(forge.sign(to_bytes(notice), user, at=at))
    return path


def withdraw(signer: Signer, image: Path, *options: str | Path, reason: str = WORDS) -> Path:
    """Withdraw an image for real; return the notice."""
    command = ("withdraw", image, "--reason", reason, "--yes", "--json", *options)
    return Path(signer.account.ok(*command).json["notice"])


def verify(account: Account, image: Path, signer: Signer, *options: str | Path) -> Result:
    """Verify an image natively, believing one signer."""
    believing = ("--signer", signer.fingerprint, "--engine", "native")
    return account.verify(image, *believing, *options)
