"""A policy file as rules for images: which rule is for which, and what it comes to.

The first rule whose patterns fit an image's file name is for it. A policy never comes with an
image: the caller names it, or keeps it in the trust store.
"""

from dataclasses import field
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from repro_sign.checked import CheckedSignature
from repro_sign.errors import MalformedError, NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys, read_keys
from repro_sign.openpgp.certificate import MAX_RING_BYTES
from repro_sign.policy_file.document import (
    MAX_POLICY_BYTES,
    PolicyDocument,
    RuleEntry,
    SignerEntry,
    parse,
)
from repro_sign.policy_file.followed import (
    Statement,
    Unused,
    delegates,
    read_statements,
    successors,
)
from repro_sign.policy_file.people import People
from repro_sign.statements import signed_file
from repro_sign.statements.delegation import keys_of
from repro_sign.statements.signed_file import SignedFile
from repro_sign.stores.certificates import gather
from repro_sign.stores.trust_store import read_entries
from repro_sign.system.files import read_small
from repro_sign.system.locations import Locations
from repro_sign.trust.policy import TrustPolicy
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """The rules of a policy file, ready for use. It is `Policies`.

    `keys` are public keys to check signatures with, `timestamp_authorities` files with the roots
    of timestamps.
    """

    name: str
    rules: tuple[tuple[RuleEntry, TrustPolicy], ...]
    keys: Keys = field(default_factory=Keys)
    timestamp_authorities: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    def for_image(self, name: str) -> TrustPolicy:
        """Return what the first rule that fits asks for; believe nobody where none does."""
        for rule, policy in self.rules:
            if not rule.images or any(fnmatchcase(name, pattern) for pattern in rule.images):
                return policy
        note = f"no rule of {self.name} is for an image of this name"
        return TrustPolicy(notes=(*self.notes, note))


def read_policy(path: Path, where: Locations, now: datetime) -> PolicyFile:
    """Read a policy file, and the statements that it says to follow.

    Raises `NoAnswerError` if it or a file that it names can't be read, or is not valid: a rule
    that is not understood must not be passed over.
    """
    shown = printable(str(path))
    try:
        document = parse(read_small(path, MAX_POLICY_BYTES, "policy"), path.parent, now)
        return _Reading(document, path, where, now).policy()
    except (MalformedError, RefusedError, ValueError) as error:
        raise NoAnswerError(
            f"the policy {shown} is not valid: {printable(str(error))}",
            hint="its form is described in docs/trust.md",
        ) from error


class _Reading:
    """A policy on its way from the document to rules."""

    def __init__(
        self, document: PolicyDocument, path: Path, where: Locations, now: datetime
    ) -> None:
        self._document = document
        self._name = printable(path.name)
        self._where = where
        self._now = now
        self._keys = sum(map(_keys_of_signer, document.signers), Keys())
        self._people = People(document)
        self._notes: list[str] = []

    def policy(self) -> PolicyFile:
        """Follow what is to be followed, and make the rules."""
        self._follow_rotations()
        self._follow_delegations()
        self._people.add_trust_store(read_entries(self._where))
        rules = tuple((rule, self._rule(rule)) for rule in self._document.rules)
        authorities = self._document.timestamp_authorities
        return PolicyFile(self._name, rules, self._keys, authorities, tuple(self._notes))

    def _rule(self, rule: RuleEntry) -> TrustPolicy:
        demands = tuple(map(self._people.demand, rule.require))
        name = f"rule {rule.name} of {self._name}"
        for demand in demands:
            if len(demand.people or ()) < demand.count:
                there = ", ".join(sorted(demand.people or ())) or "nobody"
                self._notes.append(f"{name} asks for {demand.words}, and there is only: {there}")
        people = self._people.keys_for(demands)
        return TrustPolicy(
            trusted={key: f"{self._name} ({person})" for key, person in people.items()},
            people=people,
            demands=demands,
            require_manifest=rule.require_manifest,
            exact=rule.exact,
            require_timestamp=rule.require_timestamp,
            newer_than=rule.not_older_than,
            remember=rule.remember,
            until={key: end for key, end in self._people.until.items() if key in people},
            rule=name,
            notes=tuple(self._notes),
        )

    def _follow_rotations(self) -> None:
        for entry in self._document.rotations:
            keys = self._keys_of(entry.of)
            for key, one in successors(self._statements(entry.statements), keys).items():
                self._people.add_key(entry.of, key)
                self._keys += keys_of(one.delegation.delegates[0])

    def _follow_delegations(self) -> None:
        for entry in self._document.delegations:
            statements = self._statements(entry.statements)
            found = delegates(statements, self._keys_of(entry.by), entry.project)
            if not found:
                self._notes.append(f"no good delegation by {entry.by} for {entry.project} is there")
            for delegate, until in found.values():
                ended = until if until < self._now else None
                self._people.add_delegate(entry.group, delegate, ended)
                self._keys += keys_of(delegate)

    def _keys_of(self, person: str) -> set[SignerId]:
        keys = self._people.keys_of(person)
        if not keys:
            raise ValueError(f"{person!r} is no signer")
        return keys

    def _statements(self, path: Path) -> list[Statement]:
        """Read the good statements in a file or folder; note those that are none."""
        good = []
        for one in read_statements(path, self._check):
            if isinstance(one, Unused):
                self._notes.append(f"{printable(one.name)} is not followed: {one.why}")
            else:
                good.append(one)
        return good

    def _check(self, file: SignedFile) -> CheckedSignature:
        known = gather(self._where, file.issuers, file.path.parent, self._keys)
        known.add(file.keys, "statement")
        return signed_file.check(file, known, self._now)


def _keys_of_signer(signer: SignerEntry) -> Keys:
    """Read the public keys that the policy hands over for a person, and compare fingerprints."""
    found = Keys()
    for path in signer.key_files:
        found += read_keys(read_small(path, MAX_RING_BYTES, "public key"), printable(str(path)))
    strangers = set(found.signers) - set(signer.fingerprints)
    if strangers:
        raise ValueError(
            f"a key file of {signer.name!r} holds {min(strangers, key=str)}, which is not theirs"
        )
    return found
