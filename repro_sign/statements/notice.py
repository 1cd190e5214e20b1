"""The notice as a value: a signer's word that an image is withdrawn, or that there is a newer one.

It names the image by its identity, which further signatures do not change, and by each of its
object groups: whoever hosts an image can put its groups into another order, repeat them or leave
one out, which changes the identity and spoils no signature.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from repro_sign.digest import Digest
from repro_sign.statements import statement
from repro_sign.statements.manifest import read_identity
from repro_sign.statements.statement import (
    SignerRecord,
    Subject,
    check_name,
    read_signer,
    signer_members,
)
from repro_sign.strict_json import a_list, a_string, an_object
from repro_sign.times import parse_rfc3339, rfc3339
from repro_sign.values import dataclass

NOTICE_TYPE: Final = "urn:repro-sign:notice:v1"
MAX_REASON_LINES: Final = 100
MAX_GROUPS: Final = 4096
"""No image has more objects."""


class NoticeKind(StrEnum):
    """What a notice says of an image."""

    WITHDRAWN = "withdrawn"
    """It should not be used."""
    SUPERSEDED = "superseded"
    """There is a newer one; it stays what it was."""


@dataclass(frozen=True, slots=True)
class Successor:
    """The image that came in another's place: its file's name, its identity, its digest."""

    name: str
    identity: Digest
    sha256: Digest


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice. `subject` is the image as a file, as it was then.

    `groups` are the digests of its groups' metadata documents, `reason` is lines of text.
    """

    subject: Subject
    kind: NoticeKind
    identity: Digest
    groups: tuple[Digest, ...]
    reason: tuple[str, ...]
    successor: Successor | None
    signer: SignerRecord
    created: datetime

    def is_about(self, identity: Digest, groups: Collection[Digest]) -> bool:
        """Whether it is about an image with this identity and these groups.

        One group in common is enough: it holds the image's UUID, so it comes from no other build.
        """
        if self.successor is not None and self.successor.identity == identity:
            return False
        return self.identity == identity or any(one in groups for one in self.groups)


def to_bytes(notice: Notice) -> bytes:
    """Write a notice, as `statement.write` does and with its errors."""
    return statement.write((notice.subject,), NOTICE_TYPE, _predicate(notice))


def from_bytes(data: bytes) -> Notice:
    """Read a notice. Raises `MalformedError`.

    Unless its signature was checked, all that it says is a claim.
    """
    return statement.read(data, NOTICE_TYPE, "the notice", _take)


def successor_members(one: Successor) -> dict[str, str]:
    """Return a successor as the members of its JSON object."""
    return {"name": one.name, "identity": str(one.identity), "sha256": one.sha256.hex}


def _predicate(notice: Notice) -> dict[str, Any]:
    return {
        "action": notice.kind.value,
        "identity": str(notice.identity),
        "groups": [str(one) for one in notice.groups],
        "reason": list(notice.reason),
        **({"successor": successor_members(notice.successor)} if notice.successor else {}),
        "signer": signer_members(notice.signer),
        "created": rfc3339(notice.created),
    }


def _take(subjects: tuple[Subject, ...], predicate: dict[str, Any]) -> Notice:
    if len(subjects) != 1:
        raise ValueError("a notice is about one image")
    kind = NoticeKind(a_string(predicate["action"]))
    reason = tuple(map(a_string, a_list(predicate["reason"], "lines")))
    groups = tuple(map(read_identity, a_list(predicate["groups"], "groups")))
    if len(reason) > MAX_REASON_LINES or len(groups) > MAX_GROUPS:
        raise ValueError("its reason or its list of groups is too long")
    if kind is NoticeKind.WITHDRAWN and not any(map(str.strip, reason)):
        raise ValueError("a withdrawal gives a reason")
    if (kind is NoticeKind.SUPERSEDED) != ("successor" in predicate):
        raise ValueError("a successor belongs to an image that is superseded, and to no other")
    return Notice(
        subject=subjects[0],
        kind=kind,
        identity=read_identity(predicate["identity"]),
        groups=groups,
        reason=reason,
        successor=_successor(predicate["successor"]) if "successor" in predicate else None,
        signer=read_signer(an_object(predicate["signer"])),
        created=parse_rfc3339(a_string(predicate["created"])),
    )


def _successor(value: Any) -> Successor:
    members = an_object(value)
    return Successor(
        name=check_name(a_string(members["name"])),
        identity=read_identity(members["identity"]),
        sha256=Digest("sha256", a_string(members["sha256"])),
    )
