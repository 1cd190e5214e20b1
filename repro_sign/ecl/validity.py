"""What makes Apptainer refuse every image: a control list that it loads and finds invalid.

It checks the list whenever it starts a SIF image, also where the list is not activated.
"""

import os
from collections.abc import Iterator

from repro_sign.ecl.control_list import MODES, ControlList, ExecGroup
from repro_sign.escaping import printable
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is invalid: a code of `rules.toml`, the group's number and its member."""

    code: str
    group: int
    member: str
    message: str


def faults(control: ControlList) -> Iterator[Fault]:
    """Yield what is invalid, as this machine's folders are."""
    seen = set[str]()
    for number, group in enumerate(control.groups):
        if group.dirpath in seen:
            message = f"an earlier group is for {_shown(group)} too"
            yield Fault("dirpath-twice", number, "dirpath", message)
        seen.add(group.dirpath)
        yield from _dirpath(group, number)
        if group.mode not in MODES:
            shown = repr(printable(group.mode)) if group.mode else "missing"
            yield Fault("mode-unknown", number, "mode", f"the mode is {shown}")
        for one in group.malformed:
            message = f"{printable(one, limit=60)!r} is no fingerprint of 40 digits"
            yield Fault("fingerprint-malformed", number, "keyfp", message)


def _dirpath(group: ExecGroup, number: int) -> Iterator[Fault]:
    path = group.dirpath
    if not path:
        return
    shown = _shown(group)
    if not os.path.isabs(path):
        yield Fault("dirpath-relative", number, "dirpath", f"{shown} does not begin with /")
    elif not os.path.exists(path):
        yield Fault("dirpath-missing", number, "dirpath", f"{shown} is not there")
    elif os.path.realpath(path) != path:
        real = printable(os.path.realpath(path))
        yield Fault("dirpath-not-real", number, "dirpath", f"{shown} is really {real}")


def _shown(group: ExecGroup) -> str:
    return printable(group.dirpath) if group.dirpath else "all other folders"
