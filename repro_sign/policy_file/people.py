"""The people and groups of a policy, and demands like `2 of lab` read with them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from repro_sign.fingerprint import SignerId
from repro_sign.policy_file.document import PolicyDocument
from repro_sign.statements.statement import SignerRecord
from repro_sign.stores.trust_store import TrustEntry
from repro_sign.trust.policy import Demand

TRUST_STORE: Final = "trust store"
"""The group of everybody in the caller's trust store."""
_COUNTED: Final = re.compile(r"(?:([1-9][0-9]{0,3})|all) of (.+)")


class People:
    """Who is who: each key has one person, a group is a set of people."""

    def __init__(self, document: PolicyDocument) -> None:
        self.person_of: dict[SignerId, str] = {}
        self.until: dict[SignerId, datetime] = {}
        self._groups: dict[str, set[str]] = {}
        for signer in document.signers:
            if signer.name in self._groups:
                raise ValueError(f"the signer {signer.name!r} stands twice")
            self._groups[signer.name] = {signer.name}
            for fingerprint in signer.fingerprints:
                self.add_key(signer.name, fingerprint)
        names = {signer.name for signer in document.signers}
        for delegation in document.delegations:
            self._groups.setdefault(delegation.group, set())
        for group, members in document.groups.items():
            if group in names or group == TRUST_STORE:
                raise ValueError(f"the group {group!r} has the name of somebody else")
            strangers = [one for one in members if one not in names]
            if strangers:
                raise ValueError(f"the group {group!r} has {strangers[0]!r}, who is no signer")
            self._groups.setdefault(group, set()).update(members)

    def add_key(self, person: str, fingerprint: SignerId) -> None:
        """Let a key be a person's. Raises `ValueError` if it is another's."""
        if self.person_of.setdefault(fingerprint, person) != person:
            raise ValueError(f"the key {fingerprint} is given to two people")

    def add_delegate(self, group: str, delegate: SignerRecord, until: datetime | None) -> None:
        """Let the owner of a key be of a group; `until` is set if their time there has ended.

        A signer of the policy who is a delegate too stays who they are. Others are told apart by
        the name that whoever delegates gave them.
        """
        key = delegate.fingerprint
        if key not in self.person_of:
            self.person_of[key] = f"delegate {delegate.user_id or key.grouped()}"
            if until:
                self.until[key] = until
        elif until and key not in self.until:
            return
        self._groups.setdefault(group, set()).add(self.person_of[key])

    def add_trust_store(self, entries: tuple[TrustEntry, ...]) -> None:
        """Let everybody in the trust store be of the group that has its name."""
        for entry in entries:
            self.person_of.setdefault(entry.fingerprint, entry.name or str(entry.fingerprint))
        self._groups[TRUST_STORE] = {self.person_of[entry.fingerprint] for entry in entries}

    def keys_of(self, person: str) -> set[SignerId]:
        """Return the keys of a person."""
        return {key for key, owner in self.person_of.items() if owner == person}

    def demand(self, text: str) -> Demand:
        """Read `2 of lab`, `all of lab`, `lab` (one of them), `Ada`. Raises `ValueError`."""
        found = _COUNTED.fullmatch(text.strip())
        group = found[2] if found else text.strip()
        people = self._groups.get(group)
        if people is None:
            raise ValueError(f"{text!r} asks for {group!r}, who is neither a signer nor a group")
        count = int(found[1] or 0) if found else 1
        return Demand(count or max(len(people), 1), frozenset(people), text.strip())

    def keys_for(self, demands: tuple[Demand, ...]) -> Mapping[SignerId, str]:
        """Return the keys of everybody whom these demands count, with their owners."""
        wanted = frozenset[str]().union(*(one.people or () for one in demands))
        return {key: person for key, person in self.person_of.items() if person in wanted}
