"""`sign --anonymous`: what is left out, what in the image gives its author away, and the key."""

import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from repro_sign.cli.git_identity import git_setting
from repro_sign.cli.options import add_options, say
from repro_sign.errors import MalformedError, RefusedError, UsageError
from repro_sign.escaping import printable
from repro_sign.examining import beside
from repro_sign.key_request import ANONYMOUS
from repro_sign.provenance.anonymity import give_aways, name_words, nameless, suspects
from repro_sign.provenance.capture import Captured, CaptureRequest
from repro_sign.sealing import Sealer
from repro_sign.sif.reader import named_error, open_image
from repro_sign.statements.manifest import from_bytes
from repro_sign.statements.signed_file import read
from repro_sign.stores.secret_keys import signing_keys
from repro_sign.system.locations import Locations
from repro_sign.values import dataclass

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Anonymity:
    """Whether nothing may give the author away, and whether they accept what can't be helped."""

    asked: bool = False
    accepted: bool = False

    def check_options(self, capturing: CaptureRequest) -> None:
        """Refuse options that ask for what is left out. Raises `UsageError`."""
        if self.accepted and not self.asked:
            raise UsageError("--yes goes with --anonymous: nothing else is asked")
        for part in ("source", "dependencies") if self.asked else ():
            if part in capturing.asked_for:
                raise UsageError(f"--anonymous tells nothing of the {part}: it leads to the author")

    def check(
        self,
        images: Sequence[Path],
        sealer: Sealer | None,
        typed: Sequence[tuple[str, str]],
        where: Locations,
    ) -> None:
        """Refuse a key with a name, and say what gives the author away and can't be left out.

        Without a `sealer` it is only said. `typed` are texts of the author's, each with a word on
        it. Raises `RefusedError`.
        """
        if not self.asked:
            return
        if sealer is not None:
            _demand_nameless_key(sealer)
        words = name_words(_own_names(where))
        for path in images:
            found = [*_in_image(path, words), *_beside(path)]
            for what, text in (("the file's name", path.name), *typed):
                found += suspects(what, text, words)
            for one in found:
                say(f"repro-sign: {printable(str(path))}: {printable(one, limit=500)}")
            if found and sealer is not None and not self.accepted:
                _ask(path)

    def limit(self, path: Path, told: Captured, sealer: Sealer | None) -> Captured:
        """Take out of what was captured what gives the author away, and say what that is.

        With a `sealer` an older manifest by that key is looked at: it would keep what it says.
        """
        if not self.asked:
            return told
        kept, left = nameless(told.provenance)
        for one in left:
            say(f"repro-sign: {printable(str(path))}: left out of the manifest: {one}")
        if sealer is not None:
            _demand_nameless_manifest(path, sealer)
        return Captured(kept, told.asked_for, told.remarks)


def anonymous_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """Add the options, and hand what they come to over as `anonymity`."""

    @wraps(command)
    def with_anonymity(*arguments: Any, anonymous: bool, yes: bool, **others: Any) -> _Result:
        return command(*arguments, anonymity=Anonymity(anonymous, yes), **others)

    return add_options(with_anonymity, _OPTIONS)


_OPTIONS = (
    click.option(
        "--anonymous",
        is_flag=True,
        help="For double-blind review: tell nothing that gives the author away.",
    ),
    click.option(
        "--yes",
        is_flag=True,
        help="Sign although something in the image gives the author away (with --anonymous).",
    ),
)


def typed_by_author(companions: Sequence[Path], capturing: CaptureRequest) -> list[tuple[str, str]]:
    """Return what the author typed that readers will see, each with a word on it."""
    run = capturing.run
    texts = [run.command or "", *run.variables, run.seed or ""]
    texts += [one.name for one in run.outputs]
    typed = [("a file named by --with", one.name) for one in companions]
    return [*typed, *(("what you say of the run", text) for text in texts)]


def _demand_nameless_key(sealer: Sealer) -> None:
    keys = sealer.known.only(sealer.signer)
    names = [name for one in keys.certificates for name in one.user_ids if name != ANONYMOUS]
    if names:
        raise RefusedError(
            f"the key {sealer.signer.grouped()} bears the name {printable(names[0])}",
            hint="make one without a name: repro-sign keygen --anonymous",
        )


def _ask(path: Path) -> None:
    if not sys.stdin.isatty() or not click.confirm("Sign it all the same?", err=True):
        raise RefusedError(
            f"{printable(str(path))} gives its author away, in what is said above; nothing was"
            " signed",
            hint="build it without that; --yes signs it all the same",
        )


def _in_image(path: Path, words: frozenset[str]) -> list[str]:
    try:
        with open_image(path) as image:
            return list(give_aways(image, words))
    except MalformedError as error:
        raise named_error(path, error) from error


def _beside(path: Path) -> Iterator[str]:
    for file in beside.read_manifests(path):
        names = [name for one in file.keys.certificates for name in one.user_ids]
        yield from (
            f"{file.path.name} beside it bears a name: {name}"
            for name in names
            if name != ANONYMOUS
        )


def _demand_nameless_manifest(path: Path, sealer: Sealer) -> None:
    """Refuse an older manifest by this key that tells more: it would keep what it says."""
    own = beside.by_signer(beside.find_manifests(path), sealer.signer)
    if own is None:
        return
    try:
        told = from_bytes(read(own, "manifest").text).provenance
    except MalformedError:
        return
    _, left = nameless(told)
    if left:
        raise RefusedError(
            f"{printable(str(own))} is there already, and tells more than that: {left[0]}",
            hint="take it away, and sign again",
        )


def _own_names(where: Locations) -> Iterator[str]:
    """Yield the names of this account and machine, of git's author, and in the keys here."""
    yield platform.node()
    if sys.platform != "win32":
        import os
        import pwd

        account = pwd.getpwuid(os.getuid())
        yield from (account.pw_name, account.pw_gecos.partition(",")[0])
    for setting in ("user.name", "user.email"):
        yield git_setting(setting) or ""
    yield from (key.name for key in signing_keys(where))
