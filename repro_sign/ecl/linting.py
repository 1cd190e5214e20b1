"""The traps of a control list, each as a finding with its line."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from repro_sign.ecl.control_list import ControlList, ExecGroup, Mode, parse, text_of
from repro_sign.ecl.global_ring import copied, useless
from repro_sign.ecl.validity import Fault, faults
from repro_sign.errors import MalformedError
from repro_sign.escaping import printable
from repro_sign.lint.finding import LintFinding
from repro_sign.lint.rules import read_rules
from repro_sign.openpgp.certificate import Certificate

RULES: Final = read_rules(__package__)
"""All rules by their codes."""
_NAMESPACES: Final = Path("/proc/sys/user/max_user_namespaces")
_HEAD: Final = re.compile(r"\s*\[\[\s*execgroup\s*\]\]")
_MEMBER: Final = re.compile(r"\s*[\"']?([^\s\"'=]+)[\"']?\s*=")
_MAX_FOUND: Final = 1000
_NO_GROUP: Final = -1
"""Of a fault that is the whole file's."""


def lint_control_list(
    path: Path, now: datetime, ring: tuple[Certificate, ...] | None = None
) -> tuple[LintFinding, ...]:
    """Say what in an `ecl.toml` does not do what its writer wants, by line: a thousand such things.

    `ring` are the certificates of the global key ring; without one, keys are not looked at. Raises
    `NoAnswerError` if the file can't be read.
    """
    data = text_of(path)
    of_text = islice(_of_text(data, now, ring), _MAX_FOUND)
    found = [*_of_file(path), *of_text, *_of_machine()]
    lines = _lines(data)
    findings = [_finding(one, path, lines) for one in found]
    return tuple(sorted(findings, key=lambda one: (one.line, one.code)))


def _of_text(data: bytes, now: datetime, ring: tuple[Certificate, ...] | None) -> Iterator[Fault]:
    try:
        control = parse(data)
    except MalformedError as error:
        yield _of_whole("unloadable", "", f"it can't be loaded: {error}")
        return
    if not control.activated:
        yield _of_whole("not-activated", "activated", "activated is not true")
    if control.legacy_insecure:
        yield _of_whole("legacy-insecure", "legacyinsecure", "legacyinsecure is true")
    if not control.groups:
        yield _of_whole("no-groups", "", "it has no [[execgroup]]")
    elif all(one.dirpath for one in control.groups):
        message = "no group has an empty dirpath, which would be for all other folders"
        yield _of_whole("no-fallback", "", message)
    yield from faults(control)
    yield from _unknown(control)
    folders = {one.dirpath for one in control.groups}
    for number, group in enumerate(control.groups):
        yield from _lists(group, number)
        yield from _folder(group, number, folders)
        if ring is not None:
            yield from _keys(group, number, ring, now)


def _unknown(control: ControlList) -> Iterator[Fault]:
    for name in control.unknown:
        yield _of_whole("unknown-member", name, f"Apptainer does not know {printable(name)!r}")
    for number, group in enumerate(control.groups):
        for name in group.unknown:
            message = f"Apptainer does not know {printable(name)!r} in a group"
            yield Fault("unknown-member", number, name, message)


def _lists(group: ExecGroup, number: int) -> Iterator[Fault]:
    if group.mode == Mode.WHITELIST and not group.fingerprints:
        yield Fault("whitelist-empty", number, "keyfp", f"{group.name} lists nobody")
    if group.mode == Mode.WHITESTRICT and not group.fingerprints:
        yield Fault("whitestrict-empty", number, "keyfp", f"{group.name} requires nobody")
    if group.mode == Mode.BLACKLIST:
        message = f"{group.name} is a blacklist, which anybody gets around"
        yield Fault("blacklist-weak", number, "mode", message)


def _folder(group: ExecGroup, number: int, others: set[str]) -> Iterator[Fault]:
    path = group.dirpath
    if not path or not os.path.isdir(path):
        return
    shown = printable(path)
    if os.stat(path).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        message = f"not only its owner can write into {shown}"
        yield Fault("folder-writable", number, "dirpath", message)
    try:
        below = sorted(one.path for one in os.scandir(path) if one.is_dir(follow_symlinks=False))
    except OSError:
        return
    left = [one for one in below if one not in others]
    if left:
        message = f"images in {printable(left[0])} do not belong to {group.name}"
        yield Fault("subfolder-not-covered", number, "dirpath", message)


def _keys(
    group: ExecGroup, number: int, ring: tuple[Certificate, ...], now: datetime
) -> Iterator[Fault]:
    known = {one.fingerprint.hex: one for one in ring}
    twice = {one.hex for one in copied(ring)}
    for name in sorted(group.listed - {one.upper() for one in group.malformed}):
        if name not in known:
            message = f"{name} is not in the global key ring"
            yield Fault("key-not-in-ring", number, "keyfp", message)
            continue
        if name in twice:
            message = f"the ring holds copies of {name} that differ"
            yield Fault("key-twice-in-ring", number, "keyfp", message)
        why = useless(known[name], now)
        if why:
            yield Fault("key-does-not-count", number, "keyfp", f"{name}: {why}")


def _of_file(path: Path) -> Iterator[Fault]:
    if os.name == "posix" and os.stat(path).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield _of_whole("file-writable", "", "not only its owner can write it")


def _of_machine() -> Iterator[Fault]:
    try:
        allowed = int(_NAMESPACES.read_text("ascii"))
    except (OSError, ValueError):  # another system, or an older kernel
        return
    if allowed:
        message = "users of this machine can make namespaces, and get around any list by that"
        yield _of_whole("user-namespaces", "", message)


def _of_whole(code: str, member: str, message: str) -> Fault:
    return Fault(code, _NO_GROUP, member, message)


def _finding(one: Fault, path: Path, lines: Mapping[tuple[int, str], int]) -> LintFinding:
    rule = RULES[one.code]
    head = lines.get((one.group, ""), 1)
    line = lines.get((one.group, one.member), head)
    return LintFinding(one.code, rule.level, str(path), line, one.message, rule.fix)


def _lines(data: bytes) -> dict[tuple[int, str], int]:
    """Return where each member of each group stands, as people lay such files out."""
    found: dict[tuple[int, str], int] = {}
    group = _NO_GROUP
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if _HEAD.match(line):
            group += 1
            found[group, ""] = number
        elif member := _MEMBER.match(line):
            found.setdefault((group, member[1]), number)
    return found
