"""Options that say whom `verify` believes, and the policy that comes of them."""

import os
from collections.abc import Callable
from dataclasses import field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from repro_sign.cli.given_keys import believed_chains, read_chains, read_key
from repro_sign.cli.options import EXISTING_FILE, FINGERPRINT, add_options
from repro_sign.errors import (
    MalformedError,
    NoAnswerError,
    RefusedError,
    UnreadableError,
    UsageError,
)
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys
from repro_sign.pem.checked_chain import CheckedChain
from repro_sign.stores.trust_store import read_entries
from repro_sign.system.files import demand_own_file
from repro_sign.system.locations import Locations, find_locations
from repro_sign.times import utc_now
from repro_sign.trust.policy import Policies, TrustPolicy
from repro_sign.values import dataclass

if TYPE_CHECKING:
    from repro_sign.policy_file.policy import PolicyFile

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class BeliefWords:
    """What a command line says of whom to believe: names of keys and files, nothing read yet."""

    signers: tuple[SignerId, ...] = ()
    keys: tuple[Path, ...] = ()
    certificate: Path | None = None
    intermediates: Path | None = None
    roots: Path | None = None
    policy_path: Path | None = None

    def read(self) -> "Belief":
        """Read the files. Raises `UsageError` for words that exclude each other."""
        chains = read_chains(self.certificate, self.intermediates, self.roots)
        named = bool(self.signers or self.keys or self.certificate)
        if self.policy_path and named:
            raise UsageError(
                "--policy excludes --signer, --key and --certificate",
                hint="the policy says whom to believe",
            )
        if named:
            return _named(self, chains)
        return _by_rules(self)


@dataclass(frozen=True, slots=True)
class Belief:
    """Whom the caller believes: the rules so far, and the keys handed over.

    `words` is what it was read from. `policy_file` is set where the rules are those of a policy
    file; `named` where this command line says who is believed, so that neither trust store nor
    settings do.
    """

    policy: Policies
    given: Keys = field(default_factory=Keys)
    chains: tuple[CheckedChain, ...] = ()
    policy_file: "PolicyFile | None" = None
    named: bool = False
    words: BeliefWords = field(default_factory=BeliefWords)


def belief_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """Add the options, and hand what they come to over as `belief`."""

    @wraps(command)
    def with_belief(
        *arguments: Any,
        signers: tuple[SignerId, ...],
        keys: tuple[Path, ...],
        certificate: Path | None,
        intermediates: Path | None,
        roots: Path | None,
        policy_path: Path | None,
        **others: Any,
    ) -> _Result:
        words = BeliefWords(signers, keys, certificate, intermediates, roots, policy_path)
        return command(*arguments, belief=words.read(), **others)

    return add_options(with_belief, _OPTIONS)


_OPTIONS = (
    click.option(
        "--signer",
        "signers",
        type=FINGERPRINT,
        multiple=True,
        help="Trust this full fingerprint, and nobody from the trust store.",
    ),
    click.option(
        "--key",
        "keys",
        type=EXISTING_FILE,
        multiple=True,
        help="Trust the public key in this file, and nobody from the trust store.",
    ),
    click.option(
        "--certificate",
        type=EXISTING_FILE,
        help="Trust the owner of this X.509 certificate, if a chain leads to the roots.",
    ),
    click.option(
        "--certificate-intermediates",
        "intermediates",
        type=EXISTING_FILE,
        help="X.509 certificates between that one and the roots.",
    ),
    click.option(
        "--certificate-roots",
        "roots",
        type=EXISTING_FILE,
        help="X.509 roots that you believe.",
    ),
    click.option(
        "--policy",
        "policy_path",
        type=EXISTING_FILE,
        help="Go by the rules in this file: who has to have signed which images.",
    ),
)


def _named(words: BeliefWords, chains: tuple[CheckedChain, ...]) -> Belief:
    handed = {path: read_key(path) for path in words.keys}
    given = sum(handed.values(), Keys(public_keys=tuple(chain.key for chain in chains)))
    believed = dict.fromkeys(words.signers, "--signer") | believed_chains(chains)
    for path, one in handed.items():
        believed |= dict.fromkeys(one.signers, f"--key {path}")
    return Belief(TrustPolicy(believed), given, chains, named=True, words=words)


def _by_rules(words: BeliefWords) -> Belief:
    """Return the rules of a policy file; the trust store's, if there is no such file in it."""
    where, path = find_locations(), words.policy_path
    chosen = path or (where.policy_file if os.path.lexists(where.policy_file) else None)
    if chosen is None:
        return Belief(_trust_store(where), words=words)
    if path is None:
        _demand_own(chosen)
    from repro_sign.policy_file.policy import read_policy  # most runs have none

    found = read_policy(chosen, where, utc_now())
    return Belief(found, found.keys, policy_file=found, named=path is not None, words=words)


def _demand_own(rules: Path) -> None:
    """Refuse the rules of this account if others can write them: whom they name is believed."""
    try:
        demand_own_file(rules)
    except RefusedError as error:
        raise NoAnswerError(str(error), hint=error.hint) from error


def _trust_store(where: Locations) -> TrustPolicy:
    """Return whom the trust store believes, where the caller names nobody.

    Keys that have the same name there are one person's.
    """
    try:
        entries = read_entries(where)
    except (MalformedError, RefusedError, UnreadableError) as error:
        raise NoAnswerError(str(error), hint=error.hint) from error
    return TrustPolicy(
        trusted={
            one.fingerprint: f"your trust store ({one.name})" if one.name else "your trust store"
            for one in entries
        },
        people={one.fingerprint: one.name for one in entries if one.name},
        explicit=False,
    )
